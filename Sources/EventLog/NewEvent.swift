import FoundationEssentials

/// An event that a caller wants recorded. The log gives it position, version and time.
package struct NewEvent: Hashable, Sendable {
  /// The event's name in the past tense, such as `ProposalMade`.
  package var type: String
  /// Which shape of that type's body this is, from 1.
  package var schemaVersion: Int
  package var iteration: Int?
  package var policyVersion: Int?
  package var cause: Cause?
  /// One JSON object as UTF-8. The log keeps these bytes exactly; it never re-encodes them.
  package var body: Data
  /// The sampled tokens behind a proposal or an attempt, written in the same transaction.
  package var generation: GenerationRecord?

  package init(
    type: String, schemaVersion: Int = 1, iteration: Int? = nil, policyVersion: Int? = nil, cause: Cause? = nil,
    body: Data, generation: GenerationRecord? = nil
  ) {
    self.type = type
    self.schemaVersion = schemaVersion
    self.iteration = iteration
    self.policyVersion = policyVersion
    self.cause = cause
    self.body = body
    self.generation = generation
  }

  /// The earlier event this one follows from.
  package enum Cause: Hashable, Sendable {
    /// An event that is in the log already.
    case recorded(Position)
    /// An earlier event of the same append, by its index there: it has no position yet.
    case sibling(Int)
  }
}

/// What a policy sampled: the truth is `tokens` with their log-probabilities; the texts are for people and for SQL.
package struct GenerationRecord: Hashable, Sendable {
  /// The sampled token ids, without the prompt's.
  package let tokens: [Int32]
  /// Natural-log probability of each token under the distribution it was drawn from (tempered, if it was).
  package let logProbabilities: [Float]
  package let prompt: String
  package let completion: String
  /// Sampling parameters: one JSON object as UTF-8, kept exactly.
  package let sampling: Data
  /// Key of the counter-based generator that drew the tokens.
  package let randomKey: Data
  /// Why sampling ended, such as `stop` or `length`.
  package let finish: String

  /// PostgreSQL text cannot hold U+0000, and a byte-level tokenizer can produce it: in the two texts it becomes U+FFFD,
  /// here, so that every log keeps and digests the same text. The token ids are untouched.
  package init(
    tokens: [Int32], logProbabilities: [Float], prompt: String, completion: String, sampling: Data, randomKey: Data,
    finish: String
  ) {
    precondition(
      tokens.count == logProbabilities.count,
      "\(tokens.count) tokens with \(logProbabilities.count) log-probabilities")
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.prompt = Self.withoutNull(prompt)
    self.completion = Self.withoutNull(completion)
    self.sampling = sampling
    self.randomKey = randomKey
    self.finish = finish
  }

  private static func withoutNull(_ text: String) -> String {
    guard text.utf8.contains(0) else { return text }
    return String(decoding: text.utf8.flatMap { $0 == 0 ? [0xEF, 0xBF, 0xBD] : [$0] }, as: UTF8.self)
  }
}
