import ArgumentParser
import Daemon
import Failpoints
import Foundation
import HTTPAPI
import Logging
import Metrics
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
      ends it at the next step boundary; kill -9 loses nothing that was committed. While the database is away the \
      experiment stands still and goes on when it is back. Exit codes: 0 ended, 1 failed, 2 usage, 3 another process took \
      an experiment over.

      With --listen it serves the page and the HTTP API too (docs/http.md).

      EXAMPLE
        autodidactd --database postgres:///autodidact
        autodidactd --listen 127.0.0.1:8420
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
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Take this experiment from the process that holds it; may be repeated. That process ends at its next append.",
      valueName: "name"))
  var takeOver: [String] = []
  @Option(help: "Leave an experiment when the database has been away for so many seconds.") var outageMax = 86_400
  @Option(help: "Seconds without a word after which a connection to the database is given up.") var replyTimeout = 90
  @Option(
    help: ArgumentHelp(
      "Serve the page and the HTTP API here, such as 127.0.0.1:8420. Default: nowhere.",
      valueName: "host:port|unix:/path"))
  var listen: String?
  @Option(
    name: .customLong("host"), parsing: .singleValue,
    help: ArgumentHelp("A name clients may call the server by; may be repeated.", valueName: "name"))
  var hosts: [String] = []
  @Flag(help: "Ask local clients for a token too.") var requireToken = false
  @Flag(
    help: ArgumentHelp("List the points that AUTODIDACT_FAILPOINT=name[:n][:action] can name.", visibility: .hidden))
  var failpoints = false

  func validate() throws {
    guard (0...31_536_000).contains(outageMax) else {
      throw ValidationError("--outage-max is \(outageMax), allowed is 0 to 31536000")
    }
    guard (3...3600).contains(replyTimeout) else {
      throw ValidationError("--reply-timeout is \(replyTimeout), allowed is 3 to 3600")
    }
    if let listen {
      do throws(ListenAddress.Malformed) { _ = try ListenAddress(listen) } catch { throw ValidationError("\(error)") }
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
    guard ["debug", "info", "warning", "error"].contains(logLevel) else {
      throw ValidationError("--log-level is '\(logLevel)', allowed are debug, info, warning and error")
    }
  }

  func run() async throws {
    if failpoints {
      for point in Failpoint.allCases { print("\(point.rawValue)\t\(point.meaning)") }
      return
    }
    do throws(FailpointError) { try Armament.arm(ProcessInfo.processInfo.environment["AUTODIDACT_FAILPOINT"]) } catch {
      throw ValidationError("\(error)")
    }
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var logger = Logger(label: "autodidactd")
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
    let environment = ProcessInfo.processInfo.environment
    let home = try Home.find(
      environment: environment, executable: CommandLine.arguments[0],
      directory: FileManager.default.currentDirectoryPath)
    let url = try DatabaseAddress.find(option: database, environment: environment, home: home)
    MetricsSystem.bootstrap(WebComposition.metrics)
    let web = try listen.map {
      try WebConfiguration(
        ListenAddress($0), hosts: hosts, needsToken: requireToken, tokens: WebComposition.tokens(home))
    }
    try await OpenLog.with(url: url, home: home, manner: .writer(replySeconds: replyTimeout)) { open in
      let service = DaemonService(
        open, threads: threads, leasesVerifiers: leasedVerifiers, logger: logger,
        patience: Patience(outageMax: .seconds(outageMax)), takeOver: takeOver)
      var services: [any Service] = [service]
      if let projections = ProjectionService(of: open, logger: logger) { services.append(projections) }
      if let web {
        // Pages are read in sessions of the reader's.
        let reader = try await OpenLog.with(url: url, home: home, as: .reader) { $0 }
        services.append(try WebComposition.server(of: reader, web, logger: logger))
      }
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: services,
          gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
      try await group.run()
    }
  }

  static func main() async {
    do {
      var command = try parseAsRoot()
      if let daemon = command as? Autodidactd { try await daemon.run() } else { try command.run() }
    } catch let error as Fenced {
      FileHandle.standardError.write(Data("error: \(error)\n".utf8))
      Foundation.exit(Fenced.exitCode)
    } catch {
      let code = exitCode(for: error)
      let isUsage = code == .validationFailure
      FileHandle.standardError.write(
        Data(((isUsage || code == .success ? fullMessage(for: error) : "error: \(error)") + "\n").utf8))
      Foundation.exit(isUsage ? 2 : code.rawValue)
    }
  }
}
