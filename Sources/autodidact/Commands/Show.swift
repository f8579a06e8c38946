import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show one problem, proposal or attempt whole.",
    discussion: """
      ID is the position of its event, or NAME/ITERATION.KIND.SLOT for a proposal or problem and \
      NAME/ITERATION.PURPOSE.KIND.SLOT.SAMPLE for an attempt.

      EXAMPLE
        autodidact show problem first/3.deduction.5
        autodidact show attempt 1412
      """,
    subcommands: [ShowProblem.self, ShowProposal.self, ShowAttempt.self])
}

/// Finds a story and prints one telling of it. `part` is nil where the id names something of the other kind.
private func tell<Part>(
  _ id: String, json: Bool, _ database: DatabaseOptions, part: (Story) -> Part?, otherwise: String,
  _ telling: (Story, Part) async throws -> String
) async throws {
  try await database.withLog(as: .reader) { log in
    let story = try await Story.find(id, in: log.log)
    guard let part = part(story) else { throw Failure.usage("\(id) is \(otherwise)") }
    print(json ? try await story.json() : try await telling(story, part))
  }
}

private let isAttempt = "an attempt; use: autodidact show attempt"

struct ShowProblem: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "problem", abstract: "A problem and every attempt at it.",
    discussion: "EXAMPLE\n  autodidact show problem first/3.deduction.5")
  @Argument(help: "Position, or NAME/ITERATION.KIND.SLOT.") var id: String
  @Flag(help: "Its events with what was sampled, as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await tell(id, json: json, database, part: \.proposal, otherwise: isAttempt) { try await $0.problem($1) }
  }
}

struct ShowProposal: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proposal", abstract: "A proposal: prompt, completion, what became of it.",
    discussion: "EXAMPLE\n  autodidact show proposal first/3.deduction.5")
  @Argument(help: "Position, or NAME/ITERATION.KIND.SLOT.") var id: String
  @Flag(help: "Its events with what was sampled, as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await tell(id, json: json, database, part: \.proposal, otherwise: isAttempt) { try await $0.proposal($1) }
  }
}

struct ShowAttempt: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attempt", abstract: "An attempt: prompt, completion, verdict.",
    discussion: "EXAMPLE\n  autodidact show attempt first/3.solve.deduction.5.0")
  @Argument(help: "Position, or NAME/ITERATION.PURPOSE.KIND.SLOT.SAMPLE.") var id: String
  @Flag(help: "Its events with what was sampled, as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await tell(id, json: json, database, part: \.attempt, otherwise: "a proposal; use: autodidact show proposal") {
      try await $0.attempt($1)
    }
  }
}
