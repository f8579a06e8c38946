import Foundation
import Tensor
import Testing
import Transformer

/// Speeds of the engine on SmolLM2 beside OpenBLAS's in the same process: `AUTODIDACT_BENCHMARK=1 swift test -c release
/// --filter EngineBenchmark` (`=decode` leaves training out). Not a test of anything, so it runs on demand only.
@Suite(
  "Engine benchmark", .serialized,
  .enabled(
    if: ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK"] != nil && ReferenceFiles.smolLM2.isUsable,
    "set AUTODIDACT_BENCHMARK"))
struct EngineBenchmark {
  private let pool = ThreadPool(threads: 2)
  private let clock = ContinuousClock()

  /// Multiply-adds of one token's matrices, forward, times two.
  private func flops(_ configuration: ModelConfiguration) -> Double {
    2 * Double(ParameterLayout(configuration).views.filter { $0.shape.count == 2 }.reduce(0) { $0 + $1.count })
  }

  /// The median seconds of `runs` calls after one to warm up.
  private func seconds(runs: Int = 5, _ body: () throws -> Void) rethrows -> Double {
    try body()
    let times = try (0..<runs).map { _ in try clock.measure { try body() } / .seconds(1) }
    return times.sorted()[runs / 2]
  }

  private func report(_ name: String, _ text: String) { print("BENCH \(name): \(text)") }

  @Test("prefill, decoding and a training step of SmolLM2")
  func smolLM2() throws {
    let sgemm = sgemmSpeed()
    let file = try GGUFFile(path: ReferenceFiles.smolLM2.path)
    let configuration = try ModelConfiguration(gguf: file)
    let parameters = try Parameters(gguf: file, configuration: configuration)
    let decoder = Decoder(configuration: configuration, parameters: parameters, pool: pool)
    let packing = seconds { decoder.weightsChanged() }
    report("packing", "\(packing) s")
    let tokens = (0..<4096).map { Int32(1000 + $0 % 9_001) }
    func speed(_ name: String, _ tokens: Int, _ seconds: Double, passes: Double = 1) {
      let rate = Double(tokens) / seconds
      let giga = rate * flops(configuration) * passes / 1e9
      report(
        name,
        "\(Int(rate)) tok/s, \(Int(giga)) GFLOP/s of matrices, \(Int(100 * giga / sgemm)) % of sgemm, \(seconds) s")
    }
    let session = InferenceSession(
      decoder: decoder, cache: KVCache(configuration: configuration, positionsMax: 12_000), rowsMax: 512, outputsMax: 32
    )
    let prefill = try seconds {
      let sequence = session.cache.makeSequence()
      _ = try session.run([DecodeSpan(sequence: sequence, tokens: Array(tokens[0..<512]))])
      session.cache.release(sequence)
    }
    speed("prefill 512", 512, prefill)
    for B in [1, 8, 32] {
      let sequences = (0..<B).map { _ in session.cache.makeSequence() }
      for sequence in sequences {
        _ = try session.run([DecodeSpan(sequence: sequence, tokens: Array(tokens[0..<140]), wantsLogits: false)])
      }
      let decode = try seconds(runs: 15) {
        let rows = try session.run(sequences.map { DecodeSpan(sequence: $0, tokens: [tokens[7]]) })
        rows.temperedLogSoftmax(inverseTemperature: 1.4, pool: pool)
      }
      speed("decode B=\(B) at 140–156, log-softmax included", B, decode)
      for sequence in sequences { session.cache.release(sequence) }
    }
    if ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK"] != "decode" { try training(decoder, tokens, speed) }
  }

  private func training(_ decoder: Decoder, _ tokens: [Int32], _ speed: (String, Int, Double, Double) -> Void) throws {
    let trainer = Trainer(decoder: decoder)
    let optimizer = Optimizer(layout: decoder.parameters.layout)
    let settings = Optimizer.Settings(
      learningRate: 1e-6, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, gradientNormMax: 1)
    func step(_ families: [TrainingFamily]) throws {
      trainer.zeroGradients()
      try trainer.accumulateGradients(families, inverseTemperature: 1) { _, outcomes in
        outcomes.map { _ in TokenLoss(logProbability: -1e-3) }
      }
      _ = optimizer.step(decoder, gradients: trainer.gradients, settings: settings)
    }
    let long = (0..<8).map { index in
      TrainingFamily(prompt: [tokens[index]], completions: [Array(tokens[index * 256..<index * 256 + 256])])
    }
    speed("training 8×256, all positions, AdamW included", 2048, try seconds(runs: 3) { try step(long) }, 3)
    let groups = (0..<4).map { group in
      TrainingFamily(
        prompt: Array(tokens[group * 200..<group * 200 + 200]),
        completions: (0..<8).map { Array(tokens[$0 * 16..<$0 * 16 + 16]) })
    }
    let lone = groups.flatMap { group in
      group.completions.map { TrainingFamily(prompt: group.prompt, completions: [$0]) }
    }
    let unique = 4 * (200 + 8 * 15)
    let all = 32 * 215
    let shared = try seconds(runs: 3) { try step(groups) }
    let unshared = try seconds(runs: 1) { try step(lone) }
    speed("training 4 groups of 8×16 on 200, shared", unique, shared, 3)
    speed("the same unshared", all, unshared, 3)
    report("sharing", "time ratio \(shared / unshared), unique/all \(Double(unique) / Double(all))")
    let norm = seconds(runs: 3) { _ = optimizer.step(decoder, gradients: trainer.gradients, settings: settings) }
    report("AdamW with norm and packing", "\(norm) s")
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    report("memory", status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }.map(String.init) ?? "unknown")
  }

  /// OpenBLAS, 2048³, GFLOP/s.
  private func sgemmSpeed() -> Double {
    let n = 2048
    let (a, b, c) = (FloatBuffer(count: n * n), FloatBuffer(count: n * n), FloatBuffer(count: n * n))
    for index in 0..<n * n { (a[index], b[index]) = (Float(index % 7), Float(index % 5)) }
    let time = seconds { blasProduct(out: c.pointer, a: a.pointer, b: b.pointer, M: n, N: n, K: n, pool: pool) }
    withExtendedLifetime((a, b, c)) {}
    let speed = 2 * pow(Double(n), 3) / time / 1e9
    report("OpenBLAS (\(blasCoreName())) sgemm 2048³", "\(Int(speed)) GFLOP/s")
    return speed
  }
}
