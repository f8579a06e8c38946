import CKernels

/// out (M,N) = input (M,K) · weightᵀ (N,K) + bias (N); with `adding`, out = out + that.
///
/// Every output element sums over k = 0, 1, 2 … in one chain, whatever M and the number of threads.
package func linearForward(
  out: Out, input: In, weight: PackedMatrix, bias: In? = nil, adding: Bool = false, M: Int, pool: ThreadPool
) {
  let cut = LinearCut(M: M, panels: weight.panels, K: weight.inputs)
  let kernels = pool.kernels
  pool.run(cut.items) { item, _ in
    let (rows, panels) = (cut.rows(item), cut.panels(item))
    var work = kernel_linear(
      out: out, input: input, weight: weight.pointer, bias: bias, N: weight.outputs, K: weight.inputs,
      row_begin: rows.lowerBound, row_end: rows.upperBound, panel_begin: panels.lowerBound,
      panel_end: panels.upperBound, adding: adding, streaming: cut.isStreaming)
    kernels.pointee.linear(&work)
  }
}

/// How a product is cut into items: groups of panels that fit the second-level cache times chunks of rows. Which items
/// there are changes no bit.
private struct LinearCut {
  let M: Int
  let panelCount: Int
  /// Panels of an item, in pairs where they can be: the widest tiles take two.
  let group: Int
  let rowChunks: Int
  static let rowChunk = 96
  /// Up to here a product is bound by reading the weights.
  static let streamingRows = 64

  init(M: Int, panels: Int, K: Int) {
    self.M = M
    panelCount = panels
    let fitting = (256 << 10) / (K * PackedMatrix.panelWidth * MemoryLayout<Float>.stride)
    group = max(2, min(fitting, panels / 16) & ~1)
    rowChunks = M <= Self.streamingRows ? 1 : (M + Self.rowChunk - 1) / Self.rowChunk
  }

  var isStreaming: Bool { M <= Self.streamingRows }

  var items: Int { (panelCount + group - 1) / group * rowChunks }

  func rows(_ item: Int) -> Range<Int> {
    if isStreaming { return 0..<M }
    let start = item % rowChunks * Self.rowChunk
    return start..<min(M, start + Self.rowChunk)
  }

  func panels(_ item: Int) -> Range<Int> {
    let start = item / rowChunks * group
    return start..<min(panelCount, start + group)
  }
}

/// dInput (M,K) = dOut (M,N) · weight (N,K); with `adding`, dInput += that. `weight` is the unpacked matrix.
package func linearBackwardInput(
  dInput: Out, dOut: In, weight: In, adding: Bool, M: Int, N: Int, K: Int, pool: ThreadPool
) {
  if !adding { fill(out: dInput, value: 0, count: M * K, pool: pool) }
  let sum = kernel_sum(
    c: dInput, c_row: K, a: dOut, a_row: N, a_depth: 1, b: weight, b_depth: K, rows: M, columns: K, depth: N)
  addProducts(sum, pool: pool)
}

/// dWeight (N,K) += dOutᵀ (N,M) · input (M,K).
package func linearBackwardWeight(dWeight: Out, dOut: In, input: In, M: Int, N: Int, K: Int, pool: ThreadPool) {
  let sum = kernel_sum(
    c: dWeight, c_row: K, a: dOut, a_row: 1, a_depth: N, b: input, b_depth: K, rows: N, columns: K, depth: M)
  addProducts(sum, pool: pool)
}

/// `sum.c` += a·b, cut into blocks of 96 rows and 192 columns: a millisecond each, so that a thread whose core is taken by
/// a neighbour delays little.
func addProducts(_ sum: kernel_sum, pool: ThreadPool) {
  let (rows, columns) = (96, 192)
  let kernels = pool.kernels
  let across = (sum.columns + columns - 1) / columns
  pool.run((sum.rows + rows - 1) / rows * across) { item, _ in
    let (row, column) = (item / across * rows, item % across * columns)
    var block = sum
    block.c = sum.c + (row * sum.c_row + column)
    block.a = sum.a + row * sum.a_row
    block.b = sum.b + column
    block.rows = min(rows, sum.rows - row)
    block.columns = min(columns, sum.columns - column)
    kernels.pointee.add_products(&block)
  }
}

/// dBias (N) += the column sums of dOut (M,N), rows in order.
package func linearBackwardBias(dBias: Out, dOut: In, M: Int, N: Int, pool: ThreadPool) {
  let kernels = pool.kernels
  pool.runChunks(N, chunk: 64) { columns, _ in
    for row in 0..<M {
      kernels.pointee.add(dBias + columns.lowerBound, dOut + row * N + columns.lowerBound, columns.count)
    }
  }
}
