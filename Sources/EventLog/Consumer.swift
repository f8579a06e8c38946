/// Who reads the log and remembers how far: a projection, a learner. A new version starts beside the old one.
package struct Consumer: Hashable, Sendable, CustomStringConvertible {
  package let name: String
  package let version: Int
  /// nil: it reads all experiments.
  package let experiment: ExperimentID?

  package init(name: String, version: Int = 1, experiment: ExperimentID?) {
    self.name = name
    self.version = version
    self.experiment = experiment
  }

  package var description: String {
    "\(name) v\(version)" + (experiment.map { " of \($0)" } ?? "")
  }
}

/// A consumer's row. One that never acknowledged anything is `running` at `.start`.
package struct ConsumerRecord: Hashable, Sendable {
  package let consumer: Consumer
  package let position: Position
  package let state: ConsumerState
  /// What stopped it last; kept until it runs again.
  package let failure: String?

  package init(consumer: Consumer, position: Position, state: ConsumerState, failure: String?) {
    self.consumer = consumer
    self.position = position
    self.state = state
    self.failure = failure
  }
}

/// Whether a consumer takes part. The log records it; the consumer obeys it.
package enum ConsumerState: String, Hashable, Sendable, CaseIterable {
  case running, paused, failed
}

/// What an acknowledgement did.
package enum Acknowledged: Hashable, Sendable {
  case stored
  /// The position was there before: the answer of an earlier try had been lost.
  case alreadyThere
}
