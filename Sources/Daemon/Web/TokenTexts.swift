import Transformer

/// The bytes of tokens for the page: each model's own tokenizer, opened when the page first shows tokens of that model.
package actor TokenTexts {
  private let home: Home
  /// nil: it cannot be had, and is not tried again.
  private var tokenizers: [String: Tokenizer?] = [:]

  /// Models of which tokenizers stay in memory, some ten megabytes each.
  private static let modelsMax = 8

  package init(home: Home) { self.home = home }

  /// One piece a token; nil where the model is not on this machine, or has no such token.
  package func pieces(_ model: String, _ ids: [Int32]) -> [[UInt8]]? {
    guard let tokenizer = tokenizer(model), ids.allSatisfy({ $0 >= 0 && $0 < tokenizer.vocabularySize }) else {
      return nil
    }
    return ids.map { Array(tokenizer.tokenBytes($0)) }
  }

  private func tokenizer(_ model: String) -> Tokenizer? {
    if let known = tokenizers[model] { return known }
    guard tokenizers.count < Self.modelsMax, !model.contains("/") else { return nil }
    // The page works without: what is wrong with the file is said by whoever plays with it.
    let tokenizer = try? Tokenizer(StoredModel(path: ModelCatalogue(home: home).file(model)).tokenizerDefinition())
    tokenizers[model] = .some(tokenizer)
    return tokenizer
  }
}
