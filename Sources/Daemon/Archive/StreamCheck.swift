import Domain
import EventLog
import Foundation
import Settings

/// That the records of a file are one stream which a log would take: a created experiment, then forks, each of the one before
/// it at its end; events that this program knows and that may follow each other; appends within the log's limits.
///
/// `ArchiveAudit` has found the records to be what was written. Whoever wrote them may have written anything: nothing that
/// passes here stops the program later.
struct StreamCheck {
  let path: String
  private(set) var parts: [ExperimentFile.Part] = []
  private(set) var digest = ExperimentDigest()
  /// The stream so far.
  private var experiment: Experiment?
  /// The append in work.
  private var append: AppendRecord?
  private var events: [NewEvent] = []

  private static let measureBytesMax = 1 << 16

  init(path: String) { self.path = path }

  /// Takes the next record of the file.
  /// - Throws: `ExperimentFile.Refusal`.
  mutating func take(_ record: ArchiveRecord) throws(ExperimentFile.Refusal) {
    switch record {
    case .link: break
    case .append(let next):
      try end()
      append = next
      events = []
    case .event(let recorded, let generation):
      let event: Event
      do {
        event = try recorded.event()
        try digest.add(recorded, generation)
      } catch { throw refusal("\(error)", recorded.position) }
      try place(event, recorded)
      if recorded.hasGeneration, generation == nil {
        throw refusal("\(recorded.type) without tokens", recorded.position)
      }
      if let append { events.append(recorded.asWritten(first: append.first, generation: generation)) }
    }
  }

  /// Ends the append in work: whether a log would take it.
  /// - Throws: `ExperimentFile.Refusal`.
  func end() throws(ExperimentFile.Refusal) {
    guard let append else { return }
    guard events.count == append.count else { throw refusal("\(events.count) of \(append.count) events", append.first) }
    do throws(EventLogError) { try AppendCheck.check(events, key: append.key) } catch {
      throw refusal("\(error)", append.first)
    }
    let isJSON = events.allSatisfy {
      Self.isObject($0.body) && ($0.generation.map { Self.isObject($0.sampling) } ?? true)
    }
    guard isJSON else { throw refusal("an event or its sampling is not a JSON object", append.first) }
    let isFork = events[0].type == "ExperimentForked"
    guard !isFork || (events.count == 1 && events[0].cause == nil && events[0].generation == nil) else {
      throw refusal("a fork that is not an append of its own, without cause and tokens", append.first)
    }
    guard let measure = append.measure else { return }
    guard !isFork, events[0].type != "ExperimentCreated", measure.count <= Self.measureBytesMax, Self.isObject(measure)
    else {
      throw refusal("a measure where none can be, or none that a log takes", append.first)
    }
  }

  private static func isObject(_ json: Data) -> Bool {
    (try? JSONSerialization.jsonObject(with: json)) is [String: Any] && String(validating: json, as: UTF8.self) != nil
  }

  // MARK: The stream

  private mutating func place(_ event: Event, _ recorded: RecordedEvent) throws(ExperimentFile.Refusal) {
    if parts.last?.id != recorded.experiment {
      try begin(event, recorded)
    } else if case .experimentForked = event {
      throw refusal("a fork within experiment \(recorded.experiment)", recorded.position)
    }
    let version = parts[parts.count - 1].version
    guard recorded.version == version + 1 else {
      throw refusal("version \(recorded.version) follows \(version)", recorded.position)
    }
    parts[parts.count - 1].version = recorded.version
    parts[parts.count - 1].lastPosition = recorded.position
    if case .experimentCreated(let created) = event, experiment == nil {
      experiment = Experiment(id: recorded.experiment, created: created)
    } else if let objection = experiment?.objection(to: event) {
      throw refusal("\(recorded.type) cannot be here: \(objection)", recorded.position)
    } else {
      experiment?.evolve(event, version: recorded.version, position: recorded.position.rawValue)
    }
  }

  /// Begins the part of the next experiment.
  private mutating func begin(_ event: Event, _ recorded: RecordedEvent) throws(ExperimentFile.Refusal) {
    let name: String
    switch (event, parts.last) {
    case (.experimentCreated(let created), nil):
      try check(created.settings, recorded.position)
      name = created.name
    case (.experimentForked(let forked), let parent?):
      guard forked.parentExperiment == parent.id, forked.parentVersion == parent.version,
        forked.parentPosition == parent.lastPosition.rawValue
      else {
        throw refusal("a fork of another place than where the file's shared history ends", recorded.position)
      }
      try check(forked.settings, recorded.position)
      name = forked.name
    case (.experimentForked, nil):
      throw refusal(
        "the history the fork shares is not in the file; export it again with: autodidact export --log",
        recorded.position)
    default: throw refusal("\(recorded.type) begins experiment \(recorded.experiment)", recorded.position)
    }
    guard ExperimentCreator.isValid(name: name), !parts.contains(where: { $0.id == recorded.experiment }) else {
      throw refusal("experiment \(recorded.experiment), named '\(name)', cannot begin here", recorded.position)
    }
    parts.append(
      ExperimentFile.Part(
        id: recorded.experiment, name: name, version: parts.last?.version ?? 0, lastPosition: recorded.position))
  }

  /// Settings are values of the fold: one that no file of settings may hold would stop it.
  private func check(_ settings: ExperimentSettings, _ position: Position) throws(ExperimentFile.Refusal) {
    do throws(SettingsError) { try SettingsFile.check(settings) } catch { throw refusal("\(error)", position) }
  }

  private func refusal(_ reason: String, _ position: Position) -> ExperimentFile.Refusal {
    ExperimentFile.Refusal(description: "\(path), position \(position): \(reason)")
  }
}
