extension TokenizerDefinition {
  /// Reads `tokenizer.json` and, for the names of the end and beginning tokens, `tokenizer_config.json` of a folder.
  ///
  /// The pipelines of `PreTokenizer` are recognised; any other step, and any option that would change an id, is refused
  /// with its name. Ids without a token, up to `vocabularySize`, become unused tokens as in GGUF files.
  package init(folder: ModelFolder, vocabularySize: Int) throws(ModelFileError) {
    let file = try JSONFile(path: folder.path + "/" + ModelFolder.Name.tokenizer, bytesMax: Self.fileSizeMax)
    let model = JSONFile(path: file.path, root: try file.object("model"))
    try Self.checkModel(model)
    try Self.checkSurroundings(file)
    var table = TokenTable(count: vocabularySize, file: file)
    try table.addVocabulary(try model.object("vocab"))
    let normalizes = try Self.normalizer(file) != nil
    for element in try file.arrayIfPresent("added_tokens") ?? [] {
      try table.add(try AddedTokenEntry(element, file: file, normalizes: normalizes))
    }
    try self.init(
      source: file.path, preTokenizer: Self.preTokenizer(file), tokens: table.finished(), kinds: table.kinds,
      merges: Self.merges(model))
    if let text = try model.stringIfPresent("unk_token") {
      guard let id = table.id(of: text) else {
        throw model.error(.value, "model.unk_token", "\"\(text.prefix(60))\" is not a token")
      }
      unknownToken = id
    }
    try readNamedTokens(folder, table)
  }

  private static var fileSizeMax: Int { 1 << 26 }

  // MARK: Pipeline

  private static func checkModel(_ model: JSONFile) throws(ModelFileError) {
    let type = try model.stringIfPresent("type") ?? "BPE"
    guard type == "BPE" else {
      throw model.error(.value, "model.type", "\"\(type.prefix(60))\" is not supported; \"BPE\" is")
    }
    for key in ["byte_fallback", "ignore_merges", "fuse_unk"] where try model.boolIfPresent(key) == true {
      throw model.error(.value, "model.\(key)", "true is not supported; false is")
    }
    if let dropout = try model.numberIfPresent("dropout"), dropout != 0 {
      throw model.error(.value, "model.dropout", "\(dropout) is not supported; null is")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try model.stringIfPresent(key), !text.isEmpty {
        throw model.error(.value, "model.\(key)", "\"\(text.prefix(60))\" is not supported; null is")
      }
    }
  }

  /// Steps that come after splitting: the decoder must be the byte-level one, and nothing may be added to a text.
  private static func checkSurroundings(_ file: JSONFile) throws(ModelFileError) {
    for key in ["decoder", "post_processor"] {
      guard let step = try file.objectIfPresent(key) else { continue }
      let type = try JSONFile(path: file.path, root: step).string("type")
      if type == "ByteLevel" || key == "post_processor" && type == "TemplateProcessing" && addsNothing(step) {
        continue
      }
      throw file.error(.value, key, "\"\(type.prefix(60))\" with these options is not supported; \"ByteLevel\" is")
    }
  }

  /// Whether a template is the text alone, which is how transformers writes that there is none.
  private static func addsNothing(_ template: JSONObject) -> Bool {
    guard case .array(let parts)? = template["single"], parts.count == 1, case .object(let part) = parts[0] else {
      return false
    }
    return part.members.map(\.key) == ["Sequence"]
  }

  /// nil, or NFC.
  private static func normalizer(_ file: JSONFile) throws(ModelFileError) -> String? {
    guard let step = try file.objectIfPresent("normalizer") else { return nil }
    let type = try JSONFile(path: file.path, root: step).string("type")
    guard type == "NFC" else {
      throw file.error(.value, "normalizer", "\"\(type.prefix(60))\" is not supported; null and \"NFC\" are")
    }
    return type
  }

  private static func preTokenizer(_ file: JSONFile) throws(ModelFileError) -> PreTokenizer {
    let root = try file.object("pre_tokenizer")
    var steps = [root]
    if root["type"] == .string("Sequence") {
      steps = []
      for element in try JSONFile(path: file.path, root: root).arrayIfPresent("pretokenizers") ?? [] {
        guard case .object(let step) = element else {
          throw file.error(.value, "pre_tokenizer", "a step is \(element.summary)")
        }
        steps.append(step)
      }
    }
    let found = steps.map { PreTokenizerStep($0) }
    let normalizes = try normalizer(file) != nil
    for candidate in PreTokenizer.allCases where found == candidate.steps.map({ PreTokenizerStep($0) }) {
      guard candidate.normalizes == normalizes else {
        throw file.error(
          .value, "normalizer",
          "\(normalizes ? "NFC" : "null") with the words of \"\(candidate.rawValue)\" is not supported")
      }
      return candidate
    }
    let names = steps.map { step in
      if case .string(let type)? = step["type"] { "\"\(type.prefix(60))\"" } else { "a step without a type" }
    }
    throw file.error(
      .value, "pre_tokenizer",
      "\(names.joined(separator: ", ")) with these options is not supported; the pipelines of "
        + PreTokenizer.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ") + " are")
  }

  /// Pairs as "left right", or as arrays of two, which newer files have.
  private static func merges(_ model: JSONFile) throws(ModelFileError) -> [String] {
    guard let elements = try model.arrayIfPresent("merges") else { throw model.missing("model.merges", "an array") }
    var merges: [String] = []
    merges.reserveCapacity(elements.count)
    for element in elements {
      switch element {
      case .string(let line): merges.append(line)
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
          throw model.error(.value, "model.merges", "merge \(merges.count) is not a pair of strings")
        }
        merges.append(left + " " + right)
      default: throw model.error(.value, "model.merges", "merge \(merges.count) is \(element.summary)")
      }
    }
    return merges
  }

  // MARK: Named tokens

  /// `tokenizer_config.json` names them; where it does not, `config.json` gives ids. The first of several counts.
  private mutating func readNamedTokens(_ folder: ModelFolder, _ table: TokenTable) throws(ModelFileError) {
    let path = folder.path + "/" + ModelFolder.Name.tokenizerSettings
    let isThere = folder.files.contains(ModelFolder.Name.tokenizerSettings)
    let settings = isThere ? try JSONFile(path: path, bytesMax: ModelFolder.settingsSizeMax) : nil
    func token(_ name: String) throws(ModelFileError) -> Int? {
      if let settings, let text = try Self.tokenText(settings, name) {
        guard let id = table.id(of: text) else {
          throw settings.error(.value, name, "\"\(text.prefix(60))\" is not a token")
        }
        return id
      }
      return try Self.tokenNumber(folder.settings, name + "_id")
    }
    beginningToken = try token("bos_token")
    endToken = try token("eos_token")
    paddingToken = try token("pad_token")
  }

  /// A text, or an object with one as its content.
  private static func tokenText(_ file: JSONFile, _ key: String) throws(ModelFileError) -> String? {
    if case .object(let entry)? = file.value(key) {
      return try JSONFile(path: file.path, root: entry).string("content")
    }
    return try file.stringIfPresent(key)
  }

  private static func tokenNumber(_ file: JSONFile, _ key: String) throws(ModelFileError) -> Int? {
    if case .array(let elements)? = file.value(key) {
      guard case .integer(let first)? = elements.first else { throw file.error(.value, key, "expected token ids") }
      return first
    }
    return try file.integerIfPresent(key)
  }
}

/// One of `added_tokens`: text that is found before anything is split.
private struct AddedTokenEntry {
  let id: Int
  let content: String
  let isSpecial: Bool

  init(_ value: JSONValue, file: JSONFile, normalizes: Bool) throws(ModelFileError) {
    guard case .object(let object) = value else {
      throw file.error(.value, "added_tokens", "an entry is \(value.summary)")
    }
    let entry = JSONFile(path: file.path, root: object)
    id = try entry.integer("id")
    content = try entry.string("content")
    isSpecial = try entry.boolIfPresent("special") ?? false
    for key in ["single_word", "lstrip", "rstrip"] where try entry.boolIfPresent(key) == true {
      throw file.error(.value, "added_tokens", "\"\(content.prefix(60))\" has \(key), which is not supported")
    }
    if normalizes, try entry.boolIfPresent("normalized") ?? !isSpecial {
      throw file.error(
        .value, "added_tokens", "\"\(content.prefix(60))\" is matched in normalized text, which is not supported")
    }
  }
}

/// Tokens by id while a `tokenizer.json` is read.
private struct TokenTable {
  private var texts: [String?]
  private(set) var kinds: [Int]
  private var ids: [ExactText: Int] = [:]
  private let file: JSONFile

  init(count: Int, file: JSONFile) {
    texts = Array(repeating: nil, count: count)
    kinds = Array(repeating: Vocabulary.Kind.unused.rawValue, count: count)
    self.file = file
  }

  mutating func addVocabulary(_ vocabulary: JSONObject) throws(ModelFileError) {
    ids.reserveCapacity(vocabulary.members.count)
    for member in vocabulary.members {
      guard case .integer(let id) = member.value else {
        throw file.error(
          .value, "model.vocab", "\"\(member.key.prefix(60))\" is \(member.value.summary), expected an id")
      }
      try place(member.key, id, .normal, "model.vocab")
    }
  }

  /// An added token may be in the vocabulary as well, under the same id.
  mutating func add(_ entry: AddedTokenEntry) throws(ModelFileError) {
    let kind: Vocabulary.Kind = entry.isSpecial ? .control : .userDefined
    if let id = id(of: entry.content), id == entry.id {
      kinds[id] = kind.rawValue
      return
    }
    try place(entry.content, entry.id, kind, "added_tokens")
  }

  func id(of text: String) -> Int? { ids[ExactText(text)] }

  private mutating func place(
    _ text: String, _ id: Int, _ kind: Vocabulary.Kind, _ key: String
  ) throws(ModelFileError) {
    guard texts.indices.contains(id) else {
      throw file.error(.value, key, "\"\(text.prefix(60))\" is token \(id) of a vocabulary of \(texts.count)")
    }
    if let other = texts[id] {
      throw file.error(.conflict, key, "\"\(text.prefix(60))\" and \"\(other.prefix(60))\" are both token \(id)")
    }
    guard ids.updateValue(id, forKey: ExactText(text)) == nil else {
      throw file.error(.conflict, key, "\"\(text.prefix(60))\" has two ids, one of them \(id)")
    }
    texts[id] = text
    kinds[id] = kind.rawValue
  }

  /// The texts, with names for the ids that have none.
  func finished() -> [String] { texts.enumerated().map { $1 ?? "[PAD\($0)]" } }
}
