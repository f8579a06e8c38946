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
    let settings = experiment.settings
    let engine = try await Engine.open(
      modelFile: try ModelCatalogue(home: open.home).file(settings.model.name),
      modelDigest: settings.model.digest, threads: threads,
      checkpoints: open.home.checkpoints(experiment.name).path, keep: settings.checkpoints.keep,
      training: TrainingMethod(settings))
    if leasesVerifiers {
      var database = ConnectionSettings(url: open.url, applicationName: "autodidact verification")
      database.role = open.role
      let workers = LeasedWorkers(database, makeID: open.surroundings.makeID)
      return try await body(parts(settings, engine, workers))
    }
    let configuration = VerifierConfiguration(
      executable: VerifierConfiguration.executable(beside: Self.program), workersMax: max(1, min(threads, 8)))
    var logger = Logger(label: "autodidact.verifier")
    logger.logLevel = .warning
    return try await withVerifierPool(configuration: configuration, logger: logger) { pool in
      try await body(parts(settings, engine, pool))
    }
  }

  private func parts(
    _ settings: ExperimentSettings, _ engine: Engine, _ runner: any JobRunner
  ) -> StepPerformer.Parts {
    StepPerformer.Parts(
      environment: CodeReasoning(), policy: engine,
      verifier: ProgramVerifier(pool: runner, settings: settings.verifier), learner: engine)
  }

  /// The running executable; the verifier's lies beside it.
  package static var program: String { "/proc/self/exe" }
}
