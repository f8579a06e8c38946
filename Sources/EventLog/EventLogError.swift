/// Why the log refused or could not do something. Each case says what was found and what was allowed.
package enum EventLogError: Error, Hashable, Sendable {
  /// Somebody appended first: read, evolve, and append again if the result is still wanted.
  case wrongExpectedVersion(experiment: ExperimentID, expected: Int64, found: Int64)
  /// Another daemon has taken the experiment over. The holder of the old epoch must stop.
  case staleEpoch(experiment: ExperimentID, held: Int64, current: Int64)
  /// A live process writes this experiment; only a take-over gets it.
  case experimentHeld(experiment: ExperimentID, epoch: Int64)
  case unknownExperiment(ExperimentID)
  case nameTaken(String)
  case experimentExists(ExperimentID)
  /// The key was used before, for other events.
  case keyReused(String)
  /// `field` names what is too large; `found` is nil when only the server measured it.
  case tooLarge(field: String, found: Int?, max: Int)
  case invalidEvent(String)
  case acknowledgeConflict(consumer: Consumer, expected: Position, found: Position)
  /// The consumer is paused, or failed: it acknowledges nothing until it is resumed.
  case consumerStopped(Consumer)
  case acknowledgedBeyondHead(to: Position, head: Position)
  /// A version of a projection that is to become the current one is behind it. The reason names the experiment.
  case projectionBehind(String)
  /// The storage could not be reached, or its answer was lost; the outcome of the call is unknown.
  case unavailable(operation: String, attempts: Int, reason: String)
  /// The storage refused for a reason that no retry cures, such as a missing table or permission.
  case storage(operation: String, reason: String)
  /// The positions are in an archive file, not in the database. The reason names the file.
  case detached(segment: Int, reason: String)
  /// What is stored contradicts itself. Nothing should be written any more.
  case corrupt(String)
  case cancelled(operation: String)
}

extension EventLogError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .wrongExpectedVersion(let experiment, let expected, let found):
      "experiment \(experiment) is at version \(found), the append expected \(expected)"
    case .staleEpoch(let experiment, let held, let current):
      "experiment \(experiment) is written by epoch \(current) now; epoch \(held) was taken over and must stop"
    case .experimentHeld(let experiment, let epoch):
      "experiment \(experiment) is being written by a live process (epoch \(epoch)); only a take-over can replace it"
    case .unknownExperiment(let id): "no experiment has the id \(id)"
    case .nameTaken(let name): "an experiment named \"\(name)\" exists already; names are unique"
    case .experimentExists(let id): "an experiment with the id \(id) exists already"
    case .keyReused(let key): "the append key \"\(key)\" was used before for other events"
    case .tooLarge(let field, let found, let max):
      "\(field) is \(found.map(String.init) ?? "too large"), at most \(max) is allowed"
    case .invalidEvent(let reason): "not a valid event: \(reason)"
    case .acknowledgeConflict(let consumer, let expected, let found):
      "consumer \(consumer) is at position \(found), the acknowledgement expected \(expected)"
    case .consumerStopped(let consumer):
      "consumer \(consumer) is paused or failed (autodidact consumer list); it goes on with: autodidact consumer resume"
    case .acknowledgedBeyondHead(let to, let head):
      "position \(to) was acknowledged, but the log ends at \(head)"
    case .projectionBehind(let reason): reason
    case .unavailable(let operation, let attempts, let reason):
      "the log cannot be reached: \(operation) failed \(attempts) times, last with: \(reason)"
    case .storage(let operation, let reason): "the log's storage refused \(operation): \(reason)"
    case .detached(let segment, let reason): "\(reason); bring them back with: autodidact archive restore \(segment)"
    case .corrupt(let reason): "the log contradicts itself: \(reason)"
    case .cancelled(let operation): "\(operation) was cancelled"
    }
  }
}
