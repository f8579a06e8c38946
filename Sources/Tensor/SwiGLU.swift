import CKernels

/// out (count) = silu(gate)·up, silu(x) = x/(1 + e^−x). Shazeer 2020.
package func swigluForward(out: Out, gate: In, up: In, count: Int, pool: ThreadPool) {
  let kernels = pool.kernels
  pool.runChunks(count, chunk: 8_192) { range, _ in
    let first = range.lowerBound
    kernels.pointee.swiglu(out + first, gate + first, up + first, range.count)
  }
}

/// dGate, dUp (count) from dOut; may overwrite `gate` and `up` themselves.
package func swigluBackward(dGate: Out, dUp: Out, dOut: In, gate: In, up: In, count: Int, pool: ThreadPool) {
  let kernels = pool.kernels
  pool.runChunks(count, chunk: 8_192) { range, _ in
    let first = range.lowerBound
    kernels.pointee.swiglu_backward(dGate + first, dUp + first, dOut + first, gate + first, up + first, range.count)
  }
}
