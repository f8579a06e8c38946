import Domain
import Engine
import Foundation
import Transformer

/// One small iteration on the engine as the daemon holds it, sampler, cache, trainer and optimizer together: 32
/// completions sampled from four prompts, then trained. For the peak of memory, and for promise P5: the recomputed
/// log-probabilities are those sampled, bit for bit.
func measureRound(_ bench: Bench) async throws -> Outcome {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("autodidact-benchmark-\(getpid())")
  defer { try? FileManager.default.removeItem(at: folder) }
  let engine = try await Engine.open(
    modelFile: bench.model, modelDigest: "", threads: bench.threads, checkpoints: folder.path, keep: 1)
  let prompts = try Prompts(bench)
  let clock = ContinuousClock()
  let start = clock.now
  let requests = (0..<32).map { index in
    GenerationRequest(
      prompt: prompts.texts[index / 8], sampling: Sampling(temperature: 1, tokensMax: 48, stops: []),
      key: RandomKey(seed: 2, purpose: .solve, iteration: 1, slot: index))
  }
  let generations = try await engine.generate(requests) { _ in }
  let sampled = clock.now
  let samples = zip(requests, generations).enumerated().map { index, pair in
    TrainingSample(
      id: "\(index)", prompt: pair.0.prompt, tokens: pair.1.tokens, logProbabilities: pair.1.logProbabilities,
      temperature: 1, advantage: index % 2 == 0 ? 1 : -1)
  }
  let update = try await engine.update(samples, settings: LearnerSettings()) { _ in }
  let trained = clock.now
  guard update.logProbabilityMismatches == 0 else {
    throw BenchmarkError(
      "\(update.logProbabilityMismatches) of \(update.tokens) log-probabilities differ from those sampled: promise P5 is broken"
    )
  }
  return Outcome(notes: [
    "\(bench.modelName): \(update.tokens) tokens sampled in \(fixed((sampled - start) / .seconds(1), 1)) s and trained in "
      + "\(fixed((trained - sampled) / .seconds(1), 1)) s, digests included; 0 log-probabilities differ in any bit"
  ])
}

/// Four prompts of about 200 tokens.
private struct Prompts {
  let texts: [String]

  init(_ bench: Bench) throws {
    let tokenizer = try Tokenizer(try GGUFFile(path: bench.model))
    texts = (0..<4).map { prompt in
      var text = "# Functions, part \(prompt).\n"
      var number = 0
      while tokenizer.encode(text, allowSpecial: false).count < 200 {
        text += "def f\(number)(x):\n    return x + \(number * (prompt + 1))\n"
        number += 1
      }
      return text
    }
  }
}

extension Bench {
  /// The model's file without its folder and ending.
  var modelName: String { URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent }
}
