import Domain
import Engine
import Foundation
import Testing
import Transformer

@Suite("Writing one text")
struct TextGeneratorTests {
  private func key(_ sample: Int) -> RandomKey { RandomKey(seed: 4, purpose: .solve, iteration: 1, sample: sample) }

  @Test("The same key gives the same tokens and bits as the sampler of experiments, and the pieces are the text")
  func sameAsSampler() throws {
    let model = try TinyModel()
    let generator = try TextGenerator(decoder: model.decoder, tokenizer: model.tokenizer)
    let sampling = Sampling(temperature: 0.9, tokensMax: 40, stops: ["zz"])
    let requests = (0..<12).map { GenerationRequest(prompt: "def f(x):", sampling: sampling, key: key($0)) }
    let expected = try model.sampler().sample(requests)
    for (sample, expected) in expected.enumerated() {
      var text = ""
      let found = try generator.generate(
        generator.encode("def f(x):"), sampling: sampling, topP: 1, key: key(sample)
      ) { text += $0 }
      #expect(found.isIdentical(to: expected), "sample \(sample)")
      #expect(text.unicodeScalars.elementsEqual(expected.text.unicodeScalars), "sample \(sample)")
    }
  }

  @Test("What the model thinks of a prompt is what it samples from")
  func examination() throws {
    let model = try TinyModel()
    let generator = try TextGenerator(decoder: model.decoder, tokenizer: model.tokenizer)
    let prompt = generator.encode("The quick")
    let found = try generator.generate(
      prompt, sampling: Sampling(temperature: 1, tokensMax: 5, stops: []), topP: 1, key: key(0)
    ) { _ in }
    let whole = try generator.examine(prompt + found.tokens)
    #expect(whole.logProbabilities.count == prompt.count + found.tokens.count - 1)
    #expect(Array(whole.logProbabilities.suffix(found.tokens.count)) == found.logProbabilities)
    let greedy = try generator.generate(
      prompt, sampling: Sampling(temperature: 0, tokensMax: 1, stops: []), topP: 1, key: key(0)
    ) { _ in }
    let logits = try generator.examine(prompt).logits
    #expect(logits.count == model.tokenizer.vocabularySize)
    #expect(logits.indices.max { logits[$0] < logits[$1] } == Int(greedy.tokens[0]))
  }

  @Test("With top-p only the fewest tokens that reach it are drawn", arguments: [0.01, 0.3, 0.8])
  func nucleus(topP: Double) throws {
    let model = try TinyModel()
    let generator = try TextGenerator(decoder: model.decoder, tokenizer: model.tokenizer)
    let prompt = generator.encode("ab")
    // By sorting all of them, from the logits alone.
    let logits = try generator.examine(prompt).logits.map { Double($0) }
    let highest = logits.max() ?? 0
    let weights = logits.map { exp(($0 - highest) / 0.5) }
    let total = weights.reduce(0, +)
    var (allowed, sum) = (Set<Int32>(), 0.0)
    for token in weights.indices.sorted(by: { weights[$0] > weights[$1] }) where sum < topP {
      allowed.insert(Int32(token))
      sum += weights[token] / total
    }
    var drawn: Set<Int32> = []
    for sample in 0..<600 {
      let generation = try generator.generate(
        prompt, sampling: Sampling(temperature: 0.5, tokensMax: 1, stops: []), topP: topP, key: key(sample)
      ) { _ in }
      drawn.insert(generation.tokens[0])
      let expected = log(weights[Int(generation.tokens[0])] / total / sum)
      #expect(abs(Double(generation.logProbabilities[0]) - expected) < 1e-4)
    }
    #expect(drawn.isSubset(of: allowed))
    #expect(topP > 0.1 || allowed.count == drawn.count)
  }

  @Test("An empty prompt and one that fills the context are refused")
  func limits() throws {
    let model = try TinyModel(contextLength: 32)
    let generator = try TextGenerator(decoder: model.decoder, tokenizer: model.tokenizer)
    let sampling = Sampling(temperature: 1, tokensMax: 5, stops: [])
    #expect(throws: SamplingError.emptyPrompt(request: 0)) {
      try generator.generate([], sampling: sampling, topP: 1, key: key(0)) { _ in }
    }
    #expect(throws: SamplingError.promptTooLong(request: 0, tokens: 32, contextLength: 32)) {
      try generator.generate(Array(repeating: 1, count: 32), sampling: sampling, topP: 1, key: key(0)) { _ in }
    }
    let last = try generator.generate(Array(repeating: 1, count: 31), sampling: sampling, topP: 1, key: key(0)) { _ in }
    #expect(last.tokens.count == 1)
  }
}
