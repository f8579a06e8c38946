import Domain
import Engine
import Tensor
import Testing
import Transformer

/// Promises P4 and P5 on a small decoder with random weights, and P4 on a real model.
@Suite("Batch invariance")
struct BatchInvarianceTests {
  @Test("A sample is the same bits alone, in any company, in any order, on one thread or two")
  func tinyModel() throws {
    let requests = TinyModel.requests(40)
    let model = try TinyModel()
    let alone = try requests.map {
      try model.sampler(SamplerLimits(rowsMax: 1, cacheBytesMax: 1 << 20)).sample([$0])[0]
    }
    for (rowsMax, threads) in [(7, 1), (32, 2), (64, 1)] {
      let sampler = try TinyModel(threads: threads).sampler(SamplerLimits(rowsMax: rowsMax, cacheBytesMax: 1 << 21))
      expectIdentical(try sampler.sample(requests), alone, "rows \(rowsMax), threads \(threads)")
      let reversed = Array(try sampler.sample(requests.reversed()).reversed())
      expectIdentical(reversed, alone, "reversed, rows \(rowsMax), threads \(threads)")
    }
  }

  @Test("A prefix that is shared gives the same bits as one that is not")
  func sharedPrefix() throws {
    let prompt = String(repeating: "a shared prompt ", count: 5)
    let requests = (0..<16).map { sample in
      GenerationRequest(
        prompt: prompt, sampling: Sampling(temperature: 0.9, tokensMax: 20, stops: []),
        key: RandomKey(seed: 1, purpose: .probe, iteration: 0, slot: 0, sample: sample))
    }
    let model = try TinyModel()
    let together = try model.sampler().sample(requests)
    let alone = try requests.map { try model.sampler().sample([$0])[0] }
    expectIdentical(together, alone, "shared")
    #expect(Set(together.map(\.tokens)).count > 8)
  }

  @Test("A cache with room for two samples gives the same bits as a large one")
  func smallCache() throws {
    let requests = TinyModel.requests(20)
    let model = try TinyModel()
    let large = try model.sampler().sample(requests)
    // Two layers of one key/value head of 16: a page takes 8 KiB.
    let small = try model.sampler(SamplerLimits(rowsMax: 32, cacheBytesMax: 7 << 13, prefillRowsMax: 8))
    expectIdentical(try small.sample(requests), large, "small cache")
    expectIdentical(try small.sample(requests), large, "small cache, again")
  }

  @Test("The log-probabilities of a training pass are the sampler's, bit for bit")
  func onPolicy() throws {
    let model = try TinyModel(threads: 2)
    let requests = TinyModel.requests(24)
    let samples = try model.sampler().sample(requests)
    let trainer = Trainer(decoder: model.decoder, rowsMax: 256)
    for temperature in [0.7, 1, 1.3] {
      let chosen = requests.indices.filter { requests[$0].sampling.temperature == temperature }
      let prompts = Set(chosen.map { requests[$0].prompt }).sorted()
      let families = prompts.map { prompt in chosen.filter { requests[$0].prompt == prompt } }
      let outcomes = try trainer.outcomes(
        zip(prompts, families).map { prompt, members in
          TrainingFamily(prompt: model.tokenizer.encodePrompt(prompt), completions: members.map { samples[$0].tokens })
        }, inverseTemperature: requests[chosen[0]].sampling.inverseTemperature)
      for (family, members) in families.enumerated() {
        for (place, member) in members.enumerated() {
          let trained = outcomes[family][place].map(\.logProbability.bitPattern)
          #expect(trained == samples[member].logProbabilities.map(\.bitPattern), "request \(member)")
        }
      }
    }
  }

  static let smolLM2 = ReferenceFiles.smolLM2

  @Test(
    "SmolLM2: a sample is the same bits in batches of 1, 5 and 24", .enabled(if: smolLM2.isUsable, smolLM2.reason))
  func smolLM2Invariance() throws {
    let (decoder, tokenizer) = try Self.loadSmolLM2()
    let prompts = ["def double(x):\n    return", "The capital of France is", "1, 2, 3,"]
    let requests = (0..<24).map { index in
      GenerationRequest(
        prompt: prompts[index % 3], sampling: Sampling(temperature: 0.7, tokensMax: 6 + index % 5, stops: ["\n\n"]),
        key: RandomKey(seed: 5, purpose: .proposal, iteration: 1, slot: index))
    }
    func sample(_ rowsMax: Int, _ requests: [GenerationRequest]) throws -> [Generation] {
      try BatchSampler(
        decoder: decoder, tokenizer: tokenizer, limits: SamplerLimits(rowsMax: rowsMax, cacheBytesMax: 1 << 28)
      ).sample(requests)
    }
    let all = try sample(24, requests)
    expectIdentical(try sample(5, requests.reversed()).reversed(), all, "rows 5")
    expectIdentical(try sample(1, Array(requests.prefix(4))), Array(all.prefix(4)), "rows 1")
  }

  @Test(
    "SmolLM2: temperature 0 continues as the reference does", .enabled(if: smolLM2.isUsable, smolLM2.reason),
    .enabled(if: reference.isUsable, reference.reason))
  func smolLM2Greedy() throws {
    let (decoder, tokenizer) = try Self.loadSmolLM2()
    let prompt = try #require(try Self.reference.decode(Reference.self).prompts.first { $0.name == "python" })
    #expect(tokenizer.encodePrompt(prompt.text) == prompt.ids)
    let request = GenerationRequest(
      prompt: prompt.text, sampling: Sampling(temperature: 0, tokensMax: 32, stops: []),
      key: RandomKey(seed: 0, purpose: .evaluate, iteration: 0))
    let sampler = try BatchSampler(decoder: decoder, tokenizer: tokenizer)
    let tokens = try sampler.sample([request])[0].tokens
    // The reference runs on past the end of a text, and a near-tie may go either way (its README says below 0.02).
    let nearTie = prompt.greedy_margins.firstIndex { $0 < 0.02 } ?? 32
    let compared = min(nearTie, tokens.count)
    #expect(compared >= 8)
    #expect(tokens.prefix(compared) == prompt.greedy_ids.prefix(compared))
  }

  static let reference = ReferenceFiles.reference("smollm2-135m.json")

  private struct Reference: Decodable {
    struct Prompt: Decodable {
      let name: String
      let text: String
      let ids: [Int32]
      let greedy_ids: [Int32]
      let greedy_margins: [Double]
    }

    let prompts: [Prompt]
  }

  private static func loadSmolLM2() throws -> (Decoder, Tokenizer) {
    let stored = try StoredModel(path: smolLM2.path)
    let decoder = Decoder(
      configuration: stored.configuration, parameters: try Parameters(stored), pool: ThreadPool(threads: 2))
    return (decoder, try Tokenizer(stored.tokenizerDefinition()))
  }

  private func expectIdentical(_ found: [Generation], _ expected: [Generation], _ what: String) {
    #expect(found.count == expected.count)
    for (index, (found, expected)) in zip(found, expected).enumerated() {
      #expect(found.isIdentical(to: expected), "\(what), request \(index)")
    }
  }
}
