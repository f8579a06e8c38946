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
  let kernels = pool.kernels
  pool.runChunks(N, chunk: 64) { columns, _ in
    for row in 0..<M {
      kernels.pointee.add(dBias + columns.lowerBound, dOut + row * N + columns.lowerBound, columns.count)
    }
  }
}
