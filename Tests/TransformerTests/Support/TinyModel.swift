import Tensor
import Transformer

/// Small random models with every feature of the real ones: grouped heads, a vocabulary that fills no panel, and either
/// tied output (Llama) or biases and an output matrix of its own (Qwen2).
enum TinyModel {
  static func configuration(_ architecture: ModelConfiguration.Architecture = .llama) -> ModelConfiguration {
    let llama = architecture == .llama
    return ModelConfiguration(
      architecture: architecture, layers: 2, hidden: 48, feedForward: 40,
      attention: AttentionShape(heads: 4, keyValueHeads: 2, headSize: 16), vocabulary: 101, normEpsilon: 1e-5,
      ropeTheta: 10_000, rotaryOrder: llama ? .interleavedPairs : .halves, contextLength: 256, tiedOutput: llama,
      attentionBias: !llama)
  }

  static func decoder(
    _ architecture: ModelConfiguration.Architecture = .llama, threads: Int = 2, seed: UInt64 = 1
  ) -> Decoder {
    let configuration = configuration(architecture)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.fillRandom(seed: seed)
    return Decoder(configuration: configuration, parameters: parameters, pool: ThreadPool(threads: threads))
  }

  static func session(_ decoder: Decoder, positionsMax: Int = 20_000, rowsMax: Int = 512) -> InferenceSession {
    InferenceSession(
      decoder: decoder, cache: KVCache(configuration: decoder.configuration, positionsMax: positionsMax),
      rowsMax: rowsMax, outputsMax: 64)
  }

  /// `count` tokens, the same for the same seed.
  static func tokens(_ count: Int, seed: UInt64) -> [Int32] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int32((state >> 33) % 101)
    }
  }

  /// Three groups: of three completions, of one, and of two that begin at a page's edge.
  static let families = [
    TrainingFamily(
      prompt: tokens(37, seed: 1), completions: [tokens(5, seed: 2), tokens(1, seed: 3), tokens(40, seed: 4)]),
    TrainingFamily(prompt: tokens(3, seed: 5), completions: [tokens(9, seed: 6)]),
    TrainingFamily(prompt: tokens(32, seed: 7), completions: [tokens(2, seed: 8), tokens(33, seed: 9)]),
  ]
}

extension [Float] {
  var bits: [UInt32] { map(\.bitPattern) }
}

extension LogitRows {
  func values(_ row: Int) -> [Float] { Array(UnsafeBufferPointer(start: self[row], count: vocabulary)) }
}
