/// Why sampling failed. No completion of the call is returned then: a failure never becomes a sample (promise P8).
package enum SamplingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A prompt without tokens: there is nothing to continue.
  case emptyPrompt(request: Int)
  /// A prompt that leaves no room for a token in the model's context.
  case promptTooLong(request: Int, tokens: Int, contextLength: Int)
  /// One completion of this prompt alone would not fit the key/value cache.
  case cacheTooSmall(request: Int, pagesNeeded: Int, pagesMax: Int)
  /// The model gave logits that are not numbers: its weights are damaged or have diverged.
  case notFinite(request: Int, token: Int)
  /// The tokenizer and the weights are of different models.
  case vocabularyMismatch(tokenizer: Int, model: Int)

  package var description: String {
    switch self {
    case .emptyPrompt(let request): "request \(request): the prompt has no tokens"
    case .promptTooLong(let request, let tokens, let length):
      "request \(request): a prompt of \(tokens) tokens leaves no room in a context of \(length)"
    case .cacheTooSmall(let request, let needed, let pagesMax):
      "request \(request) needs \(needed) pages of the key/value cache, which has \(pagesMax); make it larger"
    case .notFinite(let request, let token):
      "request \(request): the logits of token \(token) are not finite; the weights are damaged or have diverged"
    case .vocabularyMismatch(let tokenizer, let model):
      "the tokenizer has \(tokenizer) tokens, the model \(model)"
    }
  }
}
