import Tensor

/// The rows of a micro-batch whose logits are needed: completion positions only. T target rows.
final class HeadRows {
  let dHidden: FloatBuffer  // (T,C)
  private let hidden: FloatBuffer  // (T,C)
  private let normed: FloatBuffer  // (T,C)
  private let dNormed: FloatBuffer  // (T,C)
  private let scales: FloatBuffer  // (T)
  private let entropies: FloatBuffer  // (T)
  private let rows: FloatBuffer  // (T,V) logits → log-probabilities → gradients of the logits
  private let V: Int

  init(_ configuration: ModelConfiguration, rowsMax: Int) {
    V = configuration.vocabulary
    func wide() -> FloatBuffer { FloatBuffer(count: rowsMax * configuration.hidden) }
    (hidden, normed, dNormed, dHidden) = (wide(), wide(), wide(), wide())
    scales = FloatBuffer(count: rowsMax)
    entropies = FloatBuffer(count: rowsMax)
    rows = FloatBuffer(count: rowsMax * V)
  }

  /// From the stream that left the last block to tempered log-probabilities and entropies of the target rows.
  func forward(_ batch: MicroBatch, decoder: Decoder, stream: In, inverseTemperature: Float) {
    let T = batch.targetRows.count
    gatherRows(
      out: hidden.pointer, input: stream, rows: batch.targetRows.map(\.row), C: decoder.configuration.hidden)
    decoder.head(logits: rows.pointer, hidden: hidden.pointer, normed: normed.pointer, scales: scales.pointer, M: T)
    let (rows, entropies, V) = (rows.pointer, entropies.pointer, V)
    decoder.pool.run(T) { row, _ in
      temperedLogSoftmaxRow(rows + row * V, inverseTemperature: inverseTemperature, V: V)
      entropies[row] = entropyRow(rows + row * V, V: V)
    }
  }

  /// Valid between `forward` and `backward`.
  func outcome(row: Int, token: Int32) -> TokenOutcome {
    TokenOutcome(logProbability: rows[row * V + Int(token)], entropy: entropies[row])
  }

  /// `dHidden` (T,C), and the gradients of output matrix and last norm.
  func backward(
    _ batch: MicroBatch, losses: [CompletionIndex: [TokenLoss]], decoder: Decoder, gradients: Parameters,
    inverseTemperature: Float
  ) {
    let wanted = batch.targetRows.map { targetRow in
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
    decoder.headBackward(
      dHidden: dHidden.pointer, dLogits: rows, hidden: hidden.pointer, normed: normed.pointer, scales: scales.pointer,
      dNormed: dNormed.pointer, M: wanted.count, gradients: gradients)
  }
}
