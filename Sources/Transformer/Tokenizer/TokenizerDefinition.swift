/// Everything a tokenizer is made of, as a file states it and before it is checked.
///
/// Read from GGUF metadata; tests write small ones by hand.
package struct TokenizerDefinition: Sendable {
  /// The file, for errors.
  package var source: String
  package var preTokenizer: PreTokenizer
  /// Tokens in order of id, written in GPT-2's byte alphabet.
  package var tokens: [String]
  /// ggml's token types, 1 to 6: normal, unknown, control, user-defined, unused, byte.
  package var kinds: [Int]
  /// Pairs of tokens separated by a space, in order of rank.
  package var merges: [String]
  package var beginningToken: Int?
  package var endToken: Int?
  package var paddingToken: Int?
  /// The token that stands for a byte without a token of its own; nil where such bytes are dropped.
  package var unknownToken: Int?

  package init(
    source: String, preTokenizer: PreTokenizer, tokens: [String], kinds: [Int], merges: [String],
    beginningToken: Int? = nil, endToken: Int? = nil, paddingToken: Int? = nil
  ) {
    self.source = source
    self.preTokenizer = preTokenizer
    self.tokens = tokens
    self.kinds = kinds
    self.merges = merges
    self.beginningToken = beginningToken
    self.endToken = endToken
    self.paddingToken = paddingToken
  }

  /// The definition in a model's metadata. Throws when a key is missing, has another type or names a tokenizer or a
  /// pre-tokenizer we do not know.
  package init(_ file: GGUFFile) throws(ModelFileError) {
    source = file.path
    preTokenizer = try Self.readPreTokenizer(file)
    tokens = try file.strings(Key.tokens)
    kinds = try file.integers(Key.kinds)
    merges = try file.strings(Key.merges)
    beginningToken = try file.integerIfPresent(Key.beginning)
    endToken = try file.integerIfPresent(Key.end)
    paddingToken = try file.integerIfPresent(Key.padding)
  }

  /// The metadata keys, which also name the part at fault in errors.
  enum Key {
    static let tokens = "tokenizer.ggml.tokens"
    static let kinds = "tokenizer.ggml.token_type"
    static let merges = "tokenizer.ggml.merges"
    static let beginning = "tokenizer.ggml.bos_token_id"
    static let end = "tokenizer.ggml.eos_token_id"
    static let padding = "tokenizer.ggml.padding_token_id"
    static let model = "tokenizer.ggml.model"
    static let preTokenizer = "tokenizer.ggml.pre"
  }

  /// An error about the part `key`.
  func error(_ code: ModelFileError.Code, _ key: String, _ problem: String) -> ModelFileError {
    ModelFileError(code, file: source, place: "key \"\(key)\"", problem)
  }

  private static func readPreTokenizer(_ file: GGUFFile) throws(ModelFileError) -> PreTokenizer {
    let model = try file.string(Key.model)
    guard model == "gpt2" else {
      throw ModelFileError(
        .value, file: file.path, place: "key \"\(Key.model)\"",
        "tokenizer \"\(model.prefix(60))\" is not supported; \"gpt2\" (byte-level BPE) is")
    }
    let name = try file.string(Key.preTokenizer)
    guard let result = PreTokenizer(rawValue: name) else {
      let known = PreTokenizer.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw ModelFileError(
        .value, file: file.path, place: "key \"\(Key.preTokenizer)\"",
        "pre-tokenizer \"\(name.prefix(60))\" is not supported; supported are \(known)")
    }
    return result
  }
}
