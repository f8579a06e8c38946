import ArgumentParser
import Daemon
import Failpoints
import Foundation
import HTTPAPI
import Logging
import Metrics
import ServiceLifecycle
import Terminal
import Traces
import UnixSignals

/// The daemon: runs every experiment that is neither paused nor finished, until SIGTERM or SIGINT, and stops at a step
/// boundary.
@main
struct Autodidactd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autodidactd",
    abstract: "Run every experiment that is neither paused nor finished, until SIGTERM.",
    discussion: """
      Experiments are paused, resumed and stopped with autodidact, which writes to the log; the daemon reads it. Of several \
      the one with the highest priority runs (autodidact priority), of equals the oldest. SIGTERM ends it at the next step \
      boundary, a second one now; SIGHUP reads the log level again; kill -9 loses nothing that was committed. While the \
      database is away the experiment stands still and goes on when it is back. Exit codes: 0 ended, 1 failed, 2 usage, 3 \
      another process took an experiment over, 4 no such experiment.

      With --listen it serves the page and the HTTP API too (docs/http.md). Where OTEL_EXPORTER_OTLP_ENDPOINT names a \
      collector of OpenTelemetry, traces of its steps go there (docs/metrics.md).

      EXAMPLE
        autodidactd --database postgres:///autodidact
        autodidactd --log-format json --log-level debug
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
  @Option(
    help:
      "debug, info, warning or error. Default: what $AUTODIDACT_HOME/log-level says, else info; SIGHUP reads it again.")
  var logLevel: String?
  @Option(help: "How log lines are written: text, or json, one object a line.") var logFormat = DaemonLog.Format.text
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
  @Flag(help: "Print this manual page, made from the options themselves: autodidactd --manual | man -l -.")
  var manual = false

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
    if let logLevel, !LogLevelFile.levels.contains(logLevel) {
      throw ValidationError("--log-level is '\(logLevel)', allowed are \(LogLevelFile.levels.joined(separator: ", "))")
    }
  }

  func run() async throws {
    if failpoints {
      for point in Failpoint.allCases { print("\(point.rawValue)\t\(point.meaning)") }
      return
    }
    if manual { return print(try ManualPage(help: Data(Self._dumpHelp().utf8)).roff, terminator: "") }
    let environment = ProcessInfo.processInfo.environment
    let home = try Home.find(
      environment: environment, executable: CommandLine.arguments[0],
      directory: FileManager.default.currentDirectoryPath)
    let levelFile = LogLevelFile(home: home)
    let level = try logLevel.flatMap { Logger.Level(rawValue: $0) } ?? levelFile.read() ?? .info
    let log = DaemonLog(logFormat, level: level, now: { Date() }) { line in
      FileHandle.standardError.write(Data(line.utf8))
    }
    LoggingSystem.bootstrap { log.handler($0) }
    let logger = Logger(label: "autodidactd")
    let manager = ServiceManager(
      environment: environment, process: Int(ProcessInfo.processInfo.processIdentifier))
    let url = try DatabaseAddress.find(option: database, environment: environment, home: home)
    let collector = try CollectorSettings(environment: environment, program: "autodidactd")
    MetricsSystem.bootstrap(WebComposition.metrics)
    let web = try listen.map {
      try WebConfiguration(
        ListenAddress($0), hosts: hosts, needsToken: requireToken, tokens: WebComposition.tokens(home))
    }
    try await OpenLog.with(url: url, home: home, manner: .writer(replySeconds: replyTimeout)) { open in
      let service = DaemonService(
        open, threads: threads, leasesVerifiers: leasedVerifiers, logger: logger,
        patience: Patience(outageMax: .seconds(outageMax)), takeOver: takeOver)
      // First in the group, last to be shut down.
      var services: [any Service] = [
        OperatingService(manager: manager, log: log, levelFile: levelFile, logger: logger), service,
      ]
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
      try await withTraces(to: collector, program: "autodidactd", version: softwareVersion, logger: logger) {
        try await group.run()
      }
    }
  }

  static func main() async {
    await Ending.run(Autodidactd.self, Array(CommandLine.arguments.dropFirst()))
  }
}

extension DaemonLog.Format: ExpressibleByArgument {}
