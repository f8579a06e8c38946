/// out (M,N) = input (M,K) · weightᵀ (N,K) + bias (N); with `adding`, out = out + that.
///
/// Every output element sums over k = 0, 1, 2 … in one chain, whatever M and the number of threads (`Tile`).
package func linearForward(
  out: Out, input: In, weight: PackedMatrix, bias: In? = nil, adding: Bool = false, M: Int, pool: ThreadPool
) {
  let cut = LinearCut(M: M, panels: weight.panels, K: weight.inputs)
  pool.run(cut.items) { item, _ in
    if M <= LinearCut.streamingRows {
      for panel in cut.panels(item) {
        linearPanel(out: out, input: input, weight: weight, bias: bias, adding: adding, M: M, panel: panel)
      }
      return
    }
    let rows = cut.rows(item)
    var row = rows.lowerBound
    while row < rows.upperBound {
      let count = tileRows(remaining: rows.upperBound - row)
      for panel in cut.panels(item) {
        linearTile(
          out: out, input: input, weight: weight, bias: bias, adding: adding, row: row, rows: count, panel: panel)
      }
      row += count
    }
  }
}

/// How a product is cut into items: groups of panels that fit the second-level cache times chunks of rows. Which items
/// there are changes no bit.
private struct LinearCut {
  let M: Int
  let panelCount: Int
  let group: Int
  let rowChunks: Int
  static let rowChunk = 96
  /// Up to here a product is bound by reading the weights.
  static let streamingRows = 64

  init(M: Int, panels: Int, K: Int) {
    self.M = M
    panelCount = panels
    let fitting = max(1, (256 << 10) / (K * PackedMatrix.panelWidth * MemoryLayout<Float>.stride))
    group = max(1, min(fitting, panels / 12))
    rowChunks = (M + Self.rowChunk - 1) / Self.rowChunk
  }

  var items: Int { (panelCount + group - 1) / group * rowChunks }

  func rows(_ item: Int) -> Range<Int> {
    let start = item % rowChunks * Self.rowChunk
    return start..<min(M, start + Self.rowChunk)
  }

  func panels(_ item: Int) -> Range<Int> {
    let start = item / rowChunks * group
    return start..<min(panelCount, start + group)
  }
}

/// All rows of one panel when rows are few: the weights come from memory once and are the bottleneck, so each tile asks for
/// its share of the next panel while it computes.
@inline(__always) private func linearPanel(
  out: Out, input: In, weight: PackedMatrix, bias: In?, adding: Bool, M: Int, panel: Int
) {
  let floats = PackedMatrix.panelWidth * weight.inputs
  let next = panel + 1 < weight.panels ? weight.pointer + (panel + 1) * floats : nil
  var row = 0
  while row < M {
    let count = tileRows(remaining: M - row)
    // Tiles before the last lines of `next`: by row/M of the way through it.
    let ahead = next.map { $0 + floats * row / M }
    linearTile(
      out: out, input: input, weight: weight, bias: bias, adding: adding, row: row, rows: count, panel: panel,
      ahead: ahead, aheadStep: ahead == nil ? 0 : PackedMatrix.panelWidth * count / M)
    row += count
  }
}

@inline(__always) private func linearTile(
  out: Out, input: In, weight: PackedMatrix, bias: In?, adding: Bool, row: Int, rows: Int, panel: Int, ahead: In? = nil,
  aheadStep: Int = 0
) {
  let (N, K) = (weight.outputs, weight.inputs)
  let column = panel * PackedMatrix.panelWidth
  let tile = Tile(
    a: input + row * K, aRow: K, aDepth: 1, b: weight.pointer + column * K, bDepth: PackedMatrix.panelWidth, depth: K,
    c: out + row * N + column, cRow: N, ahead: ahead, aheadStep: aheadStep)
  if bias == nil, column + PackedMatrix.panelWidth <= N {
    multiply(tile, rows: rows, adding ? .add : .overwrite)
  } else {
    linearEdgeTile(
      tile, rows: rows, width: min(PackedMatrix.panelWidth, N - column), bias: bias.map { $0 + column }, adding: adding)
  }
}

/// A tile that is cut off at column N, or has a bias: through 6×16 floats of scratch.
@inline(never) private func linearEdgeTile(_ tile: Tile, rows: Int, width: Int, bias: In?, adding: Bool) {
  withUnsafeTemporaryAllocation(byteCount: 6 * 16 * 4, alignment: 64) { raw in
    let scratch = raw.baseAddress!.assumingMemoryBound(to: Float.self)
    var inner = tile
    inner.c = scratch
    inner.cRow = 16
    multiply(inner, rows: rows, .overwrite)
    for row in 0..<rows {
      for column in 0..<width {
        var value = scratch[row * 16 + column]
        if let bias { value += bias[column] }
        let target = tile.c + row * tile.cRow + column
        target.pointee = adding ? target.pointee + value : value
      }
    }
  }
}

/// dInput (M,K) = dOut (M,N) · weight (N,K); with `adding`, dInput += that. `weight` is the unpacked matrix.
package func linearBackwardInput(
  dInput: Out, dOut: In, weight: In, adding: Bool, M: Int, N: Int, K: Int, pool: ThreadPool
) {
  let slice = min(512, ((M + 1) / 2 + 7) / 8 * 8)
  pool.runChunks(M, chunk: slice) { rows, _ in
    BLAS.sgemm(
      M: rows.count, N: K, K: N, a: dOut + rows.lowerBound * N, lda: N, b: weight, ldb: K, beta: adding ? 1 : 0,
      c: dInput + rows.lowerBound * K, ldc: K)
  }
}

/// dWeight (N,K) += dOutᵀ (N,M) · input (M,K).
package func linearBackwardWeight(dWeight: Out, dOut: In, input: In, M: Int, N: Int, K: Int, pool: ThreadPool) {
  let slice = min(4096, max(48, ((N + 3) / 4 + 15) / 16 * 16))
  pool.runChunks(N, chunk: slice) { outputs, _ in
    BLAS.sgemm(
      transposeA: true, M: outputs.count, N: K, K: M, a: dOut + outputs.lowerBound, lda: N, b: input, ldb: K, beta: 1,
      c: dWeight + outputs.lowerBound * K, ldc: K)
  }
}

/// dBias (N) += the column sums of dOut (M,N), rows in order.
package func linearBackwardBias(dBias: Out, dOut: In, M: Int, N: Int, pool: ThreadPool) {
  pool.runChunks(N, chunk: 64) { columns, _ in
    for row in 0..<M {
      addInto(out: dBias + columns.lowerBound, input: dOut + row * N + columns.lowerBound, count: columns.count)
    }
  }
}
