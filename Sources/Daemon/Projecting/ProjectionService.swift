import EventLog
import Logging
import Projections
import ServiceLifecycle

/// Keeps the stored projections of all experiments up to the log while a process runs: the daemon, and `autodidact run`.
///
/// It reads what the play has committed and takes no part in it: whatever happens to a projection is told, recorded in its
/// consumer's row, and stops nothing else. Several processes may do this at once; the acknowledgements decide whose work
/// counts.
package struct ProjectionService: Service, CustomStringConvertible {
  /// What the service group's log lines call it.
  package var description: String { "projections" }

  private let store: any ProjectionStore
  private let definitions: [ProjectionDefinition]
  private let leave: LeaveRequest
  /// Seconds of a monotonic clock.
  private let now: @Sendable () -> Double
  private let tell: @Sendable (String) -> Void

  /// Folds of so many experiments stay in memory.
  private static let projectorsMax = 8
  /// How often resumed, rebuilt and new projections are looked for, in seconds.
  private static let refreshEvery = 5.0

  package init(
    _ definitions: [ProjectionDefinition], in store: any ProjectionStore, leave: LeaveRequest,
    now: @escaping @Sendable () -> Double, tell: @escaping @Sendable (String) -> Void
  ) {
    self.definitions = definitions
    self.store = store
    self.leave = leave
    self.now = now
    self.tell = tell
  }

  /// The daemon's: all projections of this program; nil for a log that keeps none.
  package init?(of open: OpenLog, logger: Logger) {
    guard let store = open.log as? any ProjectionStore else { return nil }
    self.init(
      ProjectionCatalogue.all, in: store, leave: LeaveRequest(), now: open.surroundings.now,
      tell: { logger.warning("\($0)") })
  }

  /// Works until the process leaves; then once more, so that nothing that was played is missing.
  package func run() async {
    await withGracefulShutdownHandler {
      await follow()
    } onGracefulShutdown: {
      leave.make()
    }
  }

  private func follow() async {
    var work = Work()
    while !leave.isMade, !Task.isCancelled {
      let head = await turn(&work)
      await store.wait(after: head, timeout: .seconds(1))
    }
    work.refreshedAt = nil
    _ = await turn(&work)
    for index in work.projectors.indices {
      // A state that is not saved costs time at the next start and nothing else.
      try? await work.projectors[index].projector.saveStates()
    }
  }

  /// What is in memory between turns.
  private struct Work {
    /// The newest last.
    var projectors: [(experiment: ExperimentID, projector: ExperimentProjector)] = []
    /// The last event of each experiment that was dealt with.
    var known: [ExperimentID: Position] = [:]
    var refreshedAt: Double?
    var lastError: String?
  }

  /// Brings everything up to the log. Returns the head that was seen; `.start` makes the caller pause.
  private func turn(_ work: inout Work) async -> Position {
    do {
      let head = try await store.head().position
      let records = try await store.playedExperiments()
      if work.refreshedAt.map({ now() - $0 >= Self.refreshEvery }) ?? true { try await refresh(&work, records) }
      for record in records where (work.known[record.id] ?? .start) < record.lastPosition {
        try await project(record, &work)
      }
      work.lastError = nil
      return head
    } catch {
      if work.lastError != "\(error)" { tell("projections wait: \(error)") }
      work.lastError = "\(error)"
      return Position(.max)
    }
  }

  /// Makes tables for versions that have none, and finds out what is behind.
  private func refresh(_ work: inout Work, _ records: [ExperimentRecord]) async throws(EventLogError) {
    let made = Set(try await store.projectionVersions().map(\.identity))
    for definition in definitions where !made.contains(definition.identity) {
      try await store.prepare(definition.identity)
      tell("projection \(definition.identity) is built beside the one before; then: autodidact projection switch")
    }
    let ours = Set(definitions.map(\.identity))
    let behind = try await store.projectionStatuses().filter {
      ours.contains($0.identity) && $0.state == .running && $0.lag > 0
    }
    let waiting = Set(behind.map(\.experiment))
    for record in records { work.known[record.id] = waiting.contains(record.id) ? nil : record.lastPosition }
    work.refreshedAt = now()
  }

  private func project(_ record: ExperimentRecord, _ work: inout Work) async throws(EventLogError) {
    var projector: ExperimentProjector
    if let index = work.projectors.firstIndex(where: { $0.experiment == record.id }) {
      projector = work.projectors.remove(at: index).projector
    } else {
      projector = ExperimentProjector(definitions, of: record.id, in: store)
      if work.projectors.count == Self.projectorsMax {
        var oldest = work.projectors.removeFirst()
        try await oldest.projector.saveStates()
      }
    }
    let outcome = try await projector.catchUp()
    work.projectors.append((record.id, projector))
    // Contended: the other one goes on, and the next refresh sees how far.
    work.known[record.id] = record.lastPosition
    for (identity, failure) in outcome.failures.sorted(by: { $0.key < $1.key }) {
      tell(
        "projection \(identity) of \(record.name) stopped at \(failure); when that is mended: autodidact projection rebuild "
          + "\(identity.name) --experiment \(record.name)")
    }
  }
}
