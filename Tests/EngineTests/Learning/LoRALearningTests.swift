import Domain
import Engine
import Foundation
import Testing
import Transformer

/// An engine that trains adapters: updates, checkpoints, and what belongs to which experiment.
@Suite("Learning with LoRA")
struct LoRALearningTests {
  private static func lora(
    rank: Int = 4, targets: Set<LearnerSettings.LoRATarget> = Set(LearnerSettings.LoRATarget.allCases),
    seed: UInt64 = 7
  ) -> TrainingMethod {
    .lora(rank: rank, alpha: 8, targets: targets, seed: seed)
  }

  private let experiment = ExperimentID(rawValue: UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
  private let anchor = LogAnchor(position: 7, hash: "00ff")
  private let advantages = [1.0, -1, 0.5, 2]

  @Test("the settings of an experiment choose the method, and the seed is the experiment's")
  func settings() {
    var settings = ExperimentSettings()
    #expect(TrainingMethod(settings) == .full)
    settings.learner.method = .lora
    settings.learner.loraTargets = [.value, .query]
    settings.seed = Seed(value: 5)
    #expect(TrainingMethod(settings) == .lora(rank: 16, alpha: 32, targets: [.query, .value], seed: 5))
  }

  @Test("the first values come from the seed and from nothing else: not from the other targets, not from the order")
  func beginning() throws {
    func adapters(_ method: TrainingMethod) throws -> [String: [Float]] {
      let trained = try TinyLearning(training: method).model.decoder.trained
      return Dictionary(
        uniqueKeysWithValues: trained.layout.views.map { ($0.name, Array(trained.elements($0))) })
    }
    let all = try adapters(Self.lora())
    #expect(try all == adapters(Self.lora()))
    let few = try adapters(Self.lora(targets: [.up, .key]))
    #expect(few.count == 8)
    for (name, values) in few { #expect(values == all[name], "\(name)") }
    let other = try adapters(Self.lora(seed: 8))
    for (name, values) in all {
      #expect((other[name] == values) == name.hasSuffix("lora_b"), "\(name)")
      let bound = 1 / Float(values.count / 4).squareRoot()
      #expect(values.allSatisfy { abs($0) <= bound })
      if name.hasSuffix("lora_b") { #expect(values.allSatisfy { $0 == 0 }) }
    }
    #expect(Set(all.values.filter { $0[0] != 0 }).count == 14)
  }

  @Test("updates are on-policy to the bit and have the same bits twice and on any number of threads")
  func deterministic() throws {
    let outcomes = try [1, 2, 1].map { threads in
      let learning = try TinyLearning(threads: threads, training: Self.lora())
      let first = try learning.perform(learning.samples(advantages), TinyLearning.moving)
      let second = try learning.perform(learning.samples(advantages), TinyLearning.moving)
      for outcome in [first, second] {
        #expect(outcome.logProbabilityMismatches == 0 && outcome.ratioDistanceMax == 0)
      }
      #expect(first.weightsDigest != second.weightsDigest)
      #expect(second.weightsDigest == learning.model.weightsDigest)
      return second
    }
    #expect(outcomes[0] == outcomes[1] && outcomes[1] == outcomes[2])
  }

  @Test("an update makes what was good likelier and what was bad less likely")
  func learns() throws {
    let learning = try TinyLearning(training: Self.lora())
    let samples = try learning.samples([1, -1])
    let before = try learning.loss(samples, TinyLearning.still)
    _ = try learning.perform(samples, TinyLearning.moving)
    #expect(try learning.loss(samples, TinyLearning.still) < before)
  }

  @Test("adapters and their moments come back with the same bits, sample alike, and training goes on")
  func roundTrip() throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path, keep: 2)
      let learning = try TinyLearning(training: Self.lora())
      let samples = try learning.samples(advantages)
      _ = try learning.perform(samples, TinyLearning.moving)
      let saved = try folder.write(learning.model, version: 1, experiment: experiment, head: anchor)
      #expect(saved.weightsDigest == learning.model.weightsDigest)
      #expect(saved.optimizerDigest == learning.model.optimizerDigest)
      let sampled = try learning.samples(advantages)
      let next = try learning.perform(samples, TinyLearning.moving)

      let restored = try TinyLearning(training: Self.lora())
      try folder.read(saved, experiment: experiment, into: restored.model)
      #expect(restored.model.weightsDigest == saved.weightsDigest)
      #expect(try restored.samples(advantages) == sampled)
      #expect(try restored.perform(samples, TinyLearning.moving) == next)
    }
  }

  @Test("going back to the base model is the beginning, and the same updates lead to the same bits again")
  func reset() throws {
    let learning = try TinyLearning(training: Self.lora())
    let samples = try learning.samples(advantages)
    let beginning = learning.model.weightsDigest
    let outcome = try learning.perform(samples, TinyLearning.moving)
    try learning.model.reset()
    #expect(learning.model.weightsDigest == beginning)
    #expect(try learning.samples(advantages) == samples)
    #expect(try learning.perform(samples, TinyLearning.moving) == outcome)
  }

  @Test("a checkpoint of another method, rank or other matrices is refused, and says what was found and expected")
  func foreign() throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path, keep: 9)
      func refusal(_ written: TrainingMethod, _ read: TrainingMethod) throws -> [String]? {
        let saved = try folder.write(
          TinyLearning(training: written).model, version: 1, experiment: experiment, head: anchor)
        let model = try TinyLearning(training: read).model
        let before = model.weightsDigest
        do {
          try folder.read(saved, experiment: experiment, into: model)
          return nil
        } catch let error as EngineError {
          guard case .foreignCheckpoint(_, let what, let found, let expected) = error else { throw error }
          #expect(model.weightsDigest == before)
          return [what, found, expected]
        }
      }
      #expect(try refusal(Self.lora(), Self.lora()) == nil)
      #expect(try refusal(Self.lora(), .full) == ["training method", "lora of rank 4 on 14 matrices", "full"])
      #expect(try refusal(.full, Self.lora()) == ["training method", "full", "lora of rank 4 on 14 matrices"])
      #expect(
        try refusal(Self.lora(rank: 2), Self.lora())
          == ["training method", "lora of rank 2 on 14 matrices", "lora of rank 4 on 14 matrices"])
      let others = try #require(try refusal(Self.lora(targets: [.query]), Self.lora(targets: [.attentionOutput])))
      #expect(others[0] == "list of tensors")
      #expect(others[1].contains("attn_q.weight.lora_a [4, 32]"))
    }
  }

  @Test("a sequence longer than the rows kept at once is trained, on-policy, up to the model's context")
  func longSequence() throws {
    for method in [TrainingMethod.full, Self.lora()] {
      let learning = try TinyLearning(contextLength: 2 * Model.trainingRowsMax, training: method)
      let prompt = String(repeating: "def f(x): return x + 1\n", count: 60)
      let request = GenerationRequest(
        prompt: prompt, sampling: Sampling(temperature: 1, tokensMax: 8, stops: []),
        key: RandomKey(seed: 1, purpose: .solve, iteration: 1))
      let sampler = try BatchSampler(
        decoder: learning.model.decoder, tokenizer: learning.model.tokenizer,
        limits: SamplerLimits(cacheBytesMax: 8 << 20))
      let generation = try sampler.sample([request])[0]
      #expect(generation.promptTokenCount > Model.trainingRowsMax)
      let long = TrainingSample(
        id: "long", prompt: prompt, tokens: generation.tokens, logProbabilities: generation.logProbabilities,
        temperature: 1, advantage: 1)
      let outcome = try learning.perform(learning.samples([1, -1]) + [long])
      #expect(outcome.sequences == 3 && outcome.logProbabilityMismatches == 0)
    }
  }
}
