import Glibc
import Tensor
import Testing

@Suite("Tempered log-softmax")
struct LogSoftmaxTests {
  private let temperature: Float = 0.7

  @Test("log-probabilities and entropy equal the naive ones", arguments: [3, 97, 512, 49_152], KernelPath.supported)
  func forward(V: Int, path: KernelPath) {
    var random = TestRandom(seed: 5)
    let logits = random.floats(V, scale: 12)
    var row = logits
    temperedLogSoftmaxRow(&row, inverseTemperature: 1 / temperature, V: V, path: path)
    let naive = Naive.logSoftmax(logits.doubles, inverseTemperature: Double(1 / temperature))
    expectClose(row, naive, tolerance: 1e-6)
    let entropy = -naive.reduce(0) { $0 + exp($1) * $1 }
    #expect(abs(Double(entropyRow(row, V: V, path: path)) - entropy) < 1e-5 * max(entropy, 1))
  }

  @Test("a probability that vanishes leaves the entropy finite", arguments: KernelPath.supported)
  func certain(path: KernelPath) {
    var row: [Float] = [500, 0, -500]
    temperedLogSoftmaxRow(&row, inverseTemperature: 1, V: 3, path: path)
    #expect(row[0] == 0)
    #expect(entropyRow(row, V: 3, path: path) == 0)
  }

  @Test(
    "the gradient of several targets and of the entropy equals finite differences", arguments: [11, 40],
    KernelPath.supported)
  func backward(V: Int, path: KernelPath) {
    var random = TestRandom(seed: 6)
    let logits = random.floats(V, scale: 3)
    let targets = [
      TokenGradient(token: 2, logProbability: 0.7), TokenGradient(token: 9, logProbability: -1.3),
      TokenGradient(token: 2, logProbability: 0.1),
    ]
    var row = logits
    temperedLogSoftmaxRow(&row, inverseTemperature: 1 / temperature, V: V, path: path)
    temperedLogSoftmaxBackwardRow(
      &row, targets: targets, entropyGradient: 0.4, inverseTemperature: 1 / temperature, V: V, path: path)
    let gradient = numericalGradient(logits.doubles) { z in
      let logp = Naive.logSoftmax(z, inverseTemperature: Double(1 / temperature))
      let entropy = -logp.reduce(0) { $0 + exp($1) * $1 }
      return targets.reduce(0.4 * entropy) { $0 + Double($1.logProbability) * logp[Int($1.token)] }
    }
    expectClose(row, gradient)
  }
}
