/// One thing that is wrong with a settings or prompts file: where it is, what was found and what is allowed.
package struct SettingsProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, for callers that treat some problems apart; people read `description`.
  package enum Fault: Hashable, Sendable {
    /// The file is missing, too large, not a file, not readable or not UTF-8.
    case unreadable
    /// Not YAML, or YAML that is not supported here (anchors, tags).
    case syntax
    case unknownKey
    case duplicateKey
    /// A required key is absent.
    case missing
    /// A quoted number, a list for a word, text for a mapping, ….
    case wrongType
    /// The right type, but outside what is allowed.
    case impossibleValue
    /// Allowed by itself, impossible beside another key.
    case conflict
    /// A `{{name}}` that nothing fills in.
    case unknownPlace
  }

  package var fault: Fault
  /// As given by the caller; `--set` for overrides.
  package var file: String
  /// From 1. For `--set` the number of the override.
  package var line: Int
  /// From 1, in Unicode scalars.
  package var column: Int
  /// Dotted name, if the problem belongs to a key.
  package var key: String?
  package var message: String
  /// What was there, if that says anything.
  package var found: String?
  /// What may be there.
  package var allowed: String?
  /// The key that was probably meant.
  package var suggestion: String?

  package init(
    _ fault: Fault, file: String, line: Int = 1, column: Int = 1, key: String? = nil, _ message: String,
    found: String? = nil, allowed: String? = nil, suggestion: String? = nil
  ) {
    self.fault = fault
    self.file = file
    self.line = line
    self.column = column
    self.key = key
    self.message = message
    self.found = found
    self.allowed = allowed
    self.suggestion = suggestion
  }

  /// One line in the form compilers use: `file:line:column: key: message; found …; allowed: …`.
  package var description: String {
    var text = "\(file):\(line):\(column): "
    if let key { text += "\(key): " }
    text += message
    if let found { text += "; found \(found)" }
    if let suggestion { text += "; did you mean '\(suggestion)'?" }
    if let allowed { text += "; allowed: \(allowed)" }
    return text
  }
}

/// Everything that is wrong with the files and overrides of one experiment, in the order of the lines. Never empty.
package struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
  package let problems: [SettingsProblem]

  package init(_ problems: [SettingsProblem]) {
    precondition(!problems.isEmpty, "a settings error without a problem")
    self.problems = problems
  }

  /// A line per problem.
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
