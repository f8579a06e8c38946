import Domain

/// Where the value of a key comes from; a key without one has its default.
package enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
  /// A line of a settings file.
  case file(path: String, line: Int)
  /// The `number`-th `--set`, from 1.
  case override(number: Int)

  package var description: String {
    switch self {
    case .file(let path, let line): "\(path), line \(line)"
    case .override(let number): "--set, number \(number)"
    }
  }
}

/// Reads settings: a YAML file, its overrides and the prompts file it names.
///
/// Every problem of all of them is reported together, in the order of the lines. Keys may be written nested or dotted.
package enum SettingsFile {
  /// What `--set` is called in errors.
  package static let overridesName = "--set"

  /// The resolved settings of a file, with its prompts.
  ///
  /// - Parameters:
  ///   - path: of the settings file. Its `prompts` is relative to the folder it is in.
  ///   - overrides: `key=value` each, the value in YAML; the last one of a key holds.
  package static func load(path: String, overrides: [String] = []) throws(SettingsError) -> ExperimentSettings {
    try trace(path: path, overrides: overrides).settings
  }

  /// What `load` gives, with where each key that was written is written: `settings explain`.
  package static func trace(
    path: String, overrides: [String] = []
  ) throws(SettingsError) -> (settings: ExperimentSettings, origins: [String: SettingOrigin]) {
    var reader = SettingsReader()
    do throws(SettingsProblem) {
      reader.readFile(try SourceText(path: path))
    } catch {
      reader.problems.append(error)
    }
    reader.readOverrides(overrides)
    reader.checkRules()
    reader.readPrompts(besides: path)
    let origins = reader.places.mapValues { place in
      place.file == overridesName
        ? SettingOrigin.override(number: place.line) : .file(path: place.file, line: place.line)
    }
    return (try reader.result(), origins)
  }

  /// The settings of a text; `prompts.name` is set, the templates are not.
  ///
  /// Called where there is no prompts file at hand: tests, and comparisons of presets.
  package static func read(
    _ text: String, file: String, overrides: [String] = []
  ) throws(SettingsError) -> ExperimentSettings {
    var reader = SettingsReader()
    do throws(SettingsProblem) {
      reader.readFile(try SourceText(bytes: Array(text.utf8), file: file))
    } catch {
      reader.problems.append(error)
    }
    reader.readOverrides(overrides)
    reader.checkRules()
    return try reader.result()
  }

  /// Settings with some keys changed, checked as a file's are. A fork calls it with the settings it inherits.
  ///
  /// - Parameter overrides: as for `load`; `prompts` is relative to the working directory.
  package static func change(
    _ settings: ExperimentSettings, overrides: [String]
  ) throws(SettingsError) -> ExperimentSettings {
    var reader = SettingsReader()
    reader.settings = settings
    reader.readOverrides(overrides)
    reader.checkRules()
    reader.readPrompts(besides: overridesName)
    return try reader.result()
  }

  /// Whether every setting is what a file could have said. Settings that were recorded elsewhere are asked (`import`).
  ///
  /// - Throws: `SettingsError` with the keys, what was found and what is allowed.
  package static func check(_ settings: ExperimentSettings) throws(SettingsError) {
    _ = try read(SettingsDocument.show(settings), file: "recorded settings")
  }
}
