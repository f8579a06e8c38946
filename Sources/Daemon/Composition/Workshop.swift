import Domain
import Engine
import Environments
import EventLog
import Foundation
import Leasing
import Logging
import Postgres
import Verification

/// Puts the concrete parts of one experiment together: the only place that knows them.
package struct Workshop: Sendable {
  private let open: OpenLog
  private let threads: Int
  private let leasesVerifiers: Bool

  /// - Parameters:
  ///   - threads: of the engine's kernels; nil takes one per core.
  ///   - leasesVerifiers: verification jobs are offered in PostgreSQL to workers on other hosts, instead of done by local
  ///     ones.
  package init(_ open: OpenLog, threads: Int?, leasesVerifiers: Bool = false) {
    self.open = open
    self.leasesVerifiers = leasesVerifiers
    self.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
  }

  /// Runs `body` with parts that live as long as it does: weights in memory, verifier workers as processes.
  ///
  /// - Throws: what the parts throw when they cannot be had: a missing model, an incomplete sandbox.
  package func withParts<Result>(
    of experiment: Experiment, _ body: (StepPerformer.Parts) async throws -> Result
  ) async throws -> Result {
    let engine = try await engine(of: experiment)
    return try await withVerifier(of: experiment) { environment, verifier in
      try await body(
        StepPerformer.Parts(environment: environment, policy: engine, verifier: verifier, learner: engine))
    }
  }

  /// Runs `body` with the parts that judge: what an audit needs, which samples and trains nothing.
  ///
  /// - Parameter isScreened: false runs programs without reading them first.
  package func withVerifier<Result>(
    of experiment: Experiment, isScreened: Bool = true, _ body: (any Environment, any Verifier) async throws -> Result
  ) async throws -> Result {
    let limits = experiment.settings.verifier
    if leasesVerifiers {
      var database = ConnectionSettings(url: open.url, applicationName: "autodidact verification")
      database.role = open.role
      let workers = LeasedWorkers(database, makeID: open.surroundings.makeID)
      return try await body(CodeReasoning(), ProgramVerifier(pool: workers, settings: limits, isScreened: isScreened))
    }
    let configuration = VerifierConfiguration(
      executable: VerifierConfiguration.executable(beside: Self.program), workersMax: max(1, min(threads, 8)),
      acceptedMissingLayers: ProgramVerifier.acceptedMissingLayers(limits))
    var logger = Logger(label: "autodidact.verifier")
    logger.logLevel = .warning
    return try await withVerifierPool(configuration: configuration, logger: logger) { pool in
      try await body(CodeReasoning(), ProgramVerifier(pool: pool, settings: limits, isScreened: isScreened))
    }
  }

  /// The engine alone, with the base model's weights: what replay needs, which generates and verifies nothing.
  ///
  /// - Parameters:
  ///   - name: of the experiment whose folder weights are written to; nil for the experiment itself.
  ///   - keep: weights files kept in it; nil for the experiment's own setting.
  /// - Throws: a missing or another model, an experiment whose parents are not in the log.
  package func engine(of experiment: Experiment, named name: String? = nil, keep: Int? = nil) async throws -> Engine {
    try await opener.engine(of: experiment, named: name, keep: keep)
  }

  /// Where the weights of an experiment lie: its own folder, then those of the experiments it was forked from.
  package func checkpointFolders(of experiment: Experiment) async throws -> [String] {
    try await opener.checkpointFolders(of: experiment.id)
  }

  private var opener: EngineOpener { EngineOpener(home: open.home, log: open.log, threads: threads) }

  /// The running executable; the verifier's lies beside it.
  package static var program: String { "/proc/self/exe" }
}
