/// Byte-level byte-pair encoding as GGUF files carry it: text to token ids and back, with the ids Hugging Face's
/// published tokenizers give.
///
/// Made once per model; safe to use from any thread. Text from outside (problems, programs, answers) is encoded with
/// `allowSpecial: false`, so that it cannot forge the end of a turn.
package final class Tokenizer: Sendable {
  package let preTokenizer: PreTokenizer
  /// `tokenizer.ggml.bos_token_id`, `.eos_token_id`, `.padding_token_id`, where the file has them. Encoding adds none.
  package let beginningToken: Int32?
  package let endToken: Int32?
  package let paddingToken: Int32?
  /// Tokens after which a generation is over, in order of id: the end token and the control tokens that end a text or
  /// a turn by name.
  package let endOfTextTokens: [Int32]

  private let vocabulary: Vocabulary
  private let specialTokens: AddedTokens
  private let userTokens: AddedTokens
  private let cache = WordCache()

  /// Reads the tokenizer of an opened model. Throws `ModelFileError` when the metadata is missing, contradictory or
  /// names a pipeline we do not know.
  package convenience init(_ file: GGUFFile) throws(ModelFileError) {
    try self.init(TokenizerDefinition(file))
  }

  /// Throws `ModelFileError` when the definition contradicts itself.
  package init(_ definition: TokenizerDefinition) throws(ModelFileError) {
    typealias Key = TokenizerDefinition.Key
    preTokenizer = definition.preTokenizer
    let vocabulary = try Vocabulary(definition)
    self.vocabulary = vocabulary
    beginningToken = try Self.token(definition.beginningToken, Key.beginning, definition)
    endToken = try Self.token(definition.endToken, Key.end, definition)
    paddingToken = try Self.token(definition.paddingToken, Key.padding, definition)
    let control = vocabulary.tokens(.control) + vocabulary.tokens(.unknown)
    specialTokens = AddedTokens(control)
    userTokens = AddedTokens(vocabulary.tokens(.userDefined))
    let ends = control.filter { Self.endNames.contains($0.text) }.map(\.id) + (endToken.map { [$0] } ?? [])
    endOfTextTokens = Set(ends).sorted()
  }

  /// Number of tokens; ids are 0 ..< this.
  package var vocabularySize: Int { vocabulary.count }

  // MARK: Encoding

  /// The token ids of `text`; nothing is added around them. With `allowSpecial`, control tokens such as `<|im_end|>`
  /// written in the text become that token; without, they are split like any text. User-defined tokens (Qwen's
  /// `<tool_call>`) match in both cases, as in the published tokenizers.
  package func encode(_ text: String, allowSpecial: Bool) -> [Int32] {
    var output: [Int32] = []
    var merger = PairMerger(table: vocabulary.merges)
    guard allowSpecial else {
      encodeText(text[...], &merger, &output)
      return output
    }
    specialTokens.split(text[...]) { piece in
      switch piece {
      case .token(let id): output.append(id)
      case .text(let part): encodeText(part, &merger, &output)
      }
    }
    return output
  }

  /// The id of a token by its exact text, such as `<|im_end|>`; control and user-defined tokens only.
  package func specialToken(_ text: String) -> Int32? {
    (vocabulary.tokens(.control) + vocabulary.tokens(.userDefined)).first { $0.text.utf8.elementsEqual(text.utf8) }?.id
  }

  /// Text without control tokens: normalised where the pipeline says so, cut at user-defined tokens, then at words.
  private func encodeText(_ text: Substring, _ merger: inout PairMerger, _ output: inout [Int32]) {
    let normal = preTokenizer.normalizes ? normalFormC(text) : text
    userTokens.split(normal) { piece in
      switch piece {
      case .token(let id): output.append(id)
      case .text(let part): preTokenizer.split(part) { encodeWord($0, &merger, &output) }
      }
    }
  }

  private func encodeWord(_ word: ArraySlice<UInt8>, _ merger: inout PairMerger, _ output: inout [Int32]) {
    if let known = cache.tokens(of: word) {
      output += known
      return
    }
    let start = output.count
    merger.merge(word.compactMap { vocabulary.byteTokens[Int($0)] }, into: &output)
    cache.remember(word, output[start...])
  }

  // MARK: Decoding

  /// The text of `ids`, special tokens included; bytes that are not UTF-8 become U+FFFD.
  package func decode(_ ids: [Int32]) -> String {
    String(decoding: decodeBytes(ids), as: UTF8.self)
  }

  /// The bytes of `ids`, special tokens included.
  package func decodeBytes(_ ids: [Int32]) -> [UInt8] {
    var bytes: [UInt8] = []
    for id in ids { bytes += vocabulary.bytes(of: id) }
    return bytes
  }

  /// The bytes of one token; it may begin or end in the middle of a character.
  package func tokenBytes(_ id: Int32) -> ArraySlice<UInt8> { vocabulary.bytes(of: id) }

  /// Whether `id` is a control token, one that is markup and not text.
  package func isSpecial(_ id: Int32) -> Bool {
    precondition(id >= 0 && Int(id) < vocabulary.count, "token \(id) of a vocabulary of \(vocabulary.count)")
    return vocabulary.kinds[Int(id)] == .control || vocabulary.kinds[Int(id)] == .unknown
  }

  // MARK: Checking

  private static var endNames: [String] { ["<|endoftext|>", "<|im_end|>", "<|eot_id|>", "</s>"] }

  private static func token(
    _ number: Int?, _ key: String, _ definition: TokenizerDefinition
  ) throws(ModelFileError) -> Int32? {
    guard let number else { return nil }
    guard definition.tokens.indices.contains(number) else {
      throw definition.error(.value, key, "token \(number) of a vocabulary of \(definition.tokens.count)")
    }
    return Int32(number)
  }
}
