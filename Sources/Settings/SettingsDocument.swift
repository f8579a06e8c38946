import Domain

/// Settings for people: shown whole, explained key by key, compared.
package enum SettingsDocument {
  /// The settings as YAML with a comment per key; reads back to equal settings.
  ///
  /// Used by `create --dry-run` and `status`. The digest of the model and the texts of the prompts are not settings of
  /// this file: the first is shown as a comment, the second are behind `prompts`.
  package static func show(_ settings: ExperimentSettings) -> String {
    var lines: [String] = []
    for group in SettingKey.groups {
      let indent = group.isEmpty ? "" : "  "
      if !group.isEmpty { lines += ["", "\(group):"] }
      for key in SettingKey.all where key.group == group {
        if key.name == "prompts", settings.prompts.name.isEmpty {
          lines.append("# prompts: none; \(key.allowed)")
          continue
        }
        let value = key.show(settings)
        let other = key.defaultText.flatMap { $0 == value ? nil : " Default: \($0)." } ?? ""
        lines.append("\(indent)# \(key.meaning)\(other)")
        lines.append("\(indent)\(key.leaf): \(value)")
      }
      if group == "model", !settings.model.digest.isEmpty {
        lines.append("\(indent)# SHA-256 of its weights file: \(settings.model.digest)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What a key, or each key of a group, means, may be, and is by default; with its value in `settings` if given.
  ///
  /// Throws an unknown key with the one that was probably meant.
  package static func explain(
    _ name: String, in settings: ExperimentSettings? = nil
  ) throws(SettingsError) -> String {
    let keys =
      SettingKey.named(name).map { [$0] } ?? SettingKey.all.filter { !name.isEmpty && $0.group == name }
    guard !keys.isEmpty else {
      let position = SourcePosition(file: "settings explain", line: 1, column: 1)
      throw SettingsError([SettingsProblem.unknownKey(name, at: position)])
    }
    return keys.map { key in
      var lines = [
        key.name, "  \(key.meaning)", "  allowed: \(key.allowed)", "  default: \(key.defaultText ?? "none; required")",
      ]
      if let settings { lines.append("  value:   \(key.show(settings))") }
      return lines.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// A setting that two experiments have different.
  package struct Difference: Hashable, Sendable, CustomStringConvertible {
    package var key: String
    /// Values as YAML; of texts of prompts only the length is told.
    package var left: String
    package var right: String
    package var description: String { "\(key): \(left) → \(right)" }
  }

  /// Where two experiments differ, in the order the keys are shown; the model's digest and the prompts come last.
  package static func differences(_ left: ExperimentSettings, _ right: ExperimentSettings) -> [Difference] {
    var result = SettingKey.all.compactMap { difference($0.name, $0.show(left), $0.show(right)) }
    result += [difference("model.digest", left.model.digest, right.model.digest)].compactMap { $0 }
    for role in Role.allCases {
      for kind in Kind.allCases.sorted() {
        let name = "prompts.\(PromptsFile.name(role, kind))"
        let (a, b) = (left.prompts[role, kind], right.prompts[role, kind])
        result += texts(name, a, b)
      }
    }
    return result
  }

  private static func texts(_ name: String, _ left: PromptTemplate, _ right: PromptTemplate) -> [Difference] {
    var result: [Difference] = []
    let parts = [
      ("text", left.text, right.text), ("item", left.item, right.item),
      ("functions", left.functions ?? "", right.functions ?? ""), ("opening", left.opening, right.opening),
    ]
    for (part, one, other) in parts where one != other {
      let sizes = [one, other].map { "text of \($0.utf8.count) bytes" }
      result.append(Difference(key: "\(name).\(part)", left: sizes[0], right: sizes[1]))
    }
    let stops = [left, right].map { "[" + $0.stops.map(yamlText).joined(separator: ", ") + "]" }
    if let difference = difference("\(name).stops", stops[0], stops[1]) { result.append(difference) }
    return result
  }

  private static func difference(_ key: String, _ left: String, _ right: String) -> Difference? {
    left == right ? nil : Difference(key: key, left: left, right: right)
  }
}
