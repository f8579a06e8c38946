import ArgumentParser
import Foundation
import Leasing
import Logging
import Postgres
import ServiceLifecycle
import UnixSignals
import Verification
import VerifierProtocol

/// Takes verification jobs from PostgreSQL and has them done by sandboxed workers of this host. `autodidact-verifier
/// --lease` becomes this program; they are two so that the worker, which forks for every program, stays small.
@main
struct AutodidactLease: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autodidact-verifier --lease",
    abstract: "Take verification jobs from PostgreSQL and answer them, until SIGTERM.",
    discussion: """
      For hosts beside the daemon's. The daemon offers its jobs when it is started with --leased-verifiers. The role \
      autodidact_verifier suffices: it sees programs and inputs, and nothing else of the database.

      EXAMPLE
        autodidact-verifier --lease --database postgres://verifier@db.example/autodidact
      """)
  @Flag(help: "Selects this mode.") var lease = false
  @Option(
    help: ArgumentHelp(
      "PostgreSQL with the log. Default: $AUTODIDACT_DATABASE_URL.", valueName: "postgres://…"))
  var database: String?
  @Option(
    help: ArgumentHelp("A layer of the sandbox this host may be without; may be repeated.", valueName: "layer"))
  var acceptMissingLayer: [SandboxLayer] = []
  @Option(help: "Sandboxed workers on this host. Default: one per core.") var workers: Int?
  @Option(help: "Jobs held at a time.") var jobs = 64
  @Option(help: "Seconds of a lease; jobs under way extend it.") var leaseSeconds = 60
  @Option(help: "What other people see as the worker's name. Default: host/process.") var name: String?
  @Option(help: "debug, info, warning or error.") var logLevel = "info"

  func validate() throws {
    if let workers, !(1...256 ~= workers) { throw ValidationError("--workers is \(workers), allowed is 1 to 256") }
    guard 1...1000 ~= jobs else { throw ValidationError("--jobs is \(jobs), allowed is 1 to 1000") }
    guard 3...3600 ~= leaseSeconds else {
      throw ValidationError("--lease-seconds is \(leaseSeconds), allowed is 3 to 3600")
    }
    if let name, !(1...200 ~= name.utf8.count) { throw ValidationError("--name has 1 to 200 bytes") }
    guard ["debug", "info", "warning", "error"].contains(logLevel) else {
      throw ValidationError("--log-level is '\(logLevel)', allowed are debug, info, warning and error")
    }
  }

  func run() async throws {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var logger = Logger(label: "autodidact-verifier")
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
    guard let url = database ?? ProcessInfo.processInfo.environment["AUTODIDACT_DATABASE_URL"], !url.isEmpty else {
      throw ValidationError("no database: give --database or set AUTODIDACT_DATABASE_URL")
    }
    let process = ProcessInfo.processInfo
    let service = LeaseService(
      settings: ConnectionSettings(url: url, applicationName: "autodidact-verifier"),
      acceptedMissingLayers: Set(acceptMissingLayer), workers: workers ?? process.activeProcessorCount,
      name: name ?? "\(process.hostName)/\(process.processIdentifier)",
      limits: LeaseWorker.Limits(jobsMax: jobs, lease: .seconds(leaseSeconds)), logger: logger)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }
}

/// The lease loop as a service: a graceful shutdown cancels it; jobs under way are given to others when the lease ends.
private struct LeaseService: Service {
  let settings: ConnectionSettings
  let acceptedMissingLayers: Set<SandboxLayer>
  let workers: Int
  let name: String
  let limits: LeaseWorker.Limits
  let logger: Logger

  func run() async throws {
    let configuration = VerifierConfiguration(
      executable: VerifierConfiguration.executable(beside: "/proc/self/exe"), workersMax: workers,
      acceptedMissingLayers: acceptedMissingLayers)
    try await withVerifierPool(configuration: configuration, logger: logger) { pool in
      let python = try await pool.hello().pythonVersion
      logger.info("taking jobs", metadata: ["worker": "\(name)", "python": "\(python)", "workers": "\(workers)"])
      do {
        try await cancelWhenGracefulShutdown {
          try await LeaseWorker(settings, runner: pool, name: name, limits: limits, logger: logger).run()
        }
      } catch is CancellationError {}
      logger.info("ended")
    }
  }
}

extension SandboxLayer: ExpressibleByArgument {}
