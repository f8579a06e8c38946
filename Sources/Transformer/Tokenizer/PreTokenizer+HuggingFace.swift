/// A step of a `pre_tokenizer` reduced to what decides the words: options that are left out or that only concern offsets
/// make no difference.
struct PreTokenizerStep: Equatable {
  private let type: JSONValue?
  private let pattern: JSONValue?
  private let behavior: JSONValue?
  private let isInverted: Bool
  private let digitsAreSingle: Bool
  private let addsSpace: Bool
  private let usesExpression: Bool

  init(_ step: JSONObject) {
    func flag(_ key: String, otherwise: Bool) -> Bool { step[key].map { $0 != .bool(false) } ?? otherwise }
    type = step["type"]
    pattern = step["pattern"]
    behavior = step["behavior"]
    isInverted = flag("invert", otherwise: false)
    digitsAreSingle = flag("individual_digits", otherwise: false)
    let isByteLevel = type == .string("ByteLevel")
    addsSpace = flag("add_prefix_space", otherwise: isByteLevel)
    usesExpression = flag("use_regex", otherwise: isByteLevel)
  }
}

extension PreTokenizer {
  /// The steps of the published `tokenizer.json`.
  var steps: [JSONObject] {
    switch self {
    case .gpt2: [Self.byteLevel(usesExpression: true)]
    case .smolLM:
      [
        JSONObject(["type": .string("Digits"), "individual_digits": .bool(true)]), Self.byteLevel(usesExpression: true),
      ]
    case .qwen2: [Self.qwenSplit, Self.byteLevel(usesExpression: false)]
    }
  }

  private static func byteLevel(usesExpression: Bool) -> JSONObject {
    JSONObject([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(usesExpression),
      "use_regex": .bool(usesExpression),
    ])
  }

  private static var qwenSplit: JSONObject {
    let expression =
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    return JSONObject([
      "type": .string("Split"), "pattern": .object(JSONObject(["Regex": .string(expression)])),
      "behavior": .string("Isolated"), "invert": .bool(false),
    ])
  }
}
