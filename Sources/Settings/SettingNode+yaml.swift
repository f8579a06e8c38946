import Foundation
import Yams

/// Reads YAML into `SettingNode`s and collects what is not supported on the way.
struct YAMLReader {
  private let file: String
  private(set) var problems: [SettingsProblem] = []

  /// Deepest nesting: settings and prompts need three levels.
  private static let depthMax = 16
  /// Duplicate keys that are reported each at its place; more are reported together.
  private static let duplicatesMax = 32
  /// Put before the first of two equal keys to be able to read on. A private-use character, refused in files.
  private static let mark: Character = "\u{E000}"

  init(file: String) { self.file = file }

  /// The one document of a text; nil if it is empty or cannot be read, which `problems` tells.
  ///
  /// - Parameter at: the place of the text in its file, for values of `--set`.
  mutating func read(_ text: String, at origin: SourcePosition? = nil) -> SettingNode? {
    let origin = origin ?? SourcePosition(file: file, line: 1, column: 1)
    if let place = text.firstIndex(of: Self.mark) {
      problems.append(
        SettingsProblem(.syntax, at: position(of: place, in: text, origin), "the private-use character U+E000"))
      return nil
    }
    var source = text
    for _ in 0..<Self.duplicatesMax {
      do {
        return try compose(source, origin)
      } catch YamlError.duplicatedKeysInMapping(_, let context) {
        guard let marked = Self.marking(context.mark, in: source) else {
          problems.append(problem(.duplicateKey, context.mark, origin, source, "a key is written twice"))
          return nil
        }
        source = marked
      } catch {
        problems.append(syntaxProblem(error, origin, source))
        return nil
      }
    }
    problems.append(
      SettingsProblem(.duplicateKey, at: origin, "more than \(Self.duplicatesMax) keys are written twice"))
    return nil
  }

  private mutating func compose(_ source: String, _ origin: SourcePosition) throws -> SettingNode? {
    // No resolver: meaning is given by the keys. The parser is kept alive because nodes hold their anchors weakly.
    let parser = try Parser(yaml: source, resolver: .basic, encoding: .utf8)
    return try withExtendedLifetime(parser) {
      guard let root = try parser.singleRoot() else { return nil }
      return convert(root, origin, source, depth: 0)
    }
  }

  // MARK: Nodes

  private mutating func convert(
    _ node: Node, _ origin: SourcePosition, _ source: String, depth: Int, isKey: Bool = false
  ) -> SettingNode {
    let position = node.mark.map { place($0.line, $0.column, origin, source) } ?? origin
    var result = SettingNode(content: .nothing, position: position)
    // An anchored node is not entered: aliases repeat it, and repeated aliases grow without bound.
    if node.anchor != nil {
      problems.append(
        SettingsProblem(
          .syntax, at: position, "anchors, aliases and merge keys are not supported; write the value out"))
      return result
    }
    guard depth < Self.depthMax else {
      problems.append(SettingsProblem(.syntax, at: position, "nested too deeply", allowed: "\(Self.depthMax) levels"))
      return result
    }
    refuseTag(of: node, isKey: isKey, at: position)
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      result.isLiteralBlock = scalar.style == .literal
      let isNothing = isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
      result.content = isNothing ? .nothing : .scalar(scalar.string, isPlain: isPlain)
    case .sequence(let sequence):
      result.content = .list(sequence.map { convert($0, origin, source, depth: depth + 1) })
    case .mapping(let mapping): result.content = .mapping(entries(mapping, origin, source, depth: depth))
    case .alias: preconditionFailure("the parser replaces aliases")
    }
    return result
  }

  private mutating func entries(
    _ mapping: Node.Mapping, _ origin: SourcePosition, _ source: String, depth: Int
  ) -> [SettingNode.Entry] {
    var entries: [SettingNode.Entry] = []
    for (keyNode, valueNode) in mapping {
      // Keys that are not scalars are not entered: they could be aliases of aliases.
      var isScalar = keyNode.anchor != nil
      if case .scalar = keyNode { isScalar = true }
      let key =
        isScalar
        ? convert(keyNode, origin, source, depth: depth + 1, isKey: true)
        : SettingNode(
          content: .list([]), position: keyNode.mark.map { place($0.line, $0.column, origin, source) } ?? origin)
      let value = convert(valueNode, origin, source, depth: depth + 1)
      guard case .scalar(let text, _) = key.content else {
        if keyNode.anchor == nil {
          problems.append(
            SettingsProblem(.wrongType, at: key.position, "a key must be a name", allowed: "text without brackets"))
        }
        continue
      }
      let name = text.filter { $0 != Self.mark }
      entries.append(SettingNode.Entry(key: name, keyPosition: key.position, value: value))
    }
    return entries
  }

  /// Tags are resolved late and in place: a plain value that was never looked at has none, a key has been compared and
  /// has that of its form.
  private mutating func refuseTag(of node: Node, isKey: Bool, at position: SourcePosition) {
    let (tag, usual): (Tag, Tag.Name) =
      switch node {
      case .scalar(let scalar): (scalar.tag, .str)
      case .sequence(let sequence): (sequence.tag, .seq)
      case .mapping(let mapping): (mapping.tag, .map)
      case .alias(let alias): (alias.tag, .implicit)
      }
    let isPlain = if case .scalar(let scalar) = node { scalar.style == .plain } else { false }
    let isExplicit = tag.rawValue == usual.rawValue ? isPlain && !isKey : !tag.rawValue.isEmpty
    guard isExplicit else { return }
    problems.append(
      SettingsProblem(.syntax, at: position, "YAML tags are not supported; write the value alone", found: tag.rawValue))
  }

  // MARK: Places

  /// The place of a mark, not counting what `marking` put before it.
  private func place(
    _ line: Int, _ column: Int, _ origin: SourcePosition, _ source: String
  ) -> SourcePosition {
    let column = column - Self.marksBefore(line, column, in: source)
    return SourcePosition(
      file: origin.file, line: origin.line + line - 1, column: line == 1 ? origin.column + column - 1 : column)
  }

  private static func marksBefore(_ line: Int, _ column: Int, in source: String) -> Int {
    guard source.contains(Self.mark) else { return 0 }
    let lines = source.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }
    guard line <= lines.count else { return 0 }
    return lines[line - 1].prefix(column - 1).count { Character($0) == Self.mark }
  }

  private func position(of index: String.Index, in text: String, _ origin: SourcePosition) -> SourcePosition {
    let before = text[..<index].unicodeScalars
    let line = before.count { $0 == "\n" } + 1
    let column = before.reversed().prefix { $0 != "\n" }.count + 1
    return place(line, column, origin, "")
  }

  /// The source with a mark in the key at this place, which makes it differ from the other one of the same name.
  private static func marking(_ place: Mark, in source: String) -> String? {
    var lines = source.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }.map { Array($0) }
    guard place.line >= 1, place.line <= lines.count, place.column >= 1, place.column <= lines[place.line - 1].count
    else { return nil }
    let isQuoted = ["\"", "'"].contains(lines[place.line - 1][place.column - 1])
    lines[place.line - 1].insert(contentsOf: mark.unicodeScalars, at: place.column - 1 + (isQuoted ? 1 : 0))
    var result = String.UnicodeScalarView()
    result.append(contentsOf: lines.joined(separator: ["\n"]))
    return String(result)
  }

  // MARK: Syntax

  private func problem(
    _ fault: SettingsProblem.Fault, _ mark: Mark, _ origin: SourcePosition, _ source: String, _ message: String
  ) -> SettingsProblem {
    SettingsProblem(fault, at: place(mark.line, mark.column, origin, source), message)
  }

  private func syntaxProblem(_ error: any Error, _ origin: SourcePosition, _ source: String) -> SettingsProblem {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _):
      let context = context.map { " (\($0.text))" } ?? ""
      return self.problem(.syntax, mark, origin, source, "not YAML: \(problem)\(context)")
    case YamlError.composer(_, let problem, let mark, _):
      let message =
        problem.contains("another document") ? "a second document ('---'); a file holds one" : "not YAML: \(problem)"
      return self.problem(.syntax, mark, origin, source, message)
    case YamlError.reader(let problem, _, _, _):
      return SettingsProblem(.syntax, at: origin, "not YAML: \(problem)")
    default: return SettingsProblem(.syntax, at: origin, "not YAML: \(error)")
    }
  }
}
