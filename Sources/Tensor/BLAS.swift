import COpenBLAS

/// OpenBLAS, on one thread: the threads are ours and each calls it on a slice fixed by the shape, because a library that
/// cuts the matrix by itself changes the last bits with the number of threads.
enum BLAS {
  /// Done once, before the first product.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// c (M,N) = a·b + beta·c, row-major; `a` is (M,K), or (K,M) when transposed; `b` is (K,N), or (N,K) when transposed.
  static func sgemm(
    transposeA: Bool = false, transposeB: Bool = false, M: Int, N: Int, K: Int,
    a: In, lda: Int, b: In, ldb: Int, beta: Float, c: Out, ldc: Int
  ) {
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(M), blasint(N), blasint(K), 1, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
  }
}

/// The name of the processor kernels OpenBLAS chose ("Zen", "SkylakeX" …): part of the numerics profile, since replay
/// promises equal bits only where it is the same.
package func blasCoreName() -> String { String(cString: openblas_get_corename()) }

/// out (M,N) = a (M,K) · b (N,K)ᵀ by OpenBLAS on the pool's threads: the yardstick of the benchmarks.
package func blasProduct(out: Out, a: In, b: In, M: Int, N: Int, K: Int, pool: ThreadPool) {
  let slice = (M + pool.threads - 1) / pool.threads
  pool.runChunks(M, chunk: slice) { rows, _ in
    BLAS.sgemm(
      transposeB: true, M: rows.count, N: N, K: K, a: a + rows.lowerBound * K, lda: K, b: b, ldb: K, beta: 0,
      c: out + rows.lowerBound * N, ldc: N)
  }
}
