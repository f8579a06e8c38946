import Domain
import EventLog

extension NewEvent {
  /// A domain event as the log takes it: type, schema version and body from the event itself.
  package init(
    _ event: Event, iteration: Int? = nil, policyVersion: Int? = nil, cause: Cause? = nil,
    generation: GenerationRecord? = nil
  ) {
    self.init(
      type: event.type, schemaVersion: EventCoding.schemaVersion, iteration: iteration, policyVersion: policyVersion,
      cause: cause, body: event.body, generation: generation)
  }
}
