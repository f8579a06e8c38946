import Domain
import EventLog
import Foundation
import Logging
import Projections
import ServiceLifecycle
import Synchronization

/// The long-running daemon: runs every experiment that is neither paused nor over, one at a time, the highest priority
/// first and of equals the oldest, and waits for the log when there is none. One with a higher priority that may run takes the
/// place of the running one at a step boundary. Ends at a step boundary on graceful shutdown.
package struct DaemonService: Service, CustomStringConvertible {
  /// What the service group's log lines call it.
  package var description: String { "experiments" }

  /// Runs its second argument with the parts of an experiment, which live as long as it does.
  package typealias WithParts =
    @Sendable (Experiment, (StepPerformer.Parts) async throws -> ExperimentRunner.End) async throws ->
    ExperimentRunner.End

  private let log: any EventLog
  private let surroundings: Surroundings
  private let withParts: WithParts
  private let logger: Logger
  private let leave: LeaveRequest
  private let takeOvers: TakeOvers
  private let precedence: Precedence
  /// How long an experiment that could not be run is left alone, and the poll behind the log's notifications.
  private let pauseSeconds: Int

  /// The daemon of an installation: real parts, and a log that waits out outages.
  ///
  /// - Parameter takeOver: names of experiments to take, once, from the process that holds them.
  package init(
    _ open: OpenLog, threads: Int?, leasesVerifiers: Bool = false, logger: Logger, patience: Patience = Patience(),
    takeOver: [String] = []
  ) {
    let leave = LeaveRequest()
    let log = PatientLog(open.log, patience: patience, clock: ContinuousClock(), isLeaving: { leave.isMade }) {
      Self.tell($0, logger)
    }
    self.init(
      log: log, surroundings: open.surroundings, logger: logger, leave: leave, takeOver: takeOver
    ) { experiment, body in
      try await Workshop(open, threads: threads, leasesVerifiers: leasesVerifiers).withParts(of: experiment, body)
    }
  }

  /// A daemon of given parts: the tests' and the simulation's.
  package init(
    log: any EventLog, surroundings: Surroundings, logger: Logger, leave: LeaveRequest, takeOver: [String] = [],
    pauseSeconds: Int = 5, withParts: @escaping WithParts
  ) {
    self.log = log
    self.surroundings = surroundings
    self.withParts = withParts
    self.logger = logger
    self.leave = leave
    takeOvers = TakeOvers(takeOver)
    precedence = Precedence(log: log)
    self.pauseSeconds = pauseSeconds
  }

  /// - Throws: `Fenced` when another process has taken over an experiment this one was running.
  package func run() async throws {
    logger.info("autodidactd began", metadata: ["software": "\(surroundings.software)"])
    try await withGracefulShutdownHandler {
      for name in takeOvers.names { _ = try await log.requireExperiment(name) }
      while !leave.isMade, !Task.isCancelled { try await turn() }
    } onGracefulShutdown: {
      leave.make()
    }
    logger.info("autodidactd ended at a step boundary")
  }

  /// Runs the first experiment that can be run; waits if there is none. No failure of one experiment or of the database
  /// ends the daemon; only being taken over does.
  package func turn() async throws {
    do {
      let head = try await log.head().position
      let waiting = try await precedence.waiting()
      var isRefused = false
      for record in waiting.filter({ takeOvers.names.contains($0.name) }) + waiting where !leave.isMade {
        let came = try await run(record)
        precedence.settle(record, isRefused: came == .refused)
        switch came {
        case .worked: return
        case .refused: isRefused = true
        case .nothingToDo: break
        }
      }
      // One that is held by another process, or that failed, is left alone however fast the log grows.
      if !leave.isMade { await wait(after: isRefused ? Position(.max) : head) }
    } catch let error as Fenced {
      throw error
    } catch {
      logger.error("\(error)")
      await wait(after: Position(.max))
    }
  }

  /// Waits for the log to grow, but looks at the wish to leave every second.
  private func wait(after position: Position) async {
    for _ in 0..<pauseSeconds where !leave.isMade && !Task.isCancelled {
      await log.wait(after: position, timeout: .seconds(1))
      guard position < Position(.max) else { continue }
      if let head = try? await log.head().position, head > position { return }
    }
  }

  /// What came of an experiment's turn.
  private enum Turn { case worked, refused, nothingToDo }

  private func run(_ record: ExperimentRecord) async throws -> Turn {
    let stored = try await StoredExperiment.load(record, from: log)
    guard stored.experiment.nextStep != nil else { return .nothingToDo }
    var logger = logger
    logger[metadataKey: "experiment"] = "\(record.name)"
    let takesOver = takeOvers.names.contains(record.name)
    do {
      let observer = MeasuredRun(next: LogObserver(logger: logger))
      let teller = logger
      let end = try await withParts(stored.experiment) { parts in
        try await ExperimentRunner(log: log, parts: parts, surroundings: surroundings, observer: observer)
          .run(record, takeOver: takesOver) { await isToBeLeft(record, teller) }
      }
      takeOvers.settle(record.name)
      logger.info("left", metadata: ["end": "\(end)"])
      return .worked
    } catch let error as EventLogError {
      if case .staleEpoch(_, let held, let current) = error {
        throw Fenced(name: record.name, held: held, current: current)
      }
      if case .unavailable = error {} else { takeOvers.settle(record.name) }
      if case .experimentHeld = error { logger.notice("\(error)") } else { logger.error("\(error)") }
      return .refused
    } catch {
      takeOvers.settle(record.name)
      logger.error("\(error)")
      return .refused
    }
  }

  /// Asked at every step boundary of a running experiment.
  private func isToBeLeft(_ record: ExperimentRecord, _ logger: Logger) async -> Bool {
    if leave.isMade { return true }
    guard let successor = await precedence.successor(of: record) else { return false }
    logger.notice("left for an experiment of higher priority", metadata: ["successor": "\(successor.name)"])
    return true
  }

  private static func tell(_ outage: Outage, _ logger: Logger) {
    switch outage {
    case .over: logger.notice("\(outage)")
    case .unreachable, .givenUp: logger.warning("\(outage)")
    }
  }
}

/// Another process took over an experiment that this one was running: the writer epoch was raised, and the append of the
/// step in work was refused. The process ends; what else it believes may be as old.
package struct Fenced: Error, Hashable, Sendable, CustomStringConvertible {
  package var name: String
  package var held: Int64
  package var current: Int64

  /// Of both programs, when they end for this reason.
  package static let exitCode: Int32 = 3

  package init(name: String, held: Int64, current: Int64) {
    self.name = name
    self.held = held
    self.current = current
  }

  package var description: String {
    """
    \(name) was taken over by another process: its writer epoch is \(current), ours was \(held). Nothing of the step in \
    work was recorded; this process ends
    """
  }
}

/// The experiments that are still to be taken over. Each is taken once: taking it again after somebody else did would be
/// two daemons robbing each other for ever.
private final class TakeOvers: Sendable {
  private let pending: Mutex<[String]>

  init(_ names: [String]) { pending = Mutex(names) }

  var names: [String] { pending.withLock { $0 } }
  func settle(_ name: String) { pending.withLock { $0.removeAll { $0 == name } } }
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
