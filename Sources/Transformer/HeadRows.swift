import Tensor

/// The rows of a micro-batch whose logits are needed: completion positions only. T target rows.
///
/// Logits are wide (V), so at most `logitBytesMax` of them exist at a time: more target rows than fit are taken in pieces,
/// whose logits the backward pass computes a second time. Which pieces there are changes no log-probability.
final class HeadRows {
  let dHidden: FloatBuffer  // (T,C)
  private let hidden: FloatBuffer  // (T,C)
  private let normed: FloatBuffer  // (T,C)
  private let dNormed: FloatBuffer  // (T,C)
  private let scales: FloatBuffer  // (T)
  private let entropies: FloatBuffer  // (piece)
  private let rows: FloatBuffer  // (piece,V) logits → log-probabilities → gradients of the logits
  private let pieceRows: Int
  private let V: Int
  private let C: Int
  /// The piece whose log-probabilities are in `rows`.
  private var piece = 0..<0

  init(_ configuration: ModelConfiguration, rowsMax: Int, logitBytesMax: Int) {
    (V, C) = (configuration.vocabulary, configuration.hidden)
    pieceRows = min(rowsMax, max(1, logitBytesMax / (V * MemoryLayout<Float>.size)))
    let C = C
    func wide() -> FloatBuffer { FloatBuffer(count: rowsMax * C) }
    (hidden, normed, dNormed, dHidden) = (wide(), wide(), wide(), wide())
    scales = FloatBuffer(count: rowsMax)
    entropies = FloatBuffer(count: pieceRows)
    rows = FloatBuffer(count: pieceRows * V)
  }

  /// What the tempered distribution says about each target of each row, from the stream that left the last block.
  func forward(_ batch: MicroBatch, decoder: Decoder, stream: In, inverseTemperature: Float) -> [[TokenOutcome]] {
    gatherRows(out: hidden.pointer, input: stream, rows: batch.targetRows.map(\.row), C: C)
    var outcomes: [[TokenOutcome]] = []
    for piece in pieces(batch.targetRows.count) {
      compute(piece, decoder, inverseTemperature)
      for (row, targetRow) in batch.targetRows[piece].enumerated() {
        outcomes.append(
          targetRow.targets.map {
            TokenOutcome(logProbability: rows[row * V + Int($0.token)], entropy: entropies[row])
          })
      }
    }
    return outcomes
  }

  /// `dHidden` (T,C), and the gradients of output matrix and last norm. `forward` of the same batch came before.
  func backward(
    _ batch: MicroBatch, losses: [CompletionIndex: [TokenLoss]], decoder: Decoder, workspace: BackwardWorkspace,
    gradients: Parameters, inverseTemperature: Float
  ) {
    // Backwards, because the last piece still is what `forward` left.
    for piece in pieces(batch.targetRows.count).reversed() {
      if self.piece != piece { compute(piece, decoder, inverseTemperature) }
      self.piece = 0..<0
      let wanted = batch.targetRows[piece].map { targetRow in
        targetRow.targets.map { target in
          (token: target.token, loss: losses[target.completion]?[target.index] ?? TokenLoss(logProbability: 0))
        }
      }
      let (rows, V) = (rows.pointer, V)
      decoder.pool.run(wanted.count) { row, _ in
        temperedLogSoftmaxBackwardRow(
          rows + row * V,
          targets: wanted[row].map { TokenGradient(token: $0.token, logProbability: $0.loss.logProbability) },
          entropyGradient: wanted[row].reduce(0) { $0 + $1.loss.entropy }, inverseTemperature: inverseTemperature, V: V)
      }
      let offset = piece.lowerBound * C
      decoder.headBackward(
        dHidden: dHidden.pointer + offset, dLogits: rows, hidden: hidden.pointer + offset,
        normed: normed.pointer + offset, scales: scales.pointer + piece.lowerBound, dNormed: dNormed.pointer + offset,
        M: piece.count, workspace: workspace, gradients: gradients)
    }
  }

  /// Tempered log-probabilities and entropies of a piece's rows.
  private func compute(_ piece: Range<Int>, _ decoder: Decoder, _ inverseTemperature: Float) {
    let offset = piece.lowerBound * C
    decoder.head(
      logits: rows.pointer, hidden: hidden.pointer + offset, normed: normed.pointer + offset,
      scales: scales.pointer + piece.lowerBound, M: piece.count)
    let (rows, entropies, V) = (rows.pointer, entropies.pointer, V)
    decoder.pool.run(piece.count) { row, _ in
      temperedLogSoftmaxRow(rows + row * V, inverseTemperature: inverseTemperature, V: V)
      entropies[row] = entropyRow(rows + row * V, V: V)
    }
    self.piece = piece
  }

  private func pieces(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: pieceRows).map { $0..<min(count, $0 + pieceRows) }
  }
}
