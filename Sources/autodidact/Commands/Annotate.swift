import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct Tag: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Add tags to an experiment, or take them away.",
    discussion: """
      +TAG adds, -TAG removes; a word without a sign adds. Without any, the tags are shown. Recorded as an event; what the \
      experiment computes, its digest and its forks do not depend on it.

      EXAMPLE
        autodidact tag first +baseline +seed:7
        autodidact tag first -baseline
        autodidact ls --tag seed:7
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Argument(help: ArgumentHelp("Tags to add and to remove.", valueName: "+tag|-tag")) var changes: [String] = []
  @Flag(help: "As one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let changes = changes.map(DashedWord.read)
    let removed = changes.filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) }
    let added = changes.filter { !$0.hasPrefix("-") }.map { $0.hasPrefix("+") ? String($0.dropFirst()) : $0 }
    try await annotate(
      name, ExperimentAnnotated(by: "", tagsAdded: added, tagsRemoved: removed), isQuestion: changes.isEmpty,
      json: json,
      database
    ) { annotations in
      annotations.tags.isEmpty ? "\(name) has no tags" : "\(name): " + annotations.tags.joined(separator: " ")
    }
  }
}

struct Note: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Note something about an experiment.",
    discussion: """
      Replaces the note before it, which stays in the log; an empty text takes it away; - reads standard input. Without a \
      text the note is shown.

      EXAMPLE
        autodidact note first "rewards look too good from iteration 12 on"
        autodidact note first
        autodidact note first ""
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Argument(help: "The note.") var text: String?
  @Flag(help: "As one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    var text = text
    if text == "-" {
      let data = try FileHandle.standardInput.read(upToCount: Annotations.noteBytesMax + 2) ?? Data()
      guard let read = String(data: data, encoding: .utf8) else { throw Failure.usage("the note is not UTF-8") }
      text = read.trimmingCharacters(in: .newlines)
    }
    try await annotate(
      name, ExperimentAnnotated(by: "", note: text), isQuestion: text == nil, json: json, database
    ) { annotations in
      annotations.note.isEmpty ? "\(name) has no note" : "\(name): \(annotations.note)"
    }
  }
}

struct Priority: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say which experiment a daemon runs first.",
    discussion: """
      The highest runs, of equals the oldest. A running one is left at its next step boundary when another with a higher \
      priority may run, and goes on at its turn. 0 unless said otherwise; -1000 to 1000. Without a number it is shown.

      EXAMPLE
        autodidact priority first 10
        autodidact priority first -1
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Argument(help: ArgumentHelp("The priority.", valueName: "number")) var number: String?
  @Flag(help: "As one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let number = try number.map { word in
      let text = DashedWord.read(word)
      guard let number = Int(text) else {
        throw ValidationError("'\(text)' is no priority; allowed is a whole number from -1000 to 1000")
      }
      return number
    }
    try await annotate(
      name, ExperimentAnnotated(by: "", priority: number), isQuestion: number == nil, json: json, database
    ) { "\(name): priority \($0.priority)" }
  }
}

/// Words that begin with one dash and are no options: `-draft` of `tag`, `-3` of `priority`. The parser would take them for
/// short options; in front of it they get a sign that it leaves alone.
enum DashedWord {
  /// A program's arguments as the parser is to see them.
  static func shield(_ arguments: [String]) -> [String] {
    guard ["tag", "priority"].contains(arguments.first), let first = arguments.first else { return arguments }
    return [first]
      + arguments.dropFirst().map { word in
        let isDashed = word.count > 1 && word.hasPrefix("-") && !word.hasPrefix("--") && word != "-h"
        return isDashed ? "+" + word : word
      }
  }

  /// What was typed.
  static func read(_ word: String) -> String { word.hasPrefix("+-") ? String(word.dropFirst()) : word }
}

/// Appends what is said, or only asks, and shows what holds then.
private func annotate(
  _ name: String, _ event: ExperimentAnnotated, isQuestion: Bool, json: Bool, _ database: DatabaseOptions,
  _ text: (Annotations) -> String
) async throws {
  let outcome = try await database.withLog(as: isQuestion ? .reader : .writer) { log in
    guard !isQuestion else {
      let record = try await log.log.requireExperiment(name)
      return AnnotationDesk.Outcome(annotations: try await log.log.annotations(of: record), position: nil)
    }
    return try await AnnotationDesk(log: log.log, surroundings: log.surroundings).annotate(name, event)
  }
  guard json else { return print(text(outcome.annotations)) }
  let annotations = outcome.annotations
  let value: JSONValue = [
    "experiment": .text(name), "tags": JSONValue(annotations.tags), "note": .text(annotations.note),
    "priority": JSONValue(annotations.priority), "position": JSONValue(outcome.position?.rawValue),
  ]
  print(value.line)
}
