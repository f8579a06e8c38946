import Glibc
import Tensor
import Testing

@Suite("Kernel paths")
struct KernelPathTests {
  @Test("every processor has the portable path, and the best one serves when none is named")
  func best() throws {
    #expect(KernelPath.supported.first == .portable)
    #expect(try KernelPath.choose(named: nil) == KernelPath.supported.last)
    #expect(try KernelPath.choose(named: "") == KernelPath.supported.last)
    for path in KernelPath.supported { #expect(try KernelPath.choose(named: path.rawValue) == path) }
  }

  @Test("an unknown name is refused with the names that are allowed")
  func unknown() {
    let error = #expect(throws: KernelPathError.self) { try KernelPath.choose(named: "AVX2") }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("AUTODIDACT_KERNELS is \"AVX2\", not a kernel path; allowed here: portable"), "\(text)")
  }

  @Test("a path the processor lacks is refused")
  func lacking() throws {
    for path in KernelPath.allCases where !KernelPath.supported.contains(path) {
      let error = #expect(throws: KernelPathError.self) { try KernelPath.choose(named: path.rawValue) }
      #expect(error?.isKnown == true)
    }
  }

  @Test("a process that is told an impossible path stops with exit code 2")
  func refusal() async {
    await #expect(processExitsWith: .exitCode(2)) {
      setenv(KernelPath.variable, "mmx", 1)
      _ = ThreadPool(threads: 1)
    }
  }

  @Test(
    "AVX2 and AVX-512 give the same bits",
    .enabled(if: KernelPath.supported.contains(.avx512), "this processor has no AVX-512"))
  func sameBits() {
    let pools = [KernelPath.avx2, .avx512].map { ThreadPool(threads: 2, path: $0) }
    func compare(_ what: String, _ compute: (ThreadPool) -> [Float]) {
      expectSameBits(compute(pools[0]), compute(pools[1]), what)
    }
    let linear = LinearCase(M: 77, N: 213, K: 131)
    compare("linear") { linear.forward(bias: linear.bias, pool: $0) }
    compare("linear, backward") {
      let gradients = linear.backward(pool: $0)
      return gradients.dInput + gradients.dWeight
    }
    let attention = AttentionCase(prefix: 45, branches: [30, 7])
    compare("attention") { attention.forward(pool: $0) }
    compare("attention, backward") {
      let gradients = attention.backward(pool: $0)
      return gradients.dQuery + gradients.dKey + gradients.dValue
    }
    var random = TestRandom(seed: 12)
    let (x, y, w) = (random.floats(9 * 333, scale: 4), random.floats(9 * 333), random.floats(333))
    compare("norm") { pool in
      var (out, scales) = (x, [Float](repeating: 0, count: 9))
      rmsNormForward(out: &out, scales: &scales, input: x, weight: w, epsilon: 1e-5, M: 9, C: 333, pool: pool)
      var (dInput, dWeight) = (y, w)
      rmsNormBackward(
        dInput: &dInput, dWeight: &dWeight, dOut: y, input: x, weight: w, scales: scales, adding: true, M: 9, C: 333,
        pool: pool)
      return out + scales + dInput + dWeight
    }
    compare("SwiGLU") { pool in
      var (out, dGate, dUp) = (x, x, x)
      swigluForward(out: &out, gate: x, up: y, count: x.count, pool: pool)
      swigluBackward(dGate: &dGate, dUp: &dUp, dOut: y, gate: x, up: y, count: x.count, pool: pool)
      return out + dGate + dUp
    }
    compare("log-softmax") { pool in
      var row = x
      temperedLogSoftmaxRow(&row, inverseTemperature: 1.4, V: x.count, path: pool.path)
      let entropy = entropyRow(row, V: x.count, path: pool.path)
      temperedLogSoftmaxBackwardRow(
        &row, targets: [TokenGradient(token: 3, logProbability: 0.5)], entropyGradient: 0.1, inverseTemperature: 1.4,
        V: x.count, path: pool.path)
      return row + [entropy]
    }
    compare("AdamW") { pool in
      var (p, m, v) = (x, y, y.map(abs))
      adamWUpdate(
        parameters: &p, gradient: x, firstMoment: &m, secondMoment: &v, count: x.count,
        step: AdamWStep(
          learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, step: 2, gradientScale: 0.5),
        pool: pool)
      return p + m + v + [Float(sumOfSquares(x, count: x.count, pool: pool))]
    }
  }
}
