import Domain
import Foundation

/// Settings on their way from text, with the place of each key that was written.
struct SettingsReader {
  var settings = ExperimentSettings()
  var problems: [SettingsProblem] = []
  /// Where each key was written last.
  private(set) var places: [String: SourcePosition] = [:]
  private var failed: Set<String> = []
  /// The settings file could be read so far that a missing key is really missing.
  private var isRead = false

  func result() throws(SettingsError) -> ExperimentSettings {
    guard problems.isEmpty else { throw SettingsError(problems) }
    return settings
  }

  mutating func readFile(_ source: SourceText) {
    var yaml = YAMLReader(file: source.file)
    let root = yaml.read(source.text)
    var found = yaml.problems
    if let root {
      isRead = true
      var seen: [String: SourcePosition] = [:]
      found += read(root, prefix: "", seen: &seen)
    } else if found.isEmpty {
      found.append(
        SettingsProblem(.wrongType, file: source.file, "the file is empty", allowed: "a mapping of settings"))
    }
    problems += found.inLineOrder
  }

  mutating func readOverrides(_ overrides: [String]) {
    for (index, override) in overrides.enumerated() {
      let origin = SourcePosition(file: SettingsFile.overridesName, line: index + 1, column: 1)
      guard let equals = override.firstIndex(of: "="), equals > override.startIndex else {
        problems.append(
          SettingsProblem(.syntax, at: origin, "not an override", found: "'\(override)'", allowed: "key=value"))
        continue
      }
      let name = override[..<equals].trimmingCharacters(in: .whitespaces)
      var valueOrigin = origin
      valueOrigin.column += override[...equals].unicodeScalars.count
      problems +=
        readOverride(name, String(override[override.index(after: equals)...]), origin, valueOrigin).inLineOrder
    }
  }

  private mutating func readOverride(
    _ name: String, _ value: String, _ origin: SourcePosition, _ valueOrigin: SourcePosition
  ) -> [SettingsProblem] {
    guard !value.contains(where: \.isNewline) else {
      return [SettingsProblem(.syntax, at: valueOrigin, key: name, "an override is one line")]
    }
    var yaml = YAMLReader(file: origin.file)
    let node = yaml.read(value, at: valueOrigin) ?? SettingNode(content: .nothing, position: valueOrigin)
    guard yaml.problems.isEmpty else {
      // An unfinished value is found out on the line after it; the line of an override is its number.
      return yaml.problems.map { found in
        var problem = found
        problem.line = origin.line
        problem.key = name
        return problem
      }
    }
    let entry = SettingNode.Entry(key: name, keyPosition: origin, value: node)
    var seen: [String: SourcePosition] = [:]
    return read(SettingNode(content: .mapping([entry]), position: origin), prefix: "", seen: &seen)
  }

  // MARK: Keys

  /// Reads a mapping of settings, or of one group (`prefix` ends with a dot).
  private mutating func read(
    _ node: SettingNode, prefix: String, seen: inout [String: SourcePosition]
  ) -> [SettingsProblem] {
    guard case .mapping(let entries) = node.content else {
      if prefix.isEmpty {
        return [
          SettingsProblem(
            .wrongType, at: node.position, "the file is not a mapping", found: node.shown,
            allowed: "settings as 'key: value' lines")
        ]
      }
      // A group whose keys are all commented out.
      if case .nothing = node.content, node.position.file != SettingsFile.overridesName { return [] }
      let group = String(prefix.dropLast())
      return [
        SettingsProblem(
          .wrongType, at: node.position, key: group, "a group of settings", found: node.shown,
          allowed: "'key: value' lines with the keys \(list(Self.leaves(of: group), "and"))")
      ]
    }
    return entries.flatMap { read($0, name: prefix + $0.key, seen: &seen) }
  }

  private mutating func read(
    _ entry: SettingNode.Entry, name: String, seen: inout [String: SourcePosition]
  ) -> [SettingsProblem] {
    if let first = seen[name] {
      return [
        SettingsProblem(.duplicateKey, at: entry.keyPosition, key: name, "written twice, first in line \(first.line)")
      ]
    }
    seen[name] = entry.keyPosition
    if !name.isEmpty, SettingKey.groups.contains(name) { return read(entry.value, prefix: name + ".", seen: &seen) }
    guard let key = SettingKey.named(name) else {
      return [SettingsProblem.unknownKey(name, at: entry.keyPosition)]
    }
    places[name] = entry.keyPosition
    do throws(Mismatch) {
      try key.read(entry.value, into: &settings)
      return []
    } catch {
      failed.insert(name)
      let what = error.fault == .wrongType ? "wrong type" : "impossible value"
      return [
        SettingsProblem(
          error.fault, at: entry.value.position, key: name, what, found: error.found, allowed: key.allowed,
          suggestion: error.suggestion)
      ]
    }
  }

  fileprivate static func leaves(of group: String) -> [String] {
    SettingKey.all.filter { $0.group == group }.map(\.leaf)
  }

  // MARK: Rules and prompts

  /// Checks what the keys may not be together.
  mutating func checkRules() {
    for rule in SettingRule.all where failed.isDisjoint(with: rule.keys) {
      guard let conflict = rule.conflict(settings) else { continue }
      let written = rule.keys.first { places[$0] != nil }
      guard let key = written, let place = places[key] else {
        preconditionFailure("the defaults contradict each other: \(conflict)")
      }
      problems.append(SettingsProblem(.conflict, at: place, key: key, conflict))
    }
    problems = problems.byFile
  }

  /// Reads the prompts file that the settings name.
  mutating func readPrompts(besides path: String) {
    guard !failed.contains("prompts") else { return }
    guard let place = places["prompts"] else {
      if isRead {
        problems.append(
          SettingsProblem(
            .missing, file: path, key: "prompts", "missing",
            allowed: SettingKey.named("prompts")?.allowed))
        problems = problems.byFile
      }
      if let place = places["composite.probability"], !settings.prompts.name.isEmpty {
        checkFunctions(at: place, key: "composite.probability")
      }
      return
    }
    let name = settings.prompts.name
    let folder = (path as NSString).deletingLastPathComponent
    let file = name.hasPrefix("/") ? name : (folder as NSString).appendingPathComponent(name)
    do throws(SettingsError) {
      settings.prompts = try PromptsFile.load(
        path: file, kinds: failed.contains("play.kinds") ? [] : settings.play.kinds)
      settings.prompts.name = name
      checkThinking(at: place)
      checkFunctions(at: place, key: "prompts")
    } catch {
      for problem in error.problems {
        guard problem.fault == .unreadable, problem.line == 1, problem.column == 1 else {
          problems.append(problem)
          continue
        }
        problems.append(
          SettingsProblem(
            .unreadable, at: place, key: "prompts", "\(problem.file): \(problem.message)", found: problem.found,
            allowed: problem.allowed))
      }
      problems = problems.byFile
    }
  }
}

extension SettingsReader {
  /// Completions are read as thoughts and answers only where the prompts have begun a thought.
  private mutating func checkThinking(at place: SourcePosition) {
    guard settings.play.thinking, !failed.contains("play.kinds") else { return }
    for role in Role.allCases {
      for kind in settings.play.kinds.sorted() where !settings.prompts[role, kind].opening.hasPrefix("<think>") {
        problems.append(
          SettingsProblem(
            .conflict, at: place, key: "prompts",
            "play.thinking needs prompts whose opening begins with <think>; \(PromptsFile.name(role, kind)) of "
              + "\(settings.prompts.name) has none"))
      }
    }
  }
}

extension SettingsReader {
  /// Functions are given only where the prompt shows them.
  fileprivate mutating func checkFunctions(at place: SourcePosition, key: String) {
    guard settings.composite.probability > 0, !failed.contains("play.kinds") else { return }
    for kind in settings.play.kinds.sorted() where kind != .induction {
      let text = settings.prompts[.proposer, kind].text
      guard !PromptPlaces.places(in: text).contains(where: { $0.name == "functions" }) else { continue }
      problems.append(
        SettingsProblem(
          .conflict, at: place, key: key,
          "composite.probability needs prompts that say {{functions}}; \(PromptsFile.name(.proposer, kind)) of "
            + "\(settings.prompts.name) does not"))
    }
  }
}

extension SettingsProblem {
  /// An unknown setting, with the known one that is nearest or the ones of its group.
  static func unknownKey(_ name: String, at position: SourcePosition) -> SettingsProblem {
    let known = SettingKey.all.map(\.name) + SettingKey.groups.filter { !$0.isEmpty }
    if let nearest = Suggestion.nearest(to: name, in: known) {
      return SettingsProblem(.unknownKey, at: position, key: name, "unknown key", suggestion: nearest)
    }
    let group = name.split(separator: ".").dropLast().joined(separator: ".")
    let siblings = SettingKey.all.filter { $0.group == group }.map(\.leaf)
    let top = SettingKey.all.filter { $0.group.isEmpty }.map(\.name) + SettingKey.groups.filter { !$0.isEmpty }
    return SettingsProblem(
      .unknownKey, at: position, key: name, "unknown key",
      allowed: siblings.isEmpty || group.isEmpty ? list(top, "and") : "in \(group): \(list(siblings, "and"))")
  }
}

extension [SettingsProblem] {
  /// The problems of one file in the order of its lines.
  var inLineOrder: [SettingsProblem] {
    enumerated().sorted {
      ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
    }.map(\.element)
  }

  /// Grouped by file in the order the files first appear, each in the order of its lines.
  fileprivate var byFile: [SettingsProblem] {
    var files: [String] = []
    for problem in self where !files.contains(problem.file) { files.append(problem.file) }
    return files.flatMap { file in filter { $0.file == file }.inLineOrder }
  }
}
