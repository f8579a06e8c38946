import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation

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

struct ShowProblem: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "problem", abstract: "A problem and every attempt at it.",
    discussion: "EXAMPLE\n  autodidact show problem first/3.deduction.5")
  @Argument(help: "Position, or NAME/ITERATION.KIND.SLOT.") var id: String
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      let story = try await Story.find(id, in: log.log)
      guard let proposal = story.proposal else {
        throw Failure.usage("\(id) is an attempt; use: autodidact show attempt")
      }
      print(try await story.problem(proposal))
    }
  }
}

struct ShowProposal: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proposal", abstract: "A proposal: prompt, completion, what became of it.",
    discussion: "EXAMPLE\n  autodidact show proposal first/3.deduction.5")
  @Argument(help: "Position, or NAME/ITERATION.KIND.SLOT.") var id: String
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      let story = try await Story.find(id, in: log.log)
      guard let proposal = story.proposal else {
        throw Failure.usage("\(id) is an attempt; use: autodidact show attempt")
      }
      print(try await story.proposal(proposal))
    }
  }
}

struct ShowAttempt: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attempt", abstract: "An attempt: prompt, completion, verdict.",
    discussion: "EXAMPLE\n  autodidact show attempt first/3.solve.deduction.5.0")
  @Argument(help: "Position, or NAME/ITERATION.PURPOSE.KIND.SLOT.SAMPLE.") var id: String
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      let story = try await Story.find(id, in: log.log)
      guard let attempt = story.attempt else {
        throw Failure.usage("\(id) is a proposal; use: autodidact show proposal")
      }
      print(try await story.attempt(attempt))
    }
  }
}
