import Domain
import EventLog
import Foundation

/// An event of an experiment's play with what was sampled for it, as two performances of it are compared: without the life
/// of the processes, times, hosts, and without what differs between two experiments by nature (id, name, positions).
struct PlayedEvent: Sendable {
  var type: String
  var schemaVersion: Int
  var iteration: Int?
  var policyVersion: Int?
  var body: Data
  var generation: GenerationRecord?

  init(_ recorded: RecordedEvent, _ generation: GenerationRecord?) {
    type = recorded.type
    schemaVersion = recorded.schemaVersion
    iteration = recorded.iteration
    policyVersion = recorded.policyVersion
    body = recorded.body
    self.generation = generation
  }

  /// An event that was performed but not appended.
  init(_ event: NewEvent) {
    type = event.type
    schemaVersion = event.schemaVersion
    iteration = event.iteration
    policyVersion = event.policyVersion
    body = event.body
    generation = event.generation
  }
}

/// Reads an experiment's stream event by event, in pages, with the generations.
struct EventCursor {
  private let log: any EventLog
  private let experiment: ExperimentID
  private var page: ArraySlice<RecordedEvent> = []
  private var generations: [Position: GenerationRecord] = [:]
  private var position: Position
  private var isAtEnd = false

  /// Events of one page: their generations are in memory together.
  private static let pageMax = 500

  init(_ experiment: ExperimentID, _ log: any EventLog, after position: Position = .start) {
    self.experiment = experiment
    self.log = log
    self.position = position
  }

  /// The next event, which stays next.
  mutating func peek() async throws -> RecordedEvent? {
    if page.isEmpty, !isAtEnd {
      let read = try await log.read(experiment: experiment, after: position, types: nil, limit: Self.pageMax)
      isAtEnd = read.count < Self.pageMax
      generations = try await log.generations(at: read.filter(\.hasGeneration).map(\.position))
      page = read[...]
      position = read.last?.position ?? position
    }
    return page.first
  }

  /// Takes the next event.
  mutating func next() async throws -> (recorded: RecordedEvent, generation: GenerationRecord?)? {
    guard let event = try await peek() else { return nil }
    page = page.dropFirst()
    return (event, generations[event.position])
  }

  /// Takes the next event of the play, past the life of the processes, creation and forks.
  ///
  /// - Parameter updatesOnly: only updates and skipped updates, which is all that a shadow learner has.
  mutating func nextPlayed(
    updatesOnly: Bool = false
  ) async throws -> (recorded: RecordedEvent, played: PlayedEvent)? {
    while let (recorded, generation) = try await next() {
      let event = try recorded.event()
      if updatesOnly ? event.isUpdate : event.isPlay { return (recorded, PlayedEvent(recorded, generation)) }
    }
    return nil
  }
}

extension RecordedEvent {
  /// Whether tokens lie at its position.
  var hasGeneration: Bool { type == "ProposalMade" || type == "AttemptMade" || type == "AnswerEvaluated" }
}

extension Event {
  /// Whether it is part of what the experiment computed. Creation and forks are not: they are what it was computed from.
  package var isPlay: Bool {
    switch self {
    case .experimentCreated, .experimentForked, .shadowStarted: false
    default: !isLife
    }
  }

  /// Whether it ends an iteration: an update, or one that was skipped.
  var isUpdate: Bool {
    switch self {
    case .weightsUpdated, .updateSkipped: true
    default: false
    }
  }
}
