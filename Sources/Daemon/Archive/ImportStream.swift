import Domain
import EventLog
import Foundation

/// The appends of one file on their way into a log.
struct ImportStream {
  let log: any EventLog
  let file: ExperimentFile
  let names: [ExperimentID: String]
  /// Events appended now.
  var appended = 0
  /// Where the events of the file lie in this log.
  private var positions: [Position: Position] = [:]
  /// Where the stream's last event and its last update or skipped update lie in this log.
  private var last = Position.start
  private var lastUpdate: Position?
  /// The stream so far; gives each append the state word that it left.
  private var experiment: Experiment?
  /// Writer epochs taken here, so that nobody plays an experiment while it is imported.
  private var epochs: [ExperimentID: Int64] = [:]

  init(log: any EventLog, file: ExperimentFile, names: [ExperimentID: String]) {
    self.log = log
    self.file = file
    self.names = names
  }

  /// One append of the file with its events.
  private struct Batch {
    var append: AppendRecord
    var events: [(recorded: RecordedEvent, generation: GenerationRecord?)] = []
    /// Of its experiment before and after it.
    var version: Int64 { append.firstVersion - 1 }
    var lastVersion: Int64 { version + Int64(append.count) }
  }

  mutating func run(_ reader: ArchiveReader) async throws {
    var batch: Batch?
    while let record = try reader.next() {
      switch record {
      case .link: continue
      case .append(let append):
        if let batch { try await take(batch) }
        batch = Batch(append: append)
      case .event(let recorded, let generation): batch?.events.append((recorded, generation))
      }
    }
    if let batch { try await take(batch) }
  }

  func release() async {
    for (id, epoch) in epochs.sorted(by: { $0.value < $1.value }) { await log.releaseEpoch(epoch, of: id) }
  }

  private mutating func take(_ batch: Batch) async throws {
    // The file is read a second time: what was checked may have been changed on the disk since.
    let written = batch.events.map { $0.recorded.asWritten(first: batch.append.first, generation: $0.generation) }
    let digest = AppendDigest.of(
      written, experiment: batch.append.experiment, firstVersion: batch.append.firstVersion)
    guard digest == batch.append.digest else { throw changed(batch.append.first) }
    let events = try batch.events.map { try $0.recorded.event() }
    try evolve(events, batch)
    let new = zip(written, events).map { carriedOver($0, $1, of: batch.append.experiment) }
    let version = try await log.experiment(batch.append.experiment)?.version ?? -1
    let first: Position
    if version > batch.version {
      first = try await compare(new, batch, version)
    } else {
      first = try await append(new, events, batch)
      appended += new.count
    }
    for (index, event) in events.enumerated() {
      last = first.advanced(by: index)
      positions[batch.events[index].recorded.position] = last
      if event.isUpdate { lastUpdate = last }
    }
  }

  private mutating func evolve(_ events: [Event], _ batch: Batch) throws {
    for (event, (recorded, _)) in zip(events, batch.events) {
      if case .experimentCreated(let created) = event, experiment == nil {
        experiment = Experiment(id: recorded.experiment, created: created)
        continue
      }
      guard experiment?.objection(to: event) == nil, experiment?.version == recorded.version - 1 else {
        throw changed(recorded.position)
      }
      experiment?.evolve(event, version: recorded.version, position: recorded.position.rawValue)
    }
  }

  private func changed(_ position: Position) -> ArchiveError {
    .contradiction(file: file.path, position: position, reason: "it was changed while it was imported")
  }

  /// The event as it is written here: its cause at its new position (none if it is not in the file, as for a shadow
  /// learner's), its experiment's name and its parent's place as they are here.
  private func carriedOver(_ written: NewEvent, _ event: Event, of id: ExperimentID) -> NewEvent {
    var new = written
    if case .recorded(let cause) = written.cause { new.cause = positions[cause].map { .recorded($0) } }
    var changed = event
    switch event {
    case .experimentCreated(var created):
      created.name = name(of: id)
      changed = .experimentCreated(created)
    case .experimentForked(var forked):
      forked.name = name(of: id)
      forked.parentPosition = last.rawValue
      changed = .experimentForked(forked)
    default: break
    }
    if changed != event {
      new.schemaVersion = EventCoding.schemaVersion
      new.body = changed.body
    }
    return new
  }

  private func name(of id: ExperimentID) -> String {
    guard let name = names[id] else { preconditionFailure("\(file.path) holds \(id), which was not checked") }
    return name
  }

  // MARK: What is there already

  /// Compares events that this log has with those of the file. Returns the first one's position.
  private func compare(_ new: [NewEvent], _ batch: Batch, _ version: Int64) async throws -> Position {
    let found = try await log.read(
      experiment: batch.append.experiment, after: last, types: nil, limit: new.count)
    let generations = try await log.generations(at: found.map(\.position))
    for (index, event) in new.enumerated() {
      let expected = batch.append.firstVersion + Int64(index)
      let isEqual =
        found.indices.contains(index) && found[index].version == expected
        && isEqual(found[index], generations[found[index].position], event, among: found)
      guard isEqual else {
        throw ExperimentFile.Refusal(
          description: "\(file.path): experiment \(batch.append.experiment) is in the log already, as "
            + "\(name(of: batch.append.experiment)), and went on otherwise there from version \(expected) on; a new id "
            + "cannot be given, because the digests of its appends cover the id")
      }
    }
    return found[0].position
  }

  private func isEqual(
    _ found: RecordedEvent, _ generation: GenerationRecord?, _ event: NewEvent, among events: [RecordedEvent]
  ) -> Bool {
    let cause: Position? =
      switch event.cause {
      case nil: nil
      case .recorded(let position): position
      case .sibling(let index): events[index].position
      }
    return found.type == event.type && found.schemaVersion == event.schemaVersion && found.iteration == event.iteration
      && found.policyVersion == event.policyVersion && found.cause == cause && found.body == event.body
      && generation == event.generation
  }

  // MARK: What is new

  /// Appends the events and returns the first one's position.
  private mutating func append(_ new: [NewEvent], _ events: [Event], _ batch: Batch) async throws -> Position {
    guard let experiment else { throw changed(batch.append.first) }
    let (id, key, state) = (
      batch.append.experiment, ImportState.keyPrefix + batch.append.hash.hexadecimal, try state(after: batch)
    )
    switch events.first {
    case .experimentCreated:
      let appended = try await log.createExperiment(
        id, name: name(of: id), state: state, events: new, key: key)
      return appended.first
    case .experimentForked(let forked):
      // The learner goes on where the shared history's last update ended.
      let appended = try await log.forkExperiment(
        id, name: name(of: id), state: state, parent: forked.parentExperiment,
        parentVersion: forked.parentVersion, event: new[0], key: key,
        acknowledgement: lastUpdate.map {
          Acknowledgement(consumer: Consumer(name: "learner", experiment: id), from: .start, to: $0)
        })
      return appended.first
    default: break
    }
    var acknowledgement: Acknowledgement?
    if experiment.shadow == nil, events.contains(where: \.isUpdate) {
      let consumer = Consumer(name: "learner", experiment: id)
      acknowledgement = Acknowledgement(consumer: consumer, from: try await log.consumer(consumer).position)
    }
    let appended = try await log.append(
      Append(
        key: key, experiment: id, expectedVersion: batch.version, epoch: try await epoch(of: id), events: new,
        acknowledgement: acknowledgement, state: state, measure: batch.append.measure))
    return appended.first
  }

  /// The word that an append leaves: the experiment's own when the file has no more of it.
  private func state(after batch: Batch) throws -> String {
    guard let experiment, let part = file.parts.first(where: { $0.id == batch.append.experiment }) else {
      throw changed(batch.append.first)
    }
    guard batch.lastVersion == part.version else { return ImportState.unfinished }
    return part.id == file.parts.last?.id ? experiment.stateName : ImportState.shared
  }

  private mutating func epoch(of id: ExperimentID) async throws -> Int64 {
    if let epoch = epochs[id] { return epoch }
    let epoch = try await log.raiseEpoch(of: id, takeOver: false)
    epochs[id] = epoch
    return epoch
  }
}
