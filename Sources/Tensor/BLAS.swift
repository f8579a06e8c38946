import COpenBLAS

/// OpenBLAS, on one thread: the yardstick of the benchmarks. The threads are ours, because a library that cuts the matrix
/// by itself changes the last bits with the number of threads.
private enum BLAS {
  /// Done once, before the first product.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// c (M,N) = a (M,K) · bᵀ, row-major; `b` is (N,K).
  static func sgemm(M: Int, N: Int, K: Int, a: In, b: In, c: Out) {
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(M), blasint(N), blasint(K), 1, a, blasint(K), b, blasint(K),
      0, c, blasint(N))
  }
}

/// The name of the processor kernels OpenBLAS chose ("Zen", "SkylakeX" …), for the tables of the benchmarks.
package func blasCoreName() -> String { String(cString: openblas_get_corename()) }

/// out (M,N) = a (M,K) · b (N,K)ᵀ by OpenBLAS on the pool's threads: the yardstick of the benchmarks.
package func blasProduct(out: Out, a: In, b: In, M: Int, N: Int, K: Int, pool: ThreadPool) {
  let slice = (M + pool.threads - 1) / pool.threads
  pool.runChunks(M, chunk: slice) { rows, _ in
    BLAS.sgemm(M: rows.count, N: N, K: K, a: a + rows.lowerBound * K, b: b, c: out + rows.lowerBound * N)
  }
}
