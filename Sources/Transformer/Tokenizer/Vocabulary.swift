/// The tokens of a model: their bytes, their kinds and the merges, checked against each other.
struct Vocabulary: Sendable {
  /// `tokenizer.ggml.token_type`.
  enum Kind: Int {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  private(set) var kinds: [Kind] = []
  private(set) var texts: [String] = []
  /// All tokens' bytes one after another, and where each begins.
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  let merges: MergeTable
  /// The token of each single byte. A vocabulary may lack some (SmolLM2 has no U+0004); such bytes become the unknown token
  /// or, without one, are dropped when text is encoded, as Hugging Face does.
  let byteTokens: [Int32?]

  var count: Int { kinds.count }

  /// Checks tokens, kinds and merges against each other.
  init(_ definition: TokenizerDefinition) throws(ModelFileError) {
    texts = definition.tokens
    kinds = try Self.kinds(definition)
    for text in texts {
      bytes += ByteAlphabet.decode(text)
      starts.append(bytes.count)
    }
    let index = try Self.index(definition)
    merges = try Self.merges(definition, index)
    let unknown = definition.unknownToken.map { Int32($0) }
    byteTokens = ByteAlphabet.scalars.map { index[Array(String($0).utf8)] ?? unknown }
  }

  /// The bytes token `id` stands for.
  func bytes(of id: Int32) -> ArraySlice<UInt8> {
    precondition(id >= 0 && Int(id) < count, "token \(id) of a vocabulary of \(count)")
    return bytes[starts[Int(id)]..<starts[Int(id) + 1]]
  }

  /// Text and id of the tokens of a kind, in order of id.
  func tokens(_ kind: Kind) -> [(text: String, id: Int32)] {
    kinds.indices.filter { kinds[$0] == kind }.map { (texts[$0], Int32($0)) }
  }

  // MARK: Checking

  private typealias Key = TokenizerDefinition.Key
  /// The largest published vocabularies have about 260,000 tokens.
  private static var countMax: Int { 1 << 22 }

  private static func kinds(_ definition: TokenizerDefinition) throws(ModelFileError) -> [Kind] {
    let (raw, count) = (definition.kinds, definition.tokens.count)
    guard raw.count == count, count > 0, count <= countMax else {
      throw definition.error(
        .value, Key.kinds, "\(raw.count) token types for \(count) tokens (1 to \(countMax) are allowed)")
    }
    var kinds: [Kind] = []
    for (id, number) in raw.enumerated() {
      guard let kind = Kind(rawValue: number) else {
        throw definition.error(.value, Key.kinds, "token \(id) has type \(number); 1 to 6 are defined")
      }
      kinds.append(kind)
    }
    return kinds
  }

  /// Ids by the stored text's UTF-8. Bytes and not strings, because strings compare by canonical equivalence.
  private static func index(_ definition: TokenizerDefinition) throws(ModelFileError) -> [[UInt8]: Int32] {
    var index: [[UInt8]: Int32] = [:]
    index.reserveCapacity(definition.tokens.count)
    for (id, text) in definition.tokens.enumerated() {
      guard let first = index.updateValue(Int32(id), forKey: Array(text.utf8)) else { continue }
      throw definition.error(.conflict, Key.tokens, "tokens \(first) and \(id) are both \"\(text)\"")
    }
    return index
  }

  private static func merges(
    _ definition: TokenizerDefinition, _ index: [[UInt8]: Int32]
  ) throws(ModelFileError) -> MergeTable {
    var table = MergeTable(capacity: definition.merges.count)
    for (rank, line) in definition.merges.enumerated() {
      let pair = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { Array($0) }
      guard pair.count == 2, let left = index[pair[0]], let right = index[pair[1]], let token = index[pair[0] + pair[1]]
      else {
        throw definition.error(
          .value, Key.merges, "merge \(rank), \"\(line)\", is not two tokens whose sum is a token")
      }
      guard table.insert(left, right, MergeTable.Merge(rank: UInt32(rank), token: token)) else {
        throw definition.error(.conflict, Key.merges, "merge \(rank), \"\(line)\", occurs twice")
      }
    }
    return table
  }
}
