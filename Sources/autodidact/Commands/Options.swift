import ArgumentParser
import Daemon
import Foundation

/// Which database a command talks to; the same for every command.
struct DatabaseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "PostgreSQL with the log. Default: $AUTODIDACT_DATABASE_URL, else the private cluster of ops/postgres.",
      valueName: "postgres://…"))
  var database: String?

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
