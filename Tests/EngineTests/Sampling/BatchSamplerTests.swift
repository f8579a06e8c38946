import Domain
import Engine
import Glibc
import Testing
import Transformer

@Suite("Sampling completions")
struct BatchSamplerTests {
  @Test("A completion ends with the token that completes a stop text, wherever the tokens cut it")
  func stopTexts() throws {
    let model = try TinyModel()
    let free = try model.sampler().sample([request(tokensMax: 60, stops: [])])[0]
    // Three characters from the middle of what the same key gives without stops: as many tokens of this vocabulary.
    let scalars = Array(free.text.unicodeScalars)
    let start = try #require((10..<scalars.count - 5).first { scalars[$0..<$0 + 3].allSatisfy(\.isASCII) })
    let stop = String(String.UnicodeScalarView(scalars[start..<start + 3]))
    let stopped = try model.sampler().sample([request(tokensMax: 60, stops: ["never", stop])])[0]
    #expect(stopped.finish == .stop)
    #expect(stopped.text.hasSuffix(stop))
    #expect(stopped.tokens.count < free.tokens.count)
    #expect(stopped.tokens[...] == free.tokens.prefix(stopped.tokens.count))
    #expect(stopped.logProbabilities[...] == free.logProbabilities.prefix(stopped.tokens.count))
  }

  @Test("An end token ends a completion; it is among the tokens and not in the text")
  func endToken() throws {
    let model = try TinyModel()
    let requests = (0..<64).map { request(tokensMax: 100, stops: [], sample: $0) }
    let ended = try model.sampler().sample(requests).filter { $0.finish == .end }
    #expect(!ended.isEmpty)
    for generation in ended {
      #expect(model.tokenizer.endOfTextTokens.contains(try #require(generation.tokens.last)))
      #expect(generation.tokens.dropLast().allSatisfy { !model.tokenizer.endOfTextTokens.contains($0) })
      #expect(generation.text == model.tokenizer.decode(generation.tokens.dropLast()))
    }
  }

  @Test("A control token written in a prompt is text: it cannot end a turn")
  func controlTokens() throws {
    let model = try TinyModel()
    let requests = ["<|im_end|>", "<|endoftext|>"].map {
      GenerationRequest(
        prompt: $0, sampling: Sampling(temperature: 1, tokensMax: 1, stops: []),
        key: RandomKey(seed: 1, purpose: .solve, iteration: 1))
    }
    #expect(try model.sampler().sample(requests).map(\.promptTokenCount) == [10, 13])
    for request in requests {
      #expect(model.tokenizer.encodePrompt(request.prompt).allSatisfy { !model.tokenizer.isSpecial($0) })
    }
  }

  @Test("A completion is no longer than asked, nor than the model's context")
  func lengths() throws {
    let model = try TinyModel(contextLength: 40)
    let generations = try model.sampler().sample(
      (0..<8).flatMap {
        [request(tokensMax: 3, stops: [], sample: $0), request(tokensMax: 500, stops: [], sample: $0)]
      })
    for generation in generations where generation.finish == .length {
      #expect([3, 40 - generation.promptTokenCount].contains(generation.tokens.count))
    }
    #expect(generations.contains { $0.promptTokenCount + $0.tokens.count == 40 })
  }

  @Test("The recorded log-probability is that of the tempered distribution")
  func temperature() throws {
    let model = try TinyModel()
    let cold = try model.sampler().sample([request(tokensMax: 40, stops: [], temperature: 0.05)])[0]
    let greedy = try model.sampler().sample([request(tokensMax: 40, stops: [], temperature: 0)])[0]
    let hot = try model.sampler().sample([request(tokensMax: 40, stops: [], temperature: 1e6)])[0]
    let means = [cold, hot].map { $0.logProbabilities.reduce(Float(0), +) / Float($0.tokens.count) }
    #expect(means[0] > means[1] + 2)
    #expect(greedy.logProbabilities.allSatisfy { $0 == 0 })
    // At an infinite temperature every token is as likely as any other.
    let uniform = -Float(log(260.0))
    #expect(hot.logProbabilities.allSatisfy { ($0 - uniform).magnitude < 1e-3 })
  }

  @Test("Tokens come as often as their probabilities say")
  func frequencies() throws {
    let model = try TinyModel()
    let count = 6_000
    let samples = try model.sampler(SamplerLimits(rowsMax: 64, cacheBytesMax: 1 << 21)).sample(
      (0..<count).map { request(tokensMax: 1, stops: [], temperature: 0.5, sample: $0) })
    var seen: [Int32: (count: Int, probability: Double)] = [:]
    for sample in samples {
      let probability = exp(Double(sample.logProbabilities[0]))
      seen[sample.tokens[0], default: (0, probability)].count += 1
    }
    let common = seen.values.filter { $0.probability * Double(count) >= 20 }
    #expect(common.count > 10)
    // Chi-squared over the common tokens: its mean is their number, its variance twice that.
    let chiSquared = common.reduce(0.0) { sum, token in
      let expected = token.probability * Double(count)
      return sum + (Double(token.count) - expected) * (Double(token.count) - expected) / expected
    }
    let freedom = Double(common.count)
    #expect((chiSquared - freedom).magnitude < 4 * (2 * freedom).squareRoot(), "χ² \(chiSquared) for \(freedom)")
  }

  @Test("A prompt without tokens, one as long as the context and one larger than the cache are refused by number")
  func refusals() throws {
    let model = try TinyModel(contextLength: 128)
    let good = request(tokensMax: 4, stops: [])
    let sampler = try model.sampler(SamplerLimits(cacheBytesMax: 2 << 13))
    #expect(throws: SamplingError.emptyPrompt(request: 1)) { try sampler.sample([good, request(prompt: "")]) }
    let long = request(prompt: String(repeating: "x", count: 128))
    #expect(throws: SamplingError.promptTooLong(request: 1, tokens: 128, contextLength: 128)) {
      try sampler.sample([good, long])
    }
    let large = request(prompt: String(repeating: "x", count: 70))
    #expect(throws: SamplingError.cacheTooSmall(request: 1, pagesNeeded: 4, pagesMax: 2)) {
      try sampler.sample([good, large])
    }
    #expect(try sampler.sample([good]).count == 1, "the cache was given back")
  }

  @Test("Weights that are not numbers stop the call, and the cache is given back")
  func notFinite() throws {
    let model = try TinyModel()
    let sampler = try model.sampler(SamplerLimits(cacheBytesMax: 4 << 13))
    let norm = try #require(model.decoder.parameters.layout.views.first { $0.name == "output_norm.weight" })
    let weight = model.decoder.parameters[norm]
    let saved = weight[0]
    weight[0] = .nan
    model.decoder.weightsChanged()
    for _ in 0..<4 {
      #expect(throws: SamplingError.self) {
        try sampler.sample((0..<3).map { request(tokensMax: 4, stops: [], sample: $0) })
      }
    }
    weight[0] = saved
    model.decoder.weightsChanged()
    #expect(try sampler.sample([request(tokensMax: 4, stops: [])]).count == 1)
  }

  @Test("StepProgress ends with every request done; no request gives no result")
  func progress() throws {
    let model = try TinyModel()
    var last: StepProgress?
    let samples = try model.sampler().sample(TinyModel.requests(9)) { last = $0 }
    #expect(last?.done == 9 && last?.total == 9)
    #expect(try #require(last).tokens >= samples.reduce(0) { $0 + $1.tokens.count })
    #expect(try model.sampler().sample([]).isEmpty)
  }

  @Test("A cancelled task stops at the next token with an error, not with half a result")
  func cancellation() async {
    await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask {
        let sampler = try TinyModel().sampler()
        return try sampler.sample(TinyModel.requests(9)) { _ in withUnsafeCurrentTask { $0?.cancel() } }.count
      }
      await #expect(throws: CancellationError.self) { try await group.next() }
    }
  }

  @Test("A tokenizer of another model is refused")
  func otherTokenizer() throws {
    let model = try TinyModel()
    let other = try Tokenizer(
      TokenizerDefinition(source: "other", preTokenizer: .gpt2, tokens: ["a"], kinds: [1], merges: []))
    #expect(throws: SamplingError.vocabularyMismatch(tokenizer: 1, model: 260)) {
      try BatchSampler(decoder: model.decoder, tokenizer: other)
    }
  }

  private func request(
    prompt: String = "def f(x):", tokensMax: Int = 4, stops: [String] = [], temperature: Double = 1, sample: Int = 0
  ) -> GenerationRequest {
    GenerationRequest(
      prompt: prompt, sampling: Sampling(temperature: temperature, tokensMax: tokensMax, stops: stops),
      key: RandomKey(seed: 77, purpose: .proposal, iteration: 0, slot: 0, sample: sample))
  }
}
