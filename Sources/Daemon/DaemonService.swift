import Domain
import EventLog
import Foundation
import Logging
import Projections
import ServiceLifecycle

/// The long-running daemon: runs every experiment that is neither paused nor over, one at a time in order of creation,
/// and waits for the log when there is none. Ends at a step boundary on graceful shutdown.
package struct DaemonService: Service {
  private let open: OpenLog
  private let threads: Int?
  private let leasesVerifiers: Bool
  private let logger: Logger
  /// How long an experiment that could not be run is left alone, and the poll behind the log's notifications.
  private let pause: Duration

  package init(
    _ open: OpenLog, threads: Int?, leasesVerifiers: Bool = false, logger: Logger, pause: Duration = .seconds(5)
  ) {
    self.open = open
    self.threads = threads
    self.leasesVerifiers = leasesVerifiers
    self.logger = logger
    self.pause = pause
  }

  package func run() async throws {
    let leave = LeaveRequest()
    logger.info("autodidactd began", metadata: ["software": "\(open.surroundings.software)"])
    await withGracefulShutdownHandler {
      while !leave.isMade, !Task.isCancelled { await turn { leave.isMade } }
    } onGracefulShutdown: {
      leave.make()
    }
    logger.info("autodidactd ended at a step boundary")
  }

  /// Runs the first experiment that can be run; waits if there is none. No failure of one experiment or of the database
  /// ends the daemon.
  private func turn(_ leaving: @escaping @Sendable () -> Bool) async {
    do {
      let head = try await open.log.head().position
      for record in try await open.log.experiments() where !Self.isOver(record.state) {
        if try await run(record, leaving) { return }
      }
      if !leaving() { await wait(after: head, leaving) }
    } catch {
      logger.error("\(error)")
      await wait(after: Position(.max), leaving)
    }
  }

  private static func isOver(_ state: String) -> Bool { ["paused", "stopped", "finished", "failed"].contains(state) }

  /// Waits for the log to grow, but looks at the wish to leave every second.
  private func wait(after position: Position, _ leaving: () -> Bool) async {
    let deadline = ContinuousClock.now + pause
    while !leaving(), ContinuousClock.now < deadline, !Task.isCancelled {
      let before = ContinuousClock.now
      await open.log.wait(after: position, timeout: .seconds(1))
      if ContinuousClock.now - before < .milliseconds(900) { return }
    }
  }

  /// - Returns: whether anything was done.
  private func run(_ record: ExperimentRecord, _ leaving: @escaping @Sendable () -> Bool) async throws -> Bool {
    let stored = try await StoredExperiment.load(record, from: open.log)
    guard stored.experiment.nextStep != nil else { return false }
    var logger = logger
    logger[metadataKey: "experiment"] = "\(record.name)"
    do {
      let observer = LogObserver(logger: logger)
      let end = try await Workshop(open, threads: threads, leasesVerifiers: leasesVerifiers).withParts(
        of: stored.experiment
      ) { parts in
        try await ExperimentRunner(
          log: open.log, parts: parts, surroundings: open.surroundings, observer: observer
        ).run(record, shutDown: leaving)
      }
      logger.info("left", metadata: ["end": "\(end)"])
      return true
    } catch {
      logger.error("\(error)")
      return false
    }
  }
}

/// A run's observer that writes structured log lines.
package struct LogObserver: RunObserver {
  private let logger: Logger

  package init(logger: Logger) { self.logger = logger }

  package func note(_ text: String) { logger.info("\(text)") }
  package func stepBegan(_ step: Step, of experiment: Experiment) {
    logger.debug("step began", metadata: ["step": "\(step.name)"])
  }
  package func progressed(_ progress: StepProgress) {}
  package func stepEnded(_ measure: StepMeasure, of experiment: Experiment) {
    logger.info(
      "step",
      metadata: [
        "step": "\(measure.step)", "seconds": "\(measure.seconds)", "tokens": "\(measure.tokens)",
        "version": "\(experiment.version)",
      ])
  }
  package func iterationEnded(_ summary: IterationSummary, of experiment: Experiment) {
    logger.info(
      "iteration",
      metadata: [
        "iteration": "\(summary.iteration)", "policy_version": "\(summary.policyVersion)",
        "proposed": "\(summary.proposed)", "accepted": "\(summary.accepted)",
        "loss": "\(summary.outcome?.loss ?? 0)",
      ])
  }
}
