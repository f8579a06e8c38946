import Domain
import Foundation

/// Reads the file with the texts of the six prompts: one template per role and kind.
package enum PromptsFile {
  /// Most stops of a template, and the longest one in bytes.
  static let stopsMax = 16
  static let stopBytesMax = 200

  /// The name of a template in the file: `propose_deduction`.
  package static func name(_ role: Role, _ kind: Kind) -> String {
    (role == .proposer ? "propose_" : "solve_") + kind.rawValue
  }

  /// Reads a file. Templates of the `kinds` are required, others are read if they are there.
  package static func load(path: String, kinds: [Kind] = Kind.allCases) throws(SettingsError) -> PromptTemplates {
    let source: SourceText
    do throws(SettingsProblem) {
      source = try SourceText(path: path)
    } catch {
      throw SettingsError([error])
    }
    return try read(source, kinds: kinds)
  }

  /// Reads a text. `name` of the result is the file's last path component.
  package static func read(
    _ text: String, file: String, kinds: [Kind] = Kind.allCases
  ) throws(SettingsError) -> PromptTemplates {
    let source: SourceText
    do throws(SettingsProblem) {
      source = try SourceText(bytes: Array(text.utf8), file: file)
    } catch {
      throw SettingsError([error])
    }
    return try read(source, kinds: kinds)
  }

  private static func read(_ source: SourceText, kinds: [Kind]) throws(SettingsError) -> PromptTemplates {
    var yaml = YAMLReader(file: source.file)
    let root = yaml.read(source.text)
    var reader = PromptsReader(source: source, kinds: kinds, problems: yaml.problems)
    if let root {
      reader.read(root)
    } else if yaml.problems.isEmpty {
      reader.problems.append(
        SettingsProblem(.wrongType, file: source.file, "the file is empty", allowed: "a mapping of templates"))
    }
    guard reader.problems.isEmpty else { throw SettingsError(reader.problems.inLineOrder) }
    reader.templates.name = (source.file as NSString).lastPathComponent
    return reader.templates
  }
}

extension PromptTemplates {
  /// Where the template of a role and kind lives.
  static func path(_ role: Role, _ kind: Kind) -> WritableKeyPath<PromptTemplates, PromptTemplate> {
    switch (role, kind) {
    case (.proposer, .deduction): \.proposeDeduction
    case (.proposer, .abduction): \.proposeAbduction
    case (.proposer, .induction): \.proposeInduction
    case (.solver, .deduction): \.solveDeduction
    case (.solver, .abduction): \.solveAbduction
    case (.solver, .induction): \.solveInduction
    }
  }
}

/// Templates on their way from text.
private struct PromptsReader {
  let source: SourceText
  let kinds: [Kind]
  var templates = PromptTemplates()
  var problems: [SettingsProblem]

  init(source: SourceText, kinds: [Kind], problems: [SettingsProblem]) {
    self.source = source
    self.kinds = kinds
    self.problems = problems
  }

  private static let all: [(role: Role, kind: Kind)] = Role.allCases.flatMap { role in
    Kind.allCases.sorted().map { (role, $0) }
  }
  private static let names = all.map { PromptsFile.name($0.role, $0.kind) }

  mutating func read(_ root: SettingNode) {
    guard let entries = mapping(root, key: nil, "the file is not a mapping", known: Self.names) else { return }
    for (role, kind) in Self.all {
      let name = PromptsFile.name(role, kind)
      if let entry = entries[name] {
        read(entry, role, kind, name)
      } else if kinds.contains(kind) {
        problems.append(
          SettingsProblem(.missing, file: source.file, key: name, "missing", allowed: "a template with text and stops"))
      }
    }
  }

  private mutating func read(_ entry: SettingNode.Entry, _ role: Role, _ kind: Kind, _ name: String) {
    let parts = PromptPlaces.Part.all(role).map(\.rawValue)
    guard let entries = mapping(entry.value, key: name, "not a template", known: parts) else { return }
    let countBefore = problems.count
    var template = PromptTemplate()
    template.text = text(entries, .text, role, name, at: entry.keyPosition, isRequired: true)
    template.item = text(entries, .item, role, name, at: entry.keyPosition, isRequired: false)
    if entries["functions"] != nil {
      template.functions = text(entries, .functions, role, name, at: entry.keyPosition, isRequired: false)
    }
    template.opening = text(entries, .opening, role, name, at: entry.keyPosition, isRequired: false)
    template.stops = stops(entries, name, at: entry.keyPosition)
    if problems.count == countBefore { checkItem(template, entries, name) }
    templates[keyPath: PromptTemplates.path(role, kind)] = template
  }

  /// The entries of a mapping by key, after refusing unknown keys and keys written twice.
  private mutating func mapping(
    _ node: SettingNode, key: String?, _ message: String, known: [String]
  ) -> [String: SettingNode.Entry]? {
    guard case .mapping(let entries) = node.content else {
      problems.append(
        SettingsProblem(
          .wrongType, at: node.position, key: key, message, found: node.shown,
          allowed: "a mapping with the keys \(list(known, "and"))"))
      return nil
    }
    var result: [String: SettingNode.Entry] = [:]
    for entry in entries {
      let name = key.map { "\($0).\(entry.key)" } ?? entry.key
      if let first = result[entry.key] {
        problems.append(
          SettingsProblem(
            .duplicateKey, at: entry.keyPosition, key: name, "written twice, first in line \(first.keyPosition.line)"))
      } else if known.contains(entry.key) {
        result[entry.key] = entry
      } else {
        let nearest = Suggestion.nearest(to: entry.key, in: known)
        problems.append(
          SettingsProblem(
            .unknownKey, at: entry.keyPosition, key: name, "unknown key",
            allowed: nearest == nil ? list(known, "and") : nil, suggestion: nearest))
      }
    }
    return result
  }

  private mutating func text(
    _ entries: [String: SettingNode.Entry], _ part: PromptPlaces.Part, _ role: Role, _ name: String,
    at position: SourcePosition, isRequired: Bool
  ) -> String {
    let key = "\(name).\(part.rawValue)"
    guard let node = entries[part.rawValue]?.value else {
      if isRequired { problems.append(SettingsProblem(.missing, at: position, key: key, "missing", allowed: "text")) }
      return ""
    }
    guard case .scalar(let text, _) = node.content else {
      problems.append(
        SettingsProblem(.wrongType, at: node.position, key: key, "wrong type", found: node.shown, allowed: "text"))
      return ""
    }
    if isRequired, text.allSatisfy(\.isWhitespace) {
      problems.append(
        SettingsProblem(
          .impossibleValue, at: node.position, key: key, "impossible value", found: "an empty text",
          allowed: "text that is not empty"))
    }
    checkPlaces(text, node, PromptPlaces.allowed(role, part), key)
    return text
  }

  private mutating func stops(
    _ entries: [String: SettingNode.Entry], _ name: String, at position: SourcePosition
  ) -> [String] {
    let key = "\(name).stops"
    let allowed =
      "a list of 1 to \(PromptsFile.stopsMax) texts, none empty or twice, each at most "
      + "\(PromptsFile.stopBytesMax) bytes"
    guard let node = entries["stops"]?.value else {
      problems.append(SettingsProblem(.missing, at: position, key: key, "missing", allowed: allowed))
      return []
    }
    guard case .list(let items) = node.content else {
      problems.append(
        SettingsProblem(.wrongType, at: node.position, key: key, "wrong type", found: node.shown, allowed: allowed))
      return []
    }
    if items.isEmpty || items.count > PromptsFile.stopsMax {
      problems.append(
        SettingsProblem(
          .impossibleValue, at: node.position, key: key, "impossible value", found: node.shown, allowed: allowed))
    }
    var stops: [String] = []
    for item in items {
      guard case .scalar(let text, _) = item.content else {
        problems.append(
          SettingsProblem(.wrongType, at: item.position, key: key, "wrong type", found: item.shown, allowed: allowed))
        continue
      }
      if text.isEmpty || text.utf8.count > PromptsFile.stopBytesMax || stops.contains(text) {
        problems.append(
          SettingsProblem(
            .impossibleValue, at: item.position, key: key, "impossible value",
            found: stops.contains(text) ? "\(item.shown) twice" : item.shown, allowed: allowed))
      }
      checkPlaces(text, item, [], key)
      stops.append(text)
    }
    return stops
  }

  /// A text that lists references or pairs, or functions, needs to say how one is written.
  private mutating func checkItem(
    _ template: PromptTemplate, _ entries: [String: SettingNode.Entry], _ name: String
  ) {
    let places = PromptPlaces.places(in: template.text).map(\.name)
    guard let text = entries["text"] else { return }
    func missing(_ part: String, _ listed: String) {
      problems.append(
        SettingsProblem(
          .missing, at: text.keyPosition, key: "\(name).\(part)",
          "missing; the text says {{\(listed)}} and nothing says how one of them is written", allowed: "text"))
    }
    if template.item.isEmpty, let listed = places.first(where: { ["references", "pairs"].contains($0) }) {
      missing("item", listed)
    }
    if template.functions?.isEmpty ?? true, places.contains("functions") { missing("functions", "functions") }
  }

  private mutating func checkPlaces(_ text: String, _ node: SettingNode, _ allowed: [String], _ key: String) {
    for place in PromptPlaces.places(in: text) where !allowed.contains(place.name) {
      problems.append(
        SettingsProblem(
          .unknownPlace, at: position(of: place, in: node), key: key, "unknown place", found: "{{\(place.name)}}",
          allowed: allowed.isEmpty ? "no places here" : list(allowed.map { "{{\($0)}}" }, "and"),
          suggestion: Suggestion.nearest(to: place.name.filter { $0 != " " && $0 != "\t" }, in: allowed)))
    }
  }

  /// Where a place stands in the file: exact for literal blocks, the beginning of the text for others.
  private func position(of place: PromptPlaces.Place, in node: SettingNode) -> SourcePosition {
    guard node.isLiteralBlock else { return node.position }
    var position = node.position
    position.line += 1 + place.line
    position.column = 1
    let lines = source.text.split(separator: "\n", omittingEmptySubsequences: false)
    if position.line <= lines.count {
      let line = lines[position.line - 1]
      if let range = line.firstRange(of: "{{\(place.name)}}") {
        position.column = line[..<range.lowerBound].unicodeScalars.count + 1
      }
    }
    return position
  }
}
