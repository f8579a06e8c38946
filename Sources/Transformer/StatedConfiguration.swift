import Tensor

/// The numbers of a model's configuration as a file states them, and the check that they describe a decoder we have.
///
/// Both readers of configurations fill one in: whatever the numbers, `checked()` returns or throws, and what it returns
/// makes nobody allocate by a damaged number.
struct StatedConfiguration {
  /// The keys at fault in errors.
  struct Keys {
    var layers, hidden, feedForward, heads, keyValueHeads, headSize, vocabulary, context, epsilon, theta: String
  }

  let file: String
  let keys: Keys
  var architecture: ModelConfiguration.Architecture
  var layers: Int
  var hidden: Int
  var feedForward: Int
  var heads: Int
  /// nil: as many as heads.
  var keyValueHeads: Int?
  /// nil: hidden / heads.
  var headSize: Int?
  var vocabulary: Int
  var contextLength: Int
  var normEpsilon: Double
  var ropeTheta: Double
  var tiedOutput: Bool
  var attentionBias: Bool

  /// No real model comes near these. Their products fit 64 bits.
  private static var sizeMax: Int { 1 << 22 }
  private static var layersMax: Int { 1024 }
  private static var headSizeMax: Int { 1024 }
  /// Elements of a table of rotations: 512 MiB.
  private static var rotationsMax: Int { 1 << 27 }

  func checked() throws(ModelFileError) -> ModelConfiguration {
    try check(keys.layers, layers, Self.layersMax)
    for (key, value) in [
      (keys.hidden, hidden), (keys.feedForward, feedForward), (keys.heads, heads), (keys.vocabulary, vocabulary),
      (keys.context, contextLength),
    ] { try check(key, value, Self.sizeMax) }
    let attention = try checkedAttention()
    guard normEpsilon > 0, normEpsilon < 1 else { throw error(keys.epsilon, "\(normEpsilon) is not between 0 and 1") }
    guard ropeTheta >= 1, ropeTheta <= 1e12 else { throw error(keys.theta, "\(ropeTheta) is not in 1...1e12") }
    guard contextLength * attention.headSize <= Self.rotationsMax else {
      throw error(
        keys.context, "\(contextLength) positions of \(attention.headSize); \(Self.rotationsMax) are allowed in all")
    }
    return ModelConfiguration(
      architecture: architecture, layers: layers, hidden: hidden, feedForward: feedForward, attention: attention,
      vocabulary: vocabulary, normEpsilon: Float(normEpsilon), ropeTheta: ropeTheta,
      rotaryOrder: architecture == .llama ? .interleavedPairs : .halves, contextLength: contextLength,
      tiedOutput: tiedOutput, attentionBias: attentionBias)
  }

  private func checkedAttention() throws(ModelFileError) -> AttentionShape {
    let keyValueHeads = keyValueHeads ?? heads
    try check(keys.keyValueHeads, keyValueHeads, Self.sizeMax)
    guard heads % keyValueHeads == 0 else {
      throw error(keys.keyValueHeads, "\(heads) heads do not divide among \(keyValueHeads) key/value heads")
    }
    guard headSize != nil || hidden % heads == 0 else {
      throw error(keys.heads, "a width of \(hidden) does not divide among \(heads) heads")
    }
    let headSize = headSize ?? hidden / heads
    try check(keys.headSize, headSize, Self.headSizeMax)
    guard headSize % 16 == 0 else { throw error(keys.headSize, "a head of \(headSize); it must be a multiple of 16") }
    guard heads * headSize <= Self.sizeMax else {
      throw error(keys.heads, "\(heads) heads of \(headSize) are too many")
    }
    return AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headSize: headSize)
  }

  private func check(_ key: String, _ value: Int, _ maximum: Int) throws(ModelFileError) {
    guard (1...maximum).contains(value) else { throw error(key, "\(value) is not in 1...\(maximum)") }
  }

  private func error(_ key: String, _ problem: String) -> ModelFileError {
    ModelFileError(.value, file: file, place: "key \"\(key)\"", problem)
  }
}
