import Domain
import Engine
import Foundation
import Testing

/// Seconds and peak memory of one engine: sampling of 32 completions, then an update on 8 × 256 tokens. One process for
/// each figure, because the peak is the process's: `AUTODIDACT_BENCHMARK=update:MODEL:METHOD swift test -c release --filter
/// UpdateBenchmark`, with smollm2 or qwen and full or lora. Not a test of anything, so it runs on demand only.
@Suite("Update benchmark", .enabled(if: BenchmarkChoice.wanted != nil, "set AUTODIDACT_BENCHMARK=update:qwen:lora"))
struct UpdateBenchmark {
  @Test("sampling, an update and the peak memory")
  func update() async throws {
    let (file, method) = try #require(BenchmarkChoice.wanted)
    let clock = ContinuousClock()
    var settings = ExperimentSettings()
    settings.learner.method = method
    settings.learner.entropyCoefficient = 0
    func measure<Result>(_ name: String, _ body: () async throws -> Result) async throws -> Result {
      let began = clock.now
      let result = try await body()
      print("BENCH \(name): \((clock.now - began) / .seconds(1)) s, \(Self.memory())")
      return result
    }
    let engine = try await measure("open, \(method.rawValue)") {
      try await Engine.open(
        modelFile: file.path, modelDigest: "", threads: 2, checkpoints: "/nonexistent", keep: 1,
        training: TrainingMethod(settings))
    }
    let prompt = String(repeating: "def f(x):\n    return x + 1\n\n", count: 20)
    let generations = try await measure("32 completions of 64 tokens on prompts of some 200") {
      try await engine.generate(
        (0..<32).map { slot in
          GenerationRequest(
            prompt: "# \(slot % 4)\n" + prompt, sampling: Sampling(temperature: 1, tokensMax: 64, stops: []),
            key: RandomKey(seed: 1, purpose: .solve, iteration: 1, slot: slot))
        }
      ) { _ in }
    }
    // Long texts are cut from what was sampled: their log-probabilities are not the sampler's, which costs nothing else.
    let tokens = Array(generations.flatMap(\.tokens).prefix(256))
    let samples = (0..<8).map { index in
      TrainingSample(
        id: "\(index)", prompt: "\(index)", tokens: tokens, logProbabilities: tokens.map { _ in -2 }, temperature: 1,
        advantage: index % 2 == 0 ? 1 : -1)
    }
    for name in ["first", "second"] {
      let outcome = try await measure("\(name) update on \(samples.count) × \(tokens.count)") {
        try await engine.update(samples, settings: settings.learner) { _ in }
      }
      #expect(outcome.tokens == samples.count * tokens.count)
    }
  }

  /// Largest and present resident memory of this process.
  private static func memory() -> String {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let lines = status.split(separator: "\n").filter { $0.hasPrefix("VmHWM") || $0.hasPrefix("VmRSS") }
    return lines.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }.joined(separator: ", ")
  }
}

/// What `AUTODIDACT_BENCHMARK` asks for.
private enum BenchmarkChoice {
  static let wanted: (file: ReferenceFile, method: LearnerSettings.Method)? = {
    let words = (ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK"] ?? "").split(separator: ":").map(
      String.init)
    guard words.count == 3, words[0] == "update", let method = LearnerSettings.Method(rawValue: words[2]) else {
      return nil
    }
    return (words[1] == "qwen" ? ReferenceFiles.qwen : ReferenceFiles.smolLM2, method)
  }()
}
