import CKernels

/// out (M,C) = input · scale · weight (C), where scale = 1/√(mean(input²) + epsilon) of the row is also kept in
/// `scales` (M) for the backward pass. Zhang & Sennrich 2019. Sums in one order for every row.
package func rmsNormForward(
  out: Out, scales: Out, input: In, weight: In, epsilon: Float, M: Int, C: Int, pool: ThreadPool
) {
  let kernels = pool.kernels
  pool.runChunks(M, chunk: 8) { rows, _ in
    for row in rows {
      scales[row] = kernels.pointee.rms_norm(out + row * C, input + row * C, weight, epsilon, C)
    }
  }
}

/// dInput (M,C) = gradient through the norm, plus dInput itself with `adding`; dWeight (C) += Σ over rows, in order.
///
/// With g = dOut·weight: dInput = scale·g − input·scale³/C·Σ(g·input).
package func rmsNormBackward(
  dInput: Out, dWeight: Out, dOut: In, input: In, weight: In, scales: In, adding: Bool, M: Int, C: Int,
  pool: ThreadPool
) {
  let kernels = pool.kernels
  pool.runChunks(C, chunk: 48) { columns, _ in
    let (first, count) = (columns.lowerBound, columns.count)
    for row in 0..<M {
      kernels.pointee.rms_norm_backward_weight(
        dWeight + first, dOut + row * C + first, input + row * C + first, scales[row], count)
    }
  }
  pool.runChunks(M, chunk: 8) { rows, _ in
    for row in rows {
      let offset = row * C
      kernels.pointee.rms_norm_backward(dInput + offset, dOut + offset, input + offset, weight, scales[row], adding, C)
    }
  }
}
