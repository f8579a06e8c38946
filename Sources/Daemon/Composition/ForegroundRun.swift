import Domain
import EventLog
import Foundation
import Projections
import UnixSignals

/// One experiment in the foreground, with the manners of a terminal: Ctrl-C once pauses at the next step boundary, twice
/// stops now; SIGTERM leaves at the boundary without pausing.
package struct ForegroundRun: Sendable {
  private let open: OpenLog
  private let threads: Int?
  private let leasesVerifiers: Bool
  private let observer: any RunObserver
  private let patience: Patience

  package init(
    log: OpenLog, threads: Int?, leasesVerifiers: Bool = false, observer: any RunObserver,
    patience: Patience = Patience()
  ) {
    open = log
    self.threads = threads
    self.leasesVerifiers = leasesVerifiers
    self.observer = observer
    self.patience = patience
  }

  /// - Throws: `Fenced` when another process took the experiment over, what `ExperimentRunner.run` and the parts throw.
  package func run(
    _ record: ExperimentRecord, iterations: Int?, takeOver: Bool
  ) async throws -> ExperimentRunner.End {
    // Beside the play: what it commits is in the projections' tables a moment later.
    let projecting = LeaveRequest()
    async let projected: Void = project(until: projecting)
    let end: Result<ExperimentRunner.End, any Error>
    do { end = .success(try await play(record, iterations: iterations, takeOver: takeOver)) } catch {
      end = .failure(error)
    }
    projecting.make()
    await projected
    return try end.get()
  }

  private func project(until leave: LeaveRequest) async {
    guard let store = open.log as? any ProjectionStore else { return }
    let observer = observer
    await ProjectionService(
      ProjectionCatalogue.all, in: store, leave: leave, now: open.surroundings.now, tell: { observer.note($0) }
    ).run()
  }

  private func play(
    _ record: ExperimentRecord, iterations: Int?, takeOver: Bool
  ) async throws -> ExperimentRunner.End {
    let stored = try await loadResumed(record)
    let leave = LeaveRequest()
    return try await withThrowingTaskGroup(of: ExperimentRunner.End?.self) { group in
      let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
      group.addTask {
        try await self.obey(signals, record.name, leave)
        return nil
      }
      group.addTask {
        do {
          return try await self.perform(stored.experiment, record, iterations, takeOver, leave)
        } catch EventLogError.staleEpoch(_, let held, let current) {
          throw Fenced(name: record.name, held: held, current: current)
        }
      }
      defer { group.cancelAll() }
      while let result = try await group.next() {
        if let end = result { return end }
      }
      return .shutDown
    }
  }

  private func perform(
    _ experiment: Experiment, _ record: ExperimentRecord, _ iterations: Int?, _ takeOver: Bool, _ leave: LeaveRequest
  ) async throws -> ExperimentRunner.End {
    let observer = observer
    let log = PatientLog(open.log, patience: patience, clock: ContinuousClock(), isLeaving: { leave.isMade }) {
      observer.note("\($0)")
    }
    return try await Workshop(open, threads: threads, leasesVerifiers: leasesVerifiers).withParts(of: experiment) {
      parts in
      let runner = ExperimentRunner(log: log, parts: parts, surroundings: open.surroundings, observer: observer)
      return try await runner.run(record, iterations: iterations, takeOver: takeOver) { leave.isMade }
    }
  }

  /// Running an experiment is asking for it to go on: one that waits is resumed.
  private func loadResumed(_ record: ExperimentRecord) async throws -> StoredExperiment {
    var stored = try await StoredExperiment.load(record, from: open.log)
    switch stored.experiment.life {
    case .paused(let reason), .failed(let reason):
      observer.note("was \(stored.experiment.life.name) (\(reason)); resuming")
      _ = try await desk.request(.resume, of: record.name, reason: "autodidact run")
      _ = try await stored.readOn(open.log)
    default: break
    }
    return stored
  }

  private func obey(_ signals: UnixSignalsSequence, _ name: String, _ leave: LeaveRequest) async throws {
    var interrupts = 0
    for await signal in signals {
      if signal == .sigterm {
        observer.note("asked to end: leaving at the next step boundary")
        leave.make()
        continue
      }
      interrupts += 1
      // What is committed is committed; the workers end with their standard input.
      guard interrupts == 1 else { Foundation.exit(130) }
      observer.note("pausing at the next step boundary; Ctrl-C again to stop now")
      _ = try await desk.request(.pause, of: name, reason: "Ctrl-C")
    }
  }

  private var desk: ControlDesk { ControlDesk(log: open.log, surroundings: open.surroundings) }
}
