import ArgumentParser
import Daemon
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// The daemon: runs every experiment that is neither paused nor finished, until SIGTERM or SIGINT, and stops at a step
/// boundary.
@main
struct Autodidactd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autodidactd",
    abstract: "Run every experiment that is neither paused nor finished, until SIGTERM.",
    discussion: """
      Experiments are paused, resumed and stopped with autodidact, which writes to the log; the daemon reads it. SIGTERM \
      ends it at the next step boundary; kill -9 loses nothing that was committed.

      EXAMPLE
        autodidactd --database postgres:///autodidact
      """)
  @Option(
    help: ArgumentHelp(
      "PostgreSQL with the log. Default: $AUTODIDACT_DATABASE_URL, else the private cluster of ops/postgres.",
      valueName: "postgres://…"))
  var database: String?
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @Flag(
    help: "Offer verification jobs to workers on other hosts (autodidact-verifier --lease) instead of doing them here.")
  var leasedVerifiers = false
  @Option(help: "debug, info, warning or error.") var logLevel = "info"

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
    guard ["debug", "info", "warning", "error"].contains(logLevel) else {
      throw ValidationError("--log-level is '\(logLevel)', allowed are debug, info, warning and error")
    }
  }

  func run() async throws {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var logger = Logger(label: "autodidactd")
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
    let environment = ProcessInfo.processInfo.environment
    let home = try Home.find(
      environment: environment, executable: CommandLine.arguments[0],
      directory: FileManager.default.currentDirectoryPath)
    let url = try DatabaseAddress.find(option: database, environment: environment, home: home)
    try await OpenLog.with(url: url, home: home) { open in
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: [DaemonService(open, threads: threads, leasesVerifiers: leasedVerifiers, logger: logger)],
          gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
      try await group.run()
    }
  }

  static func main() async {
    do {
      var command = try parseAsRoot()
      if let daemon = command as? Autodidactd { try await daemon.run() } else { try command.run() }
    } catch {
      let code = exitCode(for: error)
      let isUsage = code == .validationFailure
      FileHandle.standardError.write(
        Data(((isUsage || code == .success ? fullMessage(for: error) : "error: \(error)") + "\n").utf8))
      Foundation.exit(isUsage ? 2 : code.rawValue)
    }
  }
}
