import CKernels

extension PackedMatrix {
  /// Rows of a piece that `linearBackwardInput` unpacks at a time: 16 MiB, small enough for the last cache, large enough
  /// that the sums of the product are rarely stored in between.
  fileprivate var pieceRows: Int {
    min(outputs, max(Self.panelWidth, (4 << 20) / inputs / Self.panelWidth * Self.panelWidth))
  }

  /// Floats of scratch that `linearBackwardInput` needs.
  package var pieceCount: Int { pieceRows * inputs }

  /// out (rows.count,K) = the rows `rows` of the weight, row-major: the reverse of `pack`. The backward products of a
  /// model whose matrices are kept in packed form only read them this way, a piece at a time.
  ///
  /// - Parameter rows: begins at a panel's edge, a multiple of 16.
  package func unpack(rows: Range<Int>, into out: Out, pool: ThreadPool) {
    let first = rows.lowerBound / Self.panelWidth
    let panels = (rows.count + Self.panelWidth - 1) / Self.panelWidth
    pool.runChunks(panels, chunk: 4) { range, _ in
      for panel in range {
        let row = panel * Self.panelWidth
        unpackPanel(first + panel, count: min(Self.panelWidth, rows.count - row), into: out + row * inputs)
      }
    }
  }

  private func unpackPanel(_ panel: Int, count: Int, into out: Out) {
    let source = pointer + panel * Self.panelWidth * inputs
    // Blocks of 16 columns keep the source lines in the first-level cache while each row takes its lane of them.
    for block in stride(from: 0, to: inputs, by: 16) {
      let end = min(inputs, block + 16)
      for lane in 0..<count {
        let target = out + lane * inputs
        var column = block
        while column < end {
          target[column] = source[column * Self.panelWidth + lane]
          column += 1
        }
      }
    }
  }
}

/// dInput (M,K) = dOut (M,N) · weight (N,K); with `adding`, dInput += that. For a matrix that is kept in packed form only:
/// it is unpacked a piece of its rows at a time, a few percent of the product's time and no second copy of the weights.
/// `scratch` has `weight.pieceCount` floats.
package func linearBackwardInput(
  dInput: Out, dOut: In, weight: PackedMatrix, adding: Bool, scratch: Out, M: Int, pool: ThreadPool
) {
  let (N, K) = (weight.outputs, weight.inputs)
  if !adding { fill(out: dInput, value: 0, count: M * K, pool: pool) }
  for start in stride(from: 0, to: N, by: weight.pieceRows) {
    let piece = start..<min(N, start + weight.pieceRows)
    weight.unpack(rows: piece, into: scratch, pool: pool)
    let sum = kernel_sum(
      c: dInput, c_row: K, a: dOut + start, a_row: N, a_depth: 1, b: scratch, b_depth: K, rows: M, columns: K,
      depth: piece.count)
    addProducts(sum, pool: pool)
  }
}
