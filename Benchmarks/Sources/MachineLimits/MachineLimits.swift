import Tensor

/// What this machine can do, measured by loops that do nothing else: the yardsticks beside every figure.
///
/// Each probe returns the best of its rounds, because a limit is what is possible; the figures beside it are medians.
package struct MachineLimits: Codable, Sendable {
  /// Fused multiply-adds on registers, AVX2, GFLOP/s.
  package var fusedMultiplyAdd: Double
  /// OpenBLAS sgemm 2048³ on our slices, GFLOP/s.
  package var sgemm: Double
  /// Reading memory that no cache holds, GB/s.
  package var read: Double

  /// Measures with `threads` threads; a second, about.
  package static func measure(threads: Int, rounds: Int) -> MachineLimits {
    let pool = ThreadPool(threads: threads)
    return MachineLimits(
      fusedMultiplyAdd: fusedMultiplyAddSpeed(pool: pool, rounds: rounds),
      sgemm: sgemmSpeed(pool: pool, rounds: rounds), read: readSpeed(pool: pool, rounds: rounds))
  }

  /// The better of two measurements of the same machine, limit by limit.
  package func best(_ other: MachineLimits) -> MachineLimits {
    MachineLimits(
      fusedMultiplyAdd: max(fusedMultiplyAdd, other.fusedMultiplyAdd), sgemm: max(sgemm, other.sgemm),
      read: max(read, other.read))
  }
}

/// The shortest of `rounds` calls after one to warm up, in seconds.
private func shortest(rounds: Int, _ body: () -> Void) -> Double {
  let clock = ContinuousClock()
  body()
  return (0..<rounds).map { _ in clock.measure(body) / .seconds(1) }.min() ?? 0
}

/// GFLOP/s of OpenBLAS on square matrices of 2048.
private func sgemmSpeed(pool: ThreadPool, rounds: Int) -> Double {
  let n = 2048
  let (a, b, c) = (FloatBuffer(count: n * n), FloatBuffer(count: n * n), FloatBuffer(count: n * n))
  for index in 0..<n * n { (a[index], b[index]) = (Float(index % 7), Float(index % 5)) }
  let time = shortest(rounds: rounds) {
    blasProduct(out: c.pointer, a: a.pointer, b: b.pointer, M: n, N: n, K: n, pool: pool)
  }
  withExtendedLifetime((a, b, c)) {}
  return 2 * Double(n) * Double(n) * Double(n) / time / 1e9
}

/// GB/s of summing half a gigabyte.
private func readSpeed(pool: ThreadPool, rounds: Int) -> Double {
  let count = 128 << 20
  let buffer = FloatBuffer(count: count)
  let sums = FloatBuffer(count: count >> 18)
  fill(out: buffer.pointer, value: 1, count: count, pool: pool)
  let time = shortest(rounds: rounds) {
    pool.runChunks(count, chunk: 1 << 18) { range, _ in
      sums[range.lowerBound >> 18] = sum(buffer.pointer + range.lowerBound, count: range.count)
    }
  }
  // Not a precondition: this module is compiled without them, and a sum that nobody looks at would not be computed.
  guard sums[0] == Float(1 << 18) else { fatalError("the sum of \(1 << 18) ones is \(sums[0])") }
  return Double(count * MemoryLayout<Float>.stride) / time / 1e9
}

/// Sum of `count` floats, a multiple of 64, in eight chains, so that only memory is waited for.
private func sum(_ pointer: In, count: Int) -> Float {
  let vectors = UnsafeRawPointer(pointer).assumingMemoryBound(to: SIMD8<Float>.self)
  var (s0, s1, s2, s3) = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
  var (s4, s5, s6, s7) = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
  for index in stride(from: 0, to: count / 8, by: 8) {
    s0 += vectors[index]
    s1 += vectors[index + 1]
    s2 += vectors[index + 2]
    s3 += vectors[index + 3]
    s4 += vectors[index + 4]
    s5 += vectors[index + 5]
    s6 += vectors[index + 6]
    s7 += vectors[index + 7]
  }
  return ((s0 + s1) + (s2 + s3) + ((s4 + s5) + (s6 + s7))).sum()
}

/// GFLOP/s of twelve independent chains of multiply-adds: enough to fill two units of latency four.
private func fusedMultiplyAddSpeed(pool: ThreadPool, rounds: Int) -> Double {
  let (steps, items) = (2_000_000, 8 * pool.threads)
  let results = FloatBuffer(count: items)
  let time = shortest(rounds: rounds) {
    pool.run(items) { item, _ in results[item] = multiplyAddChains(steps: steps, factor: 0.999 + Float(item) * 1e-6) }
  }
  guard (0..<items).allSatisfy({ results[$0].isFinite }) else {
    fatalError("the chains of multiply-adds left the finite numbers")
  }
  return Double(items) * Double(steps) * 12 * 8 * 2 / time / 1e9
}

@inline(never) private func multiplyAddChains(steps: Int, factor: Float) -> Float {
  let (x, y) = (SIMD8<Float>(repeating: factor), SIMD8<Float>(repeating: 1e-3))
  var (s0, s1, s2, s3) = (x, x + 1, x + 2, x + 3)
  var (s4, s5, s6, s7) = (x + 4, x + 5, x + 6, x + 7)
  var (s8, s9, s10, s11) = (x + 8, x + 9, x + 10, x + 11)
  for _ in 0..<steps {
    s0 = y.addingProduct(s0, x)
    s1 = y.addingProduct(s1, x)
    s2 = y.addingProduct(s2, x)
    s3 = y.addingProduct(s3, x)
    s4 = y.addingProduct(s4, x)
    s5 = y.addingProduct(s5, x)
    s6 = y.addingProduct(s6, x)
    s7 = y.addingProduct(s7, x)
    s8 = y.addingProduct(s8, x)
    s9 = y.addingProduct(s9, x)
    s10 = y.addingProduct(s10, x)
    s11 = y.addingProduct(s11, x)
  }
  let low = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
  return (low + ((s8 + s9) + (s10 + s11))).sum()
}
