import Domain
import Engine
import Foundation
import Testing

@Suite("Prompts that begin alike")
struct SharedPrefixTests {
  /// Prompts with a common beginning of some length, and a different end.
  private func requests(common: Int, count: Int, beginnings: Int = 2) -> [GenerationRequest] {
    (0..<count).map { index in
      let letter = ["x", "y", "z"][index % beginnings]
      return GenerationRequest(
        prompt: String(repeating: letter, count: common) + "tail \(index)" + String(repeating: "q", count: index % 7),
        sampling: Sampling(temperature: 0.9, tokensMax: 1 + index % 9, stops: []),
        key: RandomKey(seed: 5, purpose: .evaluate, iteration: 0, slot: index))
    }
  }

  @Test(
    "they give the bits that each gives alone, however long the beginning is", arguments: [0, 31, 32, 33, 63, 64, 97])
  func sameBits(common: Int) throws {
    let model = try TinyModel()
    let requests = requests(common: common, count: 20)
    let together = try model.sampler(SamplerLimits(rowsMax: 6, cacheBytesMax: 1 << 20)).sample(requests)
    for (request, generation) in zip(requests, together) {
      let alone = try model.sampler().sample([request])[0]
      #expect(alone.isIdentical(to: generation), "\(request.prompt)")
    }
  }

  @Test("their common beginning is computed once while one of them runs")
  func computedOnce() throws {
    let model = try TinyModel()
    let requests = requests(common: 96, count: 12, beginnings: 1)
    var tokens = 0
    _ = try model.sampler(SamplerLimits(rowsMax: 12, cacheBytesMax: 4 << 20)).sample(requests) { tokens = $0.tokens }
    let sampled = requests.reduce(0) { $0 + $1.sampling.tokensMax }
    // 96 once; the ends have at most 13 tokens.
    #expect(tokens <= 96 + 12 * 13 + sampled, "\(tokens)")
  }

  @Test("a cache with room for little serves them all the same")
  func littleRoom() throws {
    let model = try TinyModel()
    let requests = requests(common: 70, count: 15)
    let roomy = try model.sampler().sample(requests)
    let tight = try model.sampler(SamplerLimits(rowsMax: 8, cacheBytesMax: 1 << 16)).sample(requests)
    #expect(zip(roomy, tight).allSatisfy { $0.isIdentical(to: $1) })
  }
}
