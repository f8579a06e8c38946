import Domain
import Engine
import Tensor
import Transformer

/// A decoder of two small layers with random weights over a byte vocabulary: everything real but the size.
struct TinyModel {
  let decoder: Decoder
  let tokenizer: Tokenizer

  init(threads: Int = 1, contextLength: Int = 160, training: TrainingMethod = .full) throws {
    tokenizer = try Self.makeTokenizer()
    let configuration = ModelConfiguration(
      architecture: .llama, layers: 2, hidden: 32, feedForward: 48,
      attention: AttentionShape(heads: 2, keyValueHeads: 1, headSize: 16), vocabulary: tokenizer.vocabularySize,
      normEpsilon: 1e-5, ropeTheta: 10_000, rotaryOrder: .interleavedPairs, contextLength: contextLength,
      tiedOutput: true, attentionBias: false)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.fillRandom(seed: 42)
    decoder = try training.decoder(configuration, base: parameters, pool: ThreadPool(threads: threads))
  }

  func sampler(_ limits: SamplerLimits = SamplerLimits(cacheBytesMax: 1 << 20)) throws -> BatchSampler {
    try BatchSampler(decoder: decoder, tokenizer: tokenizer, limits: limits)
  }

  /// The 256 bytes, two merges and two control tokens.
  private static func makeTokenizer() throws -> Tokenizer {
    var next: UInt32 = 0x100
    let alphabet = (UInt32(0)...255).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        return String(Unicode.Scalar(byte)!)
      }
      next += 1
      return String(Unicode.Scalar(next - 1)!)
    }
    let tokens = alphabet + ["ab", "abc", "<|endoftext|>", "<|im_end|>"]
    return try Tokenizer(
      TokenizerDefinition(
        source: "tiny", preTokenizer: .smolLM, tokens: tokens,
        kinds: Array(repeating: 1, count: 258) + [3, 3], merges: ["a b", "ab c"], endToken: 259))
  }

  /// Requests that differ in prompt, temperature and length; some share a prompt, not all of them side by side.
  static func requests(_ count: Int, tokensMax: Int = 24) -> [GenerationRequest] {
    let prompts = ["def f(x):", "a", "The quick brown fox jumps over the lazy dog, 1234567 times.", "def f(x):", "ab"]
    return (0..<count).map { index in
      let temperature = [1, 0.7, 1, 1.3][index % 4]
      return GenerationRequest(
        prompt: prompts[index % prompts.count],
        sampling: Sampling(temperature: temperature, tokensMax: 1 + index * 7 % tokensMax, stops: ["zz"]),
        key: RandomKey(seed: 9, purpose: .solve, iteration: 3, slot: index, sample: index % 3))
    }
  }
}

extension Generation {
  /// Equality of bits: floats compare by pattern, so that NaN and signed zeros cannot hide a difference.
  func isIdentical(to other: Generation) -> Bool {
    self == other && logProbabilities.map(\.bitPattern) == other.logProbabilities.map(\.bitPattern)
  }
}
