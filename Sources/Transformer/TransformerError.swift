/// What the decoder, its cache and its trainer refuse while running. Nothing has been changed when one is thrown.
package enum TransformerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A token id outside the vocabulary.
  case tokenOutOfRange(token: Int32, vocabulary: Int)
  /// A sequence would grow beyond what the cache or the trainer was made for.
  case sequenceTooLong(length: Int, limit: Int)
  /// The cache has too few free pages; release sequences or make it larger.
  case cacheFull(pagesNeeded: Int, pagesFree: Int)
  /// More rows of logits were asked for than the session was made for.
  case tooManyOutputs(rows: Int, limit: Int)
  /// A prompt, a completion or a span of tokens without tokens.
  case emptyTokens(String)

  package var description: String {
    switch self {
    case .tokenOutOfRange(let token, let vocabulary): "token \(token) is not in the vocabulary 0..<\(vocabulary)"
    case .sequenceTooLong(let length, let limit): "a sequence of \(length) tokens, at most \(limit) are possible"
    case .cacheFull(let needed, let free): "the key/value cache needs \(needed) pages and has \(free) free"
    case .tooManyOutputs(let rows, let limit): "\(rows) rows of logits wanted, at most \(limit) are possible"
    case .emptyTokens(let what): "\(what) has no tokens"
    }
  }
}
