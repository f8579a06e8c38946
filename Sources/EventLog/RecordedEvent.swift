import FoundationEssentials

/// An event as the log holds it. Its generation, if it has one, is read apart: most readers do not want a megabyte of
/// tokens (`EventLog.generations(at:)`).
package struct RecordedEvent: Hashable, Sendable {
  package let position: Position
  package let experiment: ExperimentID
  /// Within the experiment, gapless from 1.
  package let version: Int64
  package let type: String
  package let schemaVersion: Int
  package let iteration: Int?
  package let policyVersion: Int?
  package let cause: Position?
  /// The same for all events of one append.
  package let recordedAt: Timestamp
  /// One JSON object as UTF-8, the bytes the writer gave.
  package let body: Data

  package init(
    position: Position, experiment: ExperimentID, version: Int64, type: String, schemaVersion: Int, iteration: Int?,
    policyVersion: Int?, cause: Position?, recordedAt: Timestamp, body: Data
  ) {
    self.position = position
    self.experiment = experiment
    self.version = version
    self.type = type
    self.schemaVersion = schemaVersion
    self.iteration = iteration
    self.policyVersion = policyVersion
    self.cause = cause
    self.recordedAt = recordedAt
    self.body = body
  }
}

/// One experiment's row: what a daemon needs to take it up and a list needs to show it.
package struct ExperimentRecord: Hashable, Sendable {
  package let id: ExperimentID
  package let name: String
  /// Number of its events; the expected version of the next append.
  package let version: Int64
  /// The writer epoch: an append that carries another one is refused. 0 until a daemon takes the experiment up.
  package let epoch: Int64
  /// The word the last append left, such as `running`; the log gives it no meaning.
  package let state: String
  package let createdAt: Timestamp
  /// Of its last event.
  package let lastPosition: Position
  /// nil if it was created and not forked.
  package let parent: ParentLink?

  package init(
    id: ExperimentID, name: String, version: Int64, epoch: Int64, state: String, createdAt: Timestamp,
    lastPosition: Position, parent: ParentLink? = nil
  ) {
    self.id = id
    self.name = name
    self.version = version
    self.epoch = epoch
    self.state = state
    self.createdAt = createdAt
    self.lastPosition = lastPosition
    self.parent = parent
  }
}

/// What a fork shares with its parent: everything up to this event. Its own events count on from `version`.
package struct ParentLink: Hashable, Sendable {
  package let experiment: ExperimentID
  /// The last shared event's version, and its position.
  package let version: Int64
  package let position: Position

  package init(experiment: ExperimentID, version: Int64, position: Position) {
    self.experiment = experiment
    self.version = version
    self.position = position
  }
}

/// One append's row: idempotency key and link of the hash chain.
package struct AppendRecord: Hashable, Sendable {
  package let key: String
  package let experiment: ExperimentID
  package let first: Position
  package let last: Position
  /// Version of the first event within the experiment.
  package let firstVersion: Int64
  package let epoch: Int64?
  package let recordedAt: Timestamp
  package let digest: Data
  package let previousHash: Data
  package let hash: Data
  /// What the step behind it took, as JSON; in no digest.
  package let measure: Data?

  package init(
    key: String, experiment: ExperimentID, first: Position, last: Position, firstVersion: Int64, epoch: Int64?,
    recordedAt: Timestamp, digest: Data, previousHash: Data, hash: Data, measure: Data? = nil
  ) {
    self.key = key
    self.experiment = experiment
    self.first = first
    self.last = last
    self.firstVersion = firstVersion
    self.epoch = epoch
    self.recordedAt = recordedAt
    self.digest = digest
    self.previousHash = previousHash
    self.hash = hash
    self.measure = measure
  }

  package var count: Int { Int(last.rawValue - first.rawValue + 1) }
}

/// Where the log ends: its last position and the hash that covers everything up to it.
package struct LogHead: Hashable, Sendable {
  package let position: Position
  package let hash: Data

  package init(position: Position, hash: Data) {
    self.position = position
    self.hash = hash
  }
}

extension RecordedEvent {
  /// The event as its writer gave it: a cause inside the same append was an index then.
  /// - Parameter first: first position of its append.
  package func asWritten(first: Position, generation: GenerationRecord?) -> NewEvent {
    let writtenCause = cause.map { cause in
      cause < first ? NewEvent.Cause.recorded(cause) : .sibling(Int(cause.rawValue - first.rawValue))
    }
    return NewEvent(
      type: type, schemaVersion: schemaVersion, iteration: iteration, policyVersion: policyVersion,
      cause: writtenCause, body: body, generation: generation)
  }

  /// Whether experiment, version and time are what its append says for its position.
  package func belongs(to append: AppendRecord) -> Bool {
    experiment == append.experiment && recordedAt == append.recordedAt
      && version - append.firstVersion == position.rawValue - append.first.rawValue
  }
}
