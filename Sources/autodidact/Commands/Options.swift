import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

/// Which database a command talks to, and how it speaks; the same for every command.
struct DatabaseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "PostgreSQL with the log. Default: $AUTODIDACT_DATABASE_URL, else the private cluster of ops/postgres.",
      valueName: "postgres://…"))
  var database: String?
  @Option(help: "auto colours on a terminal unless NO_COLOR is set; always; never.") var color = ColorChoice.auto

  /// The installation this executable belongs to.
  func home() throws -> Home {
    try Home.find(
      environment: ProcessInfo.processInfo.environment, executable: CommandLine.arguments[0],
      directory: FileManager.default.currentDirectoryPath)
  }

  /// Opens the log for the length of `body`: commands that only look do it as the reader.
  func withLog<Result>(
    as role: DatabaseRole = .writer, manner: OpenLog.Manner = .command, _ body: (OpenLog) async throws -> Result
  ) async throws -> Result {
    let home = try home()
    let url = try DatabaseAddress.find(
      option: database, environment: ProcessInfo.processInfo.environment, home: home)
    return try await OpenLog.with(url: url, home: home, as: role, manner: manner, body)
  }
}

extension ColorChoice: ExpressibleByArgument {}

extension CompletionKind {
  /// The names of the experiments in the database that the environment names. No database: no names, and no error in the
  /// middle of somebody's command line.
  static let experiments = CompletionKind.custom { _, _, prefix async -> [String] in
    guard let options = try? DatabaseOptions.parse([]) else { return [] }
    let names = try? await options.withLog(as: .reader) { log in
      try await log.log.playedExperiments().map(\.name)
    }
    return (names ?? []).filter { $0.hasPrefix(prefix) }.sorted()
  }
}
