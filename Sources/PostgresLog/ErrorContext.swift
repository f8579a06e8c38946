import EventLog
import Foundation
import Postgres

/// What a call was about: with it a constraint's name becomes one of the log's errors.
struct ErrorContext: Sendable {
  var experiment: ExperimentID?
  var parent: ExperimentID?
  var name: String?
  var key: String?
  var expectedVersion: Int64?
  var epoch: Int64?
  var acknowledgement: Acknowledgement?

  init(experiment: ExperimentID? = nil, acknowledgement: Acknowledgement? = nil) {
    self.experiment = experiment ?? acknowledgement?.consumer.experiment
    self.acknowledgement = acknowledgement
  }

  init(append: Append, name: String?, parent: ExperimentID? = nil) {
    experiment = append.experiment
    self.parent = parent
    self.name = name
    key = append.key
    expectedVersion = append.expectedVersion
    epoch = append.epoch
    acknowledgement = append.acknowledgement
  }

  /// The log's error for a refusal by the server.
  func domainError(_ error: PostgresError, operation: String) -> EventLogError {
    if error.kind == .cancelled { return .cancelled(operation: operation) }
    if error.kind == .decoding { return .corrupt(error.description) }
    return refusal(error) ?? limit(error) ?? .storage(operation: operation, reason: error.description)
  }

  private func refusal(_ error: PostgresError) -> EventLogError? {
    let figures = Figures(error.detail)
    switch (error.constraint, experiment) {
    case ("experiments_version_expected", let experiment?):
      return .wrongExpectedVersion(
        experiment: experiment, expected: expectedVersion ?? -1, found: figures["found"])
    case ("experiments_epoch_current", let experiment?):
      return .staleEpoch(experiment: experiment, held: epoch ?? -1, current: figures["current"])
    case ("experiments_epoch_held", let experiment?):
      return .experimentHeld(experiment: experiment, epoch: figures["current"])
    case ("experiments_parent_known", _): return parent.map { .unknownExperiment($0) }
    case ("experiments_parent_version_recorded", _): return .invalidEvent(error.message)
    case ("experiments_known", let experiment?): return .unknownExperiment(experiment)
    case ("experiments_id_unique", let experiment?): return .experimentExists(experiment)
    case ("experiments_name_unique", _): return .nameTaken(name ?? "")
    case ("projections_behind", _): return .projectionBehind(error.message)
    case ("segments_attached", _): return .detached(segment: Int(figures["number"]), reason: error.message)
    case ("appends_key_reused", _): return .keyReused(key ?? "")
    case ("consumers_running", _):
      return (acknowledgement?.consumer).map { .consumerStopped($0) }
    case ("consumers_position_exists", _):
      return .acknowledgedBeyondHead(
        to: acknowledgement?.to ?? .start, head: Position(figures["head"]))
    case ("consumers_position_expected", _):
      guard let acknowledgement else { return nil }
      return .acknowledgeConflict(
        consumer: acknowledgement.consumer, expected: acknowledgement.from, found: Position(figures["found"]))
    default: return nil
    }
  }

  private func limit(_ error: PostgresError) -> EventLogError? {
    switch error.constraint {
    case "events_body_limit", "generations_sampling_limit":
      return .tooLarge(field: "a JSON text, in bytes,", found: nil, max: LogLimits.bodyBytesMax)
    case "generations_prompt_limit", "generations_completion_limit", "texts_limit":
      return .tooLarge(field: "a prompt or completion, in bytes,", found: nil, max: LogLimits.textBytesMax)
    case "generations_tokens_limit":
      return .tooLarge(field: "the tokens of a generation", found: nil, max: LogLimits.tokensMax)
    case "events_body_is_object", "generations_sampling_is_object", "events_cause_recorded", "events_cause_precedes":
      return .invalidEvent(error.description)
    default:
      // Class 22 is data that a type does not take: here, a body that is not JSON.
      return error.sqlState?.hasPrefix("22") == true ? .invalidEvent(error.description) : nil
    }
  }
}

/// The figures that a refusal carries in its detail as JSON; 0 for one that is not there.
private struct Figures {
  private let values: [String: Int64]

  init(_ detail: String?) {
    values = (try? JSONDecoder().decode([String: Int64].self, from: Data((detail ?? "").utf8))) ?? [:]
  }

  subscript(name: String) -> Int64 { values[name] ?? 0 }
}
