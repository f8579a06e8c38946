import Glibc
import Tensor
import Testing

@Suite("AdamW and the gradient norm")
struct AdamWTests {
  @Test(
    "three steps equal the textbook's, with decay, clipping factor and bias correction", arguments: [7, 70_001],
    KernelPath.supported)
  func steps(count: Int, path: KernelPath) {
    let pool = ThreadPool(threads: 2, path: path)
    var random = TestRandom(seed: 8)
    var p = random.floats(count)
    var (m, v) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    var (P, Ms, Vs) = (p.doubles, m.doubles, v.doubles)
    for step in 1...3 {
      let g = random.floats(count)
      adamWUpdate(
        parameters: &p, gradient: g, firstMoment: &m, secondMoment: &v, count: count,
        step: AdamWStep(
          learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, step: step, gradientScale: 0.5),
        pool: pool)
      for i in 0..<count {
        let d = Double(g[i]) * 0.5
        Ms[i] = 0.9 * Ms[i] + 0.1 * d
        Vs[i] = 0.95 * Vs[i] + 0.05 * d * d
        let mean = Ms[i] / (1 - pow(0.9, Double(step)))
        let spread = (Vs[i] / (1 - pow(0.95, Double(step)))).squareRoot() + 1e-8
        P[i] = P[i] * (1 - 0.01 * 0.1) - 0.01 * mean / spread
      }
    }
    expectClose(p, P, tolerance: 2e-6)
    expectClose(v, Vs, tolerance: 2e-6)
  }

  @Test(
    "the sum of squares is exact to double precision and the same on one thread and two",
    arguments: KernelPath.supported)
  func squares(path: KernelPath) {
    var random = TestRandom(seed: 9)
    let x = random.floats(300_003)
    let sums = [1, 2].map { sumOfSquares(x, count: x.count, pool: ThreadPool(threads: $0, path: path)) }
    #expect(sums[0] == sums[1])
    let naive = x.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(sums[0] - naive) < 1e-10 * naive)
  }
}
