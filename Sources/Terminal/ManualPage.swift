import Foundation

/// The manual page of a program in man(7)'s language, made from what the program itself says about its commands.
package struct ManualPage {
  private let command: Command

  /// A command of the dump, with the fields that are shown.
  private struct Command: Decodable {
    var commandName: String
    var abstract, discussion: String?
    var aliases: [String]?
    var shouldDisplay: Bool?
    var arguments: [Argument]?
    var subcommands: [Command]?
  }

  private struct Argument: Decodable {
    struct Name: Decodable {
      var kind, name: String
    }
    var kind: String
    var abstract, valueName, defaultValue: String?
    var names: [Name]?
    var isOptional, isRepeating, shouldDisplay: Bool?
    var allValueStrings: [String]?
  }

  private struct Dump: Decodable { var command: Command }

  /// - Parameter help: what `--experimental-dump-help` prints.
  /// - Throws: `DecodingError` if it is something else.
  package init(help: Data) throws {
    command = try JSONDecoder().decode(Dump.self, from: help).command
  }

  /// The page.
  package var roff: String {
    var lines = [
      ".TH \(Self.quoted(command.commandName.uppercased())) 1 \"\" \"\(Self.text(command.commandName))\" \"User Commands\"",
      ".SH NAME", "\(Self.text(command.commandName)) \\- \(Self.text(Self.withoutPeriod(command.abstract)))",
      ".SH SYNOPSIS", ".B \(Self.text(command.commandName))",
    ]
    let commands = shown(command.subcommands)
    let own = shown(command.arguments)
    lines.append(commands.isEmpty ? own.map(synopsis).joined(separator: " ") : "\\fIcommand\\fR [\\fIoptions\\fR]")
    lines += [".SH DESCRIPTION"] + Self.paragraphs(command.discussion)
    if commands.isEmpty {
      lines.append(".SH OPTIONS")
      for argument in own { lines += entry(argument) }
    } else {
      lines.append(".SH COMMANDS")
      for command in commands { lines += section(command, path: []) }
    }
    lines += [".SH EXIT STATUS"]
    for (code, meaning) in Self.statuses { lines += [".TP", ".B \(code)", Self.text(meaning)] }
    lines += [".SH ENVIRONMENT"]
    for (name, meaning) in Self.variables { lines += [".TP", ".B \(name)", Self.text(meaning)] }
    lines += [
      ".SH SEE ALSO",
      "\\fB\(command.commandName == "autodidact" ? "autodidactd" : "autodidact")\\fR(1), \\fBpsql\\fR(1)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private func shown(_ commands: [Command]?) -> [Command] {
    (commands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
  }

  private func shown(_ arguments: [Argument]?) -> [Argument] {
    (arguments ?? []).filter { argument in
      argument.shouldDisplay != false && !(argument.names ?? []).contains { $0.name == "help" }
    }
  }

  private func section(_ command: Command, path: [String]) -> [String] {
    let path = path + [command.commandName]
    let arguments = shown(command.arguments)
    var lines = [".SS \(Self.quoted(path.joined(separator: " ")))"]
    var title = Self.text(command.abstract ?? "")
    if let aliases = command.aliases, !aliases.isEmpty {
      title += " Also: \(aliases.map(Self.text).joined(separator: ", "))."
    }
    if !title.isEmpty { lines += [title, ".PP"] }
    lines.append("\\fB\(Self.text(path.joined(separator: " ")))\\fR " + arguments.map(synopsis).joined(separator: " "))
    lines += Self.paragraphs(command.discussion, isFirst: false)
    for argument in arguments { lines += entry(argument) }
    for sub in shown(command.subcommands) { lines += section(sub, path: path) }
    return lines
  }

  private func synopsis(_ argument: Argument) -> String {
    let word = usage(argument) + (argument.isRepeating == true ? " ..." : "")
    return argument.isOptional == true ? "[\(word)]" : word
  }

  private func entry(_ argument: Argument) -> [String] {
    var text = Self.text(argument.abstract ?? "")
    if let value = argument.defaultValue, argument.kind != "flag" { text += " Default: \(Self.text(value))." }
    return [".TP", usage(argument)] + [text.isEmpty ? "\\&" : text]
  }

  private func usage(_ argument: Argument) -> String {
    let value = "\\fI\(Self.text(argument.valueName ?? "value"))\\fR"
    guard argument.kind != "positional", let names = argument.names else { return value }
    let words = names.map { name in
      "\\fB" + Self.text((name.kind == "long" ? "--" : "-") + name.name) + "\\fR"
    }
    return words.joined(separator: ", ") + (argument.kind == "option" ? " \(value)" : "")
  }

  /// A discussion: paragraphs apart by empty lines; lines that are indented, and what follows EXAMPLE, stay as they are.
  private static func paragraphs(_ text: String?, isFirst: Bool = true) -> [String] {
    guard let text, !text.isEmpty else { return [] }
    var lines: [String] = isFirst ? [] : [".PP"]
    var isExample = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let isIndented = line.hasPrefix("  ")
      if isIndented != isExample {
        lines += isIndented ? [".PP", ".nf", ".RS 4"] : [".RE", ".fi"]
        isExample = isIndented
      }
      if line.isEmpty {
        if !isExample, lines.last != ".PP" { lines.append(".PP") }
      } else if line == "EXAMPLE" {
        lines.append("\\fBExample\\fR")
      } else {
        lines.append(Self.text(isIndented ? String(line.dropFirst(2)) : line))
      }
    }
    if isExample { lines += [".RE", ".fi"] }
    while lines.last == ".PP" { lines.removeLast() }
    return lines
  }

  /// Text that roff prints as it is: no request, no escape.
  private static func text(_ text: String) -> String {
    var result = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\n", with: " ")
    result = result.replacing("…", with: "\\[u2026]").replacing("→", with: "\\[->]").replacing("×", with: "\\[mu]")
    result = result.replacing("–", with: "\\[en]").replacing("’", with: "\\[cq]").replacing("≤", with: "\\[<=]")
    if let first = result.first, first == "." || first == "'" { result = "\\&" + result }
    return result
  }

  private static func quoted(_ text: String) -> String {
    "\"" + Self.text(text).replacing("\"", with: "\\(dq") + "\""
  }

  private static func withoutPeriod(_ text: String?) -> String {
    let text = text ?? ""
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  private static let statuses = [
    ("0", "Done."), ("1", "It was tried and did not work, or a comparison found a difference."),
    ("2", "What was asked for cannot be: an unknown option, a value out of bounds, settings that are refused."),
    ("3", "Another process took the experiment over."), ("4", "What was named is not there."),
    ("130, 141", "Ended by Ctrl-C pressed twice; by a reader that went away."),
  ]

  private static let variables = [
    ("AUTODIDACT_DATABASE_URL", "PostgreSQL with the log, where --database is not given."),
    ("AUTODIDACT_HOME", "State: models, checkpoints, the private database."),
    ("AUTODIDACT_SHARE", "The folder that holds migrations and configs."),
    ("NO_COLOR", "Not empty: no colours, unless --color always is given."),
  ]
}
