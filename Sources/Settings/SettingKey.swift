import Domain

/// One setting: its dotted name, what it means, what it may be, and where it lives in `ExperimentSettings`.
///
/// The registry `all` is the single list behind reading, showing, explaining and `docs/settings.md`; a test demands
/// that it and the struct cover each other.
package struct SettingKey: Sendable {
  /// Dotted, in snake case: `play.batch`.
  package let name: String
  /// One sentence.
  package let meaning: String
  /// What it may be, in words.
  package let allowed: String

  private let readValue: @Sendable (SettingNode, inout ExperimentSettings) throws(Mismatch) -> Void
  private let writeValue: @Sendable (ExperimentSettings) -> String

  init<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<ExperimentSettings, Value> & Sendable, _ form: SettingForm<Value>,
    _ meaning: String
  ) {
    self.name = name
    self.meaning = meaning
    allowed = form.allowed
    readValue = { node, settings throws(Mismatch) in settings[keyPath: path] = try form.read(node) }
    writeValue = { form.write($0[keyPath: path]) }
  }

  /// The value as YAML on one line.
  package func show(_ settings: ExperimentSettings) -> String { writeValue(settings) }

  /// The default as YAML; nil for the one key that has none and must be given.
  package var defaultText: String? { name == "prompts" ? nil : show(ExperimentSettings()) }

  /// The part before the last dot; empty for keys of the top level.
  package var group: String { name.split(separator: ".").dropLast().joined(separator: ".") }
  /// The part after the last dot.
  package var leaf: String { name.split(separator: ".").last.map(String.init) ?? name }

  /// Reads a value into the settings.
  func read(_ node: SettingNode, into settings: inout ExperimentSettings) throws(Mismatch) {
    try readValue(node, &settings)
  }

  /// The key of this name.
  package static func named(_ name: String) -> SettingKey? { byName[name] }

  /// Names of the groups, in the order of the registry, the top level (empty name) first.
  package static let groups: [String] = all.reduce(into: []) { groups, key in
    if !groups.contains(key.group) { groups.append(key.group) }
  }

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
