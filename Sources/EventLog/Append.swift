import FoundationEssentials

/// A request to record events of one experiment, all or none.
package struct Append: Hashable, Sendable {
  /// Fixed by the client before the first try, so that a retry after a lost answer finds what was done.
  package var key: String
  package var experiment: ExperimentID
  /// The experiment's version that the events were decided on.
  package var expectedVersion: Int64
  /// The writer epoch held by a daemon; nil for control events, which anybody may append.
  package var epoch: Int64?
  package var events: [NewEvent]
  package var acknowledgement: Acknowledgement?
  /// The experiment's new state word; nil leaves it.
  package var state: String?
  /// What the step behind it took, as one JSON object: seconds, tokens. Kept beside the append and in no digest, because it
  /// is a fact of this performance and not of the experiment.
  package var measure: Data?

  package init(
    key: String, experiment: ExperimentID, expectedVersion: Int64, epoch: Int64?, events: [NewEvent],
    acknowledgement: Acknowledgement? = nil, state: String? = nil, measure: Data? = nil
  ) {
    precondition(!events.isEmpty, "an append of no events, key \(key)")
    self.key = key
    self.experiment = experiment
    self.expectedVersion = expectedVersion
    self.epoch = epoch
    self.events = events
    self.acknowledgement = acknowledgement
    self.state = state
    self.measure = measure
  }
}

/// A consumer's progress: compare with `from`, set to `to`.
package struct Acknowledgement: Hashable, Sendable {
  package var consumer: Consumer
  package var from: Position
  /// nil, inside an append: the last position of that append.
  package var to: Position?

  package init(consumer: Consumer, from: Position, to: Position? = nil) {
    self.consumer = consumer
    self.from = from
    self.to = to
  }
}

/// What an append did.
package struct Appended: Hashable, Sendable {
  package let first: Position
  package let last: Position
  /// The experiment's version after its events.
  package let version: Int64
  /// True when the same key had been appended before, and nothing was written now.
  package let replayed: Bool

  package init(first: Position, last: Position, version: Int64, replayed: Bool) {
    self.first = first
    self.last = last
    self.version = version
    self.replayed = replayed
  }
}

/// The limits of the log, the same in every implementation. PostgreSQL enforces them again as constraints.
package enum LogLimits {
  package static let bodyBytesMax = 1 << 20
  package static let textBytesMax = 1 << 20
  package static let tokensMax = 1 << 17
  package static let eventsPerAppendMax = 10_000
  package static let typeBytesMax = 64
  package static let nameBytesMax = 200
  package static let keyBytesMax = 200
  /// Events, appends or generations that one read returns at most.
  package static let readMax = 10_000
}
