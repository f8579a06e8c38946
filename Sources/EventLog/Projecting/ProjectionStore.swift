import FoundationEssentials

/// Where projections read: an experiment's events, ready to be folded.
package protocol ProjectionSource: EventLog {
  /// How many tokens the generations at these positions have; positions without one are absent.
  func tokenCounts(at positions: [Position]) async throws(EventLogError) -> [Position: Int]
}

/// Events of one experiment's history in order.
package struct EventPage: Sendable {
  package var events: [ProjectedEvent]
  /// The event after them, if it cannot be read.
  package var failure: UnreadableEvent?
  /// Whether the log ends with them.
  package var isLast: Bool
}

/// An event whose type or body this program does not know.
package struct UnreadableEvent: Error, Hashable, Sendable, CustomStringConvertible {
  package let position: Position
  package let type: String
  package let reason: String

  package var description: String { "\(type) at position \(position): \(reason)" }
}

extension ProjectionSource {
  /// The events after a position, shared ones first, at most `limit`.
  package func page(
    of experiment: ExperimentID, after position: Position, limit: Int
  ) async throws(EventLogError) -> EventPage {
    let recorded = try await read(experiment: experiment, after: position, types: nil, limit: limit)
    let sampled = recorded.lazy.filter { $0.type == "AttemptMade" || $0.type == "ProposalMade" }.map(\.position)
    let tokens = try await tokenCounts(at: Array(sampled))
    var page = EventPage(events: [], failure: nil, isLast: recorded.count < limit)
    page.events.reserveCapacity(recorded.count)
    for event in recorded {
      do {
        page.events.append(try ProjectedEvent(event, tokens: tokens[event.position], reader: experiment))
      } catch {
        page.failure = UnreadableEvent(position: event.position, type: event.type, reason: "\(error)")
        break
      }
    }
    return page
  }
}

extension InMemoryEventLog: ProjectionSource {
  package func tokenCounts(at positions: [Position]) async throws(EventLogError) -> [Position: Int] {
    try await generations(at: positions).mapValues(\.tokens.count)
  }
}

/// Where projections are kept: their rows, how far each has come (`log.consumers`), saved states (snapshots of the log), and
/// which version of each is the current one. `PostgresEventLog` is one.
package protocol ProjectionStore: ProjectionSource {
  /// The versions that have tables, by name and version.
  func projectionVersions() async throws(EventLogError) -> [ProjectionVersion]

  /// Makes the tables of a new version beside those of the newest one before it, empty. Does nothing if they are there.
  /// - Throws: `.storage` if there is no earlier version to make them like.
  func prepare(_ identity: ProjectionIdentity) async throws(EventLogError)

  /// Writes what a batch of an experiment's events does, and acknowledges the events, in one transaction. A repetition after
  /// a lost answer writes nothing.
  /// - Throws: `.acknowledgeConflict` if somebody else has gone on, `.consumerStopped`; `.corrupt` if a row that is to be
  ///   changed is not there.
  func write(
    _ changes: RowChanges, of identity: ProjectionIdentity, for experiment: ExperimentID,
    _ acknowledgement: Acknowledgement
  ) async throws(EventLogError)

  /// All rows of an experiment with the position they were at, as of one moment.
  func storedRows(
    of definition: ProjectionDefinition, for experiment: ExperimentID
  ) async throws(EventLogError) -> StoredRows

  /// Removes an experiment's rows and saved states, and puts the projection before its first event, in one transaction.
  func reset(_ identity: ProjectionIdentity, for experiment: ExperimentID) async throws(EventLogError)

  /// Makes a version the current one: from one moment to the next, queries see its rows.
  /// - Throws: `.projectionBehind` while it is behind the current one anywhere.
  func makeCurrent(_ identity: ProjectionIdentity) async throws(EventLogError)

  /// How far each version is in each experiment.
  func projectionStatuses() async throws(EventLogError) -> [ProjectionStatus]
}

/// A version of a projection that has tables.
package struct ProjectionVersion: Hashable, Sendable {
  package let identity: ProjectionIdentity
  package let isCurrent: Bool

  package init(identity: ProjectionIdentity, isCurrent: Bool) {
    self.identity = identity
    self.isCurrent = isCurrent
  }
}

/// How far a projection is in an experiment: a row of `read.projections`.
package struct ProjectionStatus: Hashable, Sendable {
  package let identity: ProjectionIdentity
  package let isCurrent: Bool
  package let experiment: ExperimentID
  package let experimentName: String
  package let state: ConsumerState
  package let failure: String?
  package let position: Position
  /// Events that it has not taken.
  package let lag: Int64
  /// Age of the first of them; 0 without any.
  package let lagSeconds: Double

  package init(
    identity: ProjectionIdentity, isCurrent: Bool, experiment: ExperimentID, experimentName: String,
    state: ConsumerState, failure: String?, position: Position, lag: Int64, lagSeconds: Double
  ) {
    self.identity = identity
    self.isCurrent = isCurrent
    self.experiment = experiment
    self.experimentName = experimentName
    self.state = state
    self.failure = failure
    self.position = position
    self.lag = lag
    self.lagSeconds = lagSeconds
  }
}
