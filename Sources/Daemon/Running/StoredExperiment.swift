import Domain
import EventLog
import Settings

/// An experiment folded from the log, and how far it has been read. A value; reading on gives the next one.
///
/// The runner, the CLI's control commands and `status` all see an experiment through this.
package struct StoredExperiment: Hashable, Codable, Sendable {
  package private(set) var experiment: Experiment
  /// The last event taken.
  package private(set) var position: Position
  /// How many events of each type there are.
  package private(set) var eventCounts: [String: Int] = [:]
  /// The iterations that ended, newest last; the oldest are dropped beyond `historyMax`.
  package private(set) var history: [FinishedIteration] = []

  /// Version of the newest snapshot that is known; not part of what is folded.
  var snapshotVersion: Int64 = 0

  private enum CodingKeys: String, CodingKey {
    case experiment, position, eventCounts, history, historyMax
  }

  private let historyMax: Int
  package static let historyUsual = 2

  /// An iteration as it was when its update ended it.
  package struct FinishedIteration: Hashable, Codable, Sendable {
    package var ledger: IterationLedger
    package var seedingRoundsDone: Int
  }

  /// Reads an experiment to the end of the log, from the newest snapshot there is or else from its first event.
  ///
  /// - Parameter historyMax: how many finished iterations to keep for summaries; only folds of the usual 2 have snapshots.
  /// - Throws: `UnknownExperiment`, the log's errors, and `EventCoding.Failure` for an event this program cannot read.
  package static func load(
    _ record: ExperimentRecord, from log: any EventLog, historyMax: Int = historyUsual
  ) async throws -> StoredExperiment {
    if historyMax == historyUsual, var stored = try await snapshot(of: record, in: log) {
      _ = try await stored.readOn(log)
      return stored
    }
    var stored = try await begin(record, from: log, historyMax: historyMax)
    _ = try await stored.readOn(log)
    return stored
  }

  /// The fold of the first event alone.
  package static func begin(
    _ record: ExperimentRecord, from log: any EventLog, historyMax: Int = historyUsual
  ) async throws -> StoredExperiment {
    let first = try await log.read(experiment: record.id, after: .start, types: nil, limit: 1)
    guard let first = first.first, case .experimentCreated(let created) = try first.event() else {
      throw EventLogError.corrupt("experiment \(record.name) does not begin with ExperimentCreated")
    }
    return StoredExperiment(
      experiment: Experiment(id: record.id, created: created), position: first.position,
      eventCounts: [first.type: 1], historyMax: historyMax)
  }

  private init(experiment: Experiment, position: Position, eventCounts: [String: Int], historyMax: Int) {
    self.experiment = experiment
    self.position = position
    self.eventCounts = eventCounts
    self.historyMax = historyMax
  }

  /// Takes the events that others appended since. Returns them.
  package mutating func readOn(_ log: any EventLog) async throws -> [Event] {
    var taken: [Event] = []
    while true {
      let page = try await log.read(
        experiment: experiment.id, after: position, types: nil, limit: LogLimits.readMax)
      for recorded in page {
        let event = try recorded.event()
        take(event, version: recorded.version, position: recorded.position)
        taken.append(event)
      }
      if page.count < LogLimits.readMax { return taken }
    }
  }

  /// Takes an event that is in the log at this place.
  package mutating func take(_ event: Event, version: Int64, position: Position) {
    let before = experiment.ledger
    experiment.evolve(event, version: version, position: position.rawValue)
    self.position = position
    eventCounts[event.type, default: 0] += 1
    if var ended = before, experiment.ledger == nil {
      ended.apply(event, at: position.rawValue)
      history.append(FinishedIteration(ledger: ended, seedingRoundsDone: experiment.seedingRoundsDone))
      if history.count > historyMax { history.removeFirst() }
    }
  }
}

extension RecordedEvent {
  /// The event in the words of the domain.
  package func event() throws -> Event {
    try EventCoding.event(type: type, schemaVersion: schemaVersion, body: body)
  }
}

/// No experiment has this name.
package struct UnknownExperiment: Error, CustomStringConvertible {
  package var name: String
  package var known: [String]

  package var description: String {
    guard !known.isEmpty else {
      return "no experiment is named '\(name)'; there are none yet (autodidact create SETTINGS.yaml --name \(name))"
    }
    let meant = Suggestion.nearest(to: name, in: known).map { "; did you mean '\($0)'?" } ?? ""
    let rest = known.count > Self.shownMax ? " and \(known.count - Self.shownMax) more (autodidact ls)" : ""
    return
      "no experiment is named '\(name)'\(meant); there are: \(known.prefix(Self.shownMax).joined(separator: ", "))\(rest)"
  }

  private static let shownMax = 20
}

extension EventLog {
  /// The record of an experiment by name.
  /// - Throws: `UnknownExperiment` with the names there are.
  package func requireExperiment(_ name: String) async throws -> ExperimentRecord {
    if let record = try await experiment(named: name), !record.isEvaluation { return record }
    throw UnknownExperiment(name: name, known: try await playedExperiments().map(\.name).sorted())
  }
}
