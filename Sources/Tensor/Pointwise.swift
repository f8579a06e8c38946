import CKernels

/// out (count) = e^input, by the vector path whatever the count. Sampling turns log-probabilities into probabilities by it.
package func expForward(out: Out, input: In, count: Int, path: KernelPath? = nil) {
  kernels(path).pointee.exponential(out, input, count)
}

/// out (count) += input, shared among the threads: residual connections and their gradients.
package func add(out: Out, input: In, count: Int, pool: ThreadPool) {
  let kernels = pool.kernels
  pool.runChunks(count, chunk: 4_096) { range, _ in
    kernels.pointee.add(out + range.lowerBound, input + range.lowerBound, range.count)
  }
}

/// out (count) = value, shared among the threads.
package func fill(out: Out, value: Float, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 1 << 18) { range, _ in
    (out + range.lowerBound).update(repeating: value, count: range.count)
  }
}

/// out (count) = input, shared among the threads.
package func copy(out: Out, input: In, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 4_096) { range, _ in
    (out + range.lowerBound).update(from: input + range.lowerBound, count: range.count)
  }
}
