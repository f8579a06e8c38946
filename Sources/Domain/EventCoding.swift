import Foundation

/// The edge between events and the log's JSON: the type name, the schema version and the body, both ways.
package enum EventCoding {
  /// Why a recorded event cannot be read. The reader stops with it; an unknown event is never skipped.
  package enum Failure: Error, CustomStringConvertible {
    case unknownType(String)
    case unknownSchema(type: String, found: Int, known: Int)
    case malformedBody(type: String, reason: String)

    package var description: String {
      switch self {
      case .unknownType(let type): "unknown event type '\(type)': it was written by a newer Autodidact"
      case .unknownSchema(let type, let found, let known):
        "event \(type) has schema version \(found), this program knows up to \(known)"
      case .malformedBody(let type, let reason): "the body of event \(type) cannot be read: \(reason)"
      }
    }
  }

  /// Schema version written for every type so far. A type that changes its body gets its own number and an upcast.
  package static let schemaVersion = 1

  /// The JSON of a body or of settings: keys in snake case and sorted, so that equal values have equal bytes.
  package static func json(_ value: some Encodable) -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return try encoder.encode(value)
    } catch {
      preconditionFailure("\(type(of: value)) cannot be encoded: \(error)")
    }
  }

  /// Reads what `json` wrote.
  package static func value<T: Decodable>(_ type: T.Type, from json: Data) throws -> T {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: json)
  }

  /// Reads the event of a recorded type and body.
  package static func event(type: String, schemaVersion: Int, body: Data) throws -> Event {
    guard let read = readers[type] else { throw Failure.unknownType(type) }
    guard schemaVersion == Self.schemaVersion else {
      throw Failure.unknownSchema(type: type, found: schemaVersion, known: Self.schemaVersion)
    }
    do {
      return try read(body)
    } catch {
      throw Failure.malformedBody(type: type, reason: "\(error)")
    }
  }

  private static func reader<B: Decodable & SendableMetatype>(
    _ wrap: @escaping @Sendable (B) -> Event
  ) -> @Sendable (Data) throws -> Event {
    { wrap(try value(B.self, from: $0)) }
  }

  private static let readers: [String: @Sendable (Data) throws -> Event] = [
    "ExperimentCreated": { .experimentCreated(try value(ExperimentCreated.self, from: SettingsUpcast.complete($0))) },
    "ExperimentForked": { .experimentForked(try value(ExperimentForked.self, from: SettingsUpcast.complete($0))) },
    "ShadowStarted": reader(Event.shadowStarted),
    "ExperimentStarted": reader(Event.experimentStarted),
    "PauseRequested": reader(Event.pauseRequested),
    "ExperimentPaused": reader(Event.experimentPaused),
    "ResumeRequested": reader(Event.resumeRequested),
    "ExperimentResumed": reader(Event.experimentResumed),
    "StopRequested": reader(Event.stopRequested),
    "ExperimentStopped": reader(Event.experimentStopped),
    "ExperimentFailed": reader(Event.experimentFailed),
    "ExperimentAnnotated": reader(Event.experimentAnnotated),
    "IterationStarted": reader(Event.iterationStarted),
    "ProposalMade": reader(Event.proposalMade),
    "ProposalVerified": reader(Event.proposalVerified),
    "AttemptMade": reader(Event.attemptMade),
    "AttemptVerified": reader(Event.attemptVerified),
    "ProblemAdmitted": reader(Event.problemAdmitted),
    "WeightsUpdated": reader(Event.weightsUpdated),
    "UpdateSkipped": reader(Event.updateSkipped),
    "ConditionBegan": reader(Event.conditionBegan),
    "ConditionEnded": reader(Event.conditionEnded),
    "CheckpointSaved": reader(Event.checkpointSaved),
    "EvaluationStarted": reader(Event.evaluationStarted),
    "AnswerEvaluated": reader(Event.answerEvaluated),
    "EvaluationCompleted": reader(Event.evaluationCompleted),
    "CurriculumChosen": reader(Event.curriculumChosen),
    "UpdateTried": reader(Event.updateTried),
  ]

  /// All type names this program can read, sorted; what `events --type` accepts.
  package static var types: [String] { readers.keys.sorted() }
}

extension Event {
  /// Name of the type in the log.
  package var type: String {
    switch self {
    case .experimentCreated: "ExperimentCreated"
    case .experimentForked: "ExperimentForked"
    case .shadowStarted: "ShadowStarted"
    case .experimentStarted: "ExperimentStarted"
    case .pauseRequested: "PauseRequested"
    case .experimentPaused: "ExperimentPaused"
    case .resumeRequested: "ResumeRequested"
    case .experimentResumed: "ExperimentResumed"
    case .stopRequested: "StopRequested"
    case .experimentStopped: "ExperimentStopped"
    case .experimentFailed: "ExperimentFailed"
    case .experimentAnnotated: "ExperimentAnnotated"
    case .iterationStarted: "IterationStarted"
    case .proposalMade: "ProposalMade"
    case .proposalVerified: "ProposalVerified"
    case .attemptMade: "AttemptMade"
    case .attemptVerified: "AttemptVerified"
    case .problemAdmitted: "ProblemAdmitted"
    case .weightsUpdated: "WeightsUpdated"
    case .updateSkipped: "UpdateSkipped"
    case .conditionBegan: "ConditionBegan"
    case .conditionEnded: "ConditionEnded"
    case .checkpointSaved: "CheckpointSaved"
    case .evaluationStarted: "EvaluationStarted"
    case .answerEvaluated: "AnswerEvaluated"
    case .evaluationCompleted: "EvaluationCompleted"
    case .curriculumChosen: "CurriculumChosen"
    case .updateTried: "UpdateTried"
    }
  }

  /// The body as canonical JSON.
  package var body: Data {
    switch self {
    case .experimentCreated(let body): EventCoding.json(body)
    case .experimentForked(let body): EventCoding.json(body)
    case .shadowStarted(let body): EventCoding.json(body)
    case .experimentStarted(let body): EventCoding.json(body)
    case .pauseRequested(let body), .resumeRequested(let body), .stopRequested(let body): EventCoding.json(body)
    case .experimentPaused(let body), .experimentResumed(let body), .experimentStopped(let body):
      EventCoding.json(body)
    case .experimentFailed(let body): EventCoding.json(body)
    case .experimentAnnotated(let body): EventCoding.json(body)
    case .iterationStarted(let body): EventCoding.json(body)
    case .proposalMade(let body): EventCoding.json(body)
    case .proposalVerified(let body): EventCoding.json(body)
    case .attemptMade(let body): EventCoding.json(body)
    case .attemptVerified(let body): EventCoding.json(body)
    case .problemAdmitted(let body): EventCoding.json(body)
    case .weightsUpdated(let body): EventCoding.json(body)
    case .updateSkipped(let body): EventCoding.json(body)
    case .conditionBegan(let body), .conditionEnded(let body): EventCoding.json(body)
    case .checkpointSaved(let body): EventCoding.json(body)
    case .evaluationStarted(let body): EventCoding.json(body)
    case .answerEvaluated(let body): EventCoding.json(body)
    case .evaluationCompleted(let body): EventCoding.json(body)
    case .curriculumChosen(let body): EventCoding.json(body)
    case .updateTried(let body): EventCoding.json(body)
    }
  }

  /// Whether it is a decision that the events before it lead to and that is recorded besides its effect: folding the log again
  /// must come to the same one (`Experiment.objection`).
  package var isDecision: Bool {
    switch self {
    case .curriculumChosen, .updateTried: true
    default: false
    }
  }

  /// Whether it tells about the life of the process, or what people said, and not about the play: such events may lie between others without
  /// changing what the experiment computes, and are left out when two experiments' digests are compared (promise P2).
  package var isLife: Bool {
    switch self {
    case .experimentStarted, .pauseRequested, .experimentPaused, .resumeRequested, .experimentResumed, .stopRequested,
      .experimentStopped, .experimentFailed, .experimentAnnotated, .checkpointSaved:
      true
    default: false
    }
  }
}
