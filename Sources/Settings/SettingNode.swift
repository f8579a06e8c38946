/// A value of a YAML file with its place: the part of YAML that settings and prompts are written in.
///
/// Scalars keep their text. What it means (number, word, truth) is decided by the key it belongs to, so that YAML's own
/// guesses (`yes` is true, `010` is 8, `1:30` is 90) never reach an experiment.
struct SettingNode: Sendable {
  enum Content: Sendable {
    /// Nothing, `~` or `null`.
    case nothing
    /// `isPlain` is false for quoted text and blocks, which are never numbers or truths.
    case scalar(String, isPlain: Bool)
    case list([SettingNode])
    case mapping([Entry])
  }

  /// A key and its value.
  struct Entry: Sendable {
    var key: String
    var keyPosition: SourcePosition
    var value: SettingNode
  }

  var content: Content
  var position: SourcePosition
  /// A literal block (`|`): its lines are those below `position`.
  var isLiteralBlock = false

  /// The value as errors quote it, shortened.
  var shown: String {
    switch content {
    case .nothing: return "nothing"
    case .list(let items): return items.isEmpty ? "an empty list" : "a list of \(items.count)"
    case .mapping: return "a mapping"
    case .scalar(let text, let isPlain):
      let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
      let short = line.count > 60 || line.count < text.count ? line.prefix(60) + "…" : line[...]
      return isPlain ? "\(short)" : "the text \"\(short)\""
    }
  }
}

/// A place in a file.
struct SourcePosition: Hashable, Comparable, Sendable {
  /// Files are ordered: settings, overrides, prompts.
  var file: String
  var line: Int
  var column: Int

  static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}

extension SettingsProblem {
  /// A problem at a place.
  init(
    _ fault: Fault, at position: SourcePosition, key: String? = nil, _ message: String, found: String? = nil,
    allowed: String? = nil, suggestion: String? = nil
  ) {
    self.init(
      fault, file: position.file, line: position.line, column: position.column, key: key, message, found: found,
      allowed: allowed, suggestion: suggestion)
  }
}
