import Domain
import Transformer

/// One completion while it is being sampled: a row of the batch.
struct RunningSample {
  /// Index of its request and of its prompt group.
  let request: Int
  let group: Int
  let sampling: Sampling
  let key: RandomKey
  /// The request's limit, or less where the model's context ends earlier.
  let tokensMax: Int
  /// Pages of the cache reserved for it.
  let pages: Int
  let sequence: CachedSequence
  /// The token the model reads next: the last of the prompt at first, then the last sampled.
  private(set) var input: Int32

  private let stops: StopTexts
  private(set) var tokens: [Int32] = []
  private(set) var logProbabilities: [Float] = []
  private var bytes: [UInt8] = []

  init(
    request: Int, group: Int, of generation: GenerationRequest, tokensMax: Int, pages: Int, sequence: CachedSequence,
    input: Int32
  ) {
    self.request = request
    self.group = group
    sampling = generation.sampling
    key = generation.key
    self.tokensMax = tokensMax
    self.pages = pages
    self.sequence = sequence
    self.input = input
    stops = StopTexts(generation.sampling.stops)
  }

  /// The random number that decides the next token: draw t of the key for token t, whatever else runs.
  var uniform: Double { key.uniform(UInt32(tokens.count)) }

  /// Takes the next token; returns why the completion is over, if it is.
  mutating func append(_ drawn: DrawnToken, tokenizer: Tokenizer) -> Finish? {
    tokens.append(drawn.token)
    logProbabilities.append(drawn.logProbability)
    input = drawn.token
    // The token that ends a text is a sampled decision and trained, but no part of what was written.
    if tokenizer.endOfTextTokens.contains(drawn.token) { return .end }
    let fresh = tokenizer.tokenBytes(drawn.token)
    bytes += fresh
    if stops.isCompleted(in: bytes, fresh: fresh.count) { return .stop }
    return tokens.count == tokensMax ? .length : nil
  }

  /// The result, once `append` has said that it is over.
  func generation(promptTokenCount: Int, finish: Finish) -> Generation {
    Generation(
      promptTokenCount: promptTokenCount, tokens: tokens, logProbabilities: logProbabilities,
      text: String(decoding: bytes, as: UTF8.self), finish: finish)
  }
}
