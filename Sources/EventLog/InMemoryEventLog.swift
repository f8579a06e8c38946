import Foundation
import Threads

/// The log in memory, with the semantics of the PostgreSQL one. The daemon's tests and simulations run on it; it is also
/// the readable statement of what `log.append` in SQL does, in the same order.
package actor InMemoryEventLog: EventLog {
  struct Experiment {
    var record: ExperimentRecord
    var positions: [Position] = []
    /// The epoch of the live writer, until it releases it.
    var holder: Int64?
  }

  var events: [RecordedEvent] = []
  var generationsByPosition: [Position: GenerationRecord] = [:]
  var appendRecords: [AppendRecord] = []
  var appendIndexByKey: [String: Int] = [:]
  var experimentsByID: [ExperimentID: Experiment] = [:]
  var experimentOrder: [ExperimentID] = []
  var consumersByKey: [Consumer: ConsumerRecord] = [:]
  /// In order of version.
  var snapshots: [ExperimentID: [FoldSnapshot]] = [:]
  private let now: @Sendable () -> Timestamp
  private let clock: any Clock<Duration>
  private let signal = LevelSignal(Position.start)

  /// - Parameters:
  ///   - clock: measures the time-out of `wait`.
  ///   - now: stamps appends.
  package init(clock: any Clock<Duration>, now: @escaping @Sendable () -> Timestamp) {
    self.clock = clock
    self.now = now
  }

  package func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended {
    try AppendCheck.check(name: name)
    let append = Append(
      key: key, experiment: id, expectedVersion: 0, epoch: nil, events: events, state: state)
    return try perform(append, creating: name)
  }

  package func forkExperiment(
    _ id: ExperimentID, name: String, state: String, parent: ExperimentID, parentVersion: Int64, event: NewEvent,
    key: String, acknowledgement: Acknowledgement?
  ) async throws(EventLogError) -> Appended {
    try AppendCheck.check(name: name)
    let append = Append(
      key: key, experiment: id, expectedVersion: parentVersion, epoch: nil, events: [event],
      acknowledgement: acknowledgement, state: state)
    return try perform(append, creating: name, from: parent)
  }

  package func append(_ append: Append) async throws(EventLogError) -> Appended {
    try perform(append, creating: nil)
  }

  package func wait(after position: Position, timeout: Duration) async {
    guard currentHead.position <= position else { return }
    await signal.wait(after: position, timeout: timeout, clock: clock)
  }

  // MARK: The append, step by step as in SQL

  /// No `await` inside: an append is atomic because nothing else runs on the actor meanwhile.
  private func perform(
    _ append: Append, creating name: String?, from parent: ExperimentID? = nil
  ) throws(EventLogError) -> Appended {
    try AppendCheck.check(append.events, key: append.key)
    try checkJSON(append.events)
    let digest = AppendDigest.of(
      append.events, experiment: append.experiment, firstVersion: append.expectedVersion + 1)
    if let earlier = try replay(append, digest: digest, name: name) { return earlier }
    let experiment = try admitted(append, creating: name, from: parent)
    try checkCauses(append.events)
    let last = currentHead.position.advanced(by: append.events.count)
    let consumer = try append.acknowledgement.map { acknowledgement throws(EventLogError) in
      try moved(acknowledgement, defaultTo: last, headAfter: last, isKnown: append.experiment).record
    }
    return commit(append, to: experiment, digest: digest, consumer: consumer)
  }

  private func replay(_ append: Append, digest: Data, name: String?) throws(EventLogError) -> Appended? {
    guard let index = appendIndexByKey[append.key] else { return nil }
    let earlier = appendRecords[index]
    let sameName = name == nil || experimentsByID[earlier.experiment]?.record.name == name
    guard earlier.digest == digest, sameName else { throw .keyReused(append.key) }
    return Appended(
      first: earlier.first, last: earlier.last, version: earlier.firstVersion + Int64(earlier.count) - 1,
      replayed: true)
  }

  private func admitted(
    _ append: Append, creating name: String?, from parent: ExperimentID?
  ) throws(EventLogError) -> Experiment {
    if let name { return try created(append, name: name, from: parent) }
    guard let experiment = experimentsByID[append.experiment] else { throw .unknownExperiment(append.experiment) }
    let record = experiment.record
    if let held = append.epoch, held != record.epoch {
      throw .staleEpoch(experiment: record.id, held: held, current: record.epoch)
    }
    guard append.expectedVersion == record.version else {
      throw .wrongExpectedVersion(experiment: record.id, expected: append.expectedVersion, found: record.version)
    }
    return experiment
  }

  private func created(
    _ append: Append, name: String, from parent: ExperimentID?
  ) throws(EventLogError) -> Experiment {
    guard experimentsByID[append.experiment] == nil else { throw .experimentExists(append.experiment) }
    guard !experimentsByID.values.contains(where: { $0.record.name == name }) else { throw .nameTaken(name) }
    let link = try parent.map { parent throws(EventLogError) in
      try self.link(to: parent, version: append.expectedVersion)
    }
    return Experiment(
      record: ExperimentRecord(
        id: append.experiment, name: name, version: link?.version ?? 0, epoch: 0, state: append.state ?? "created",
        createdAt: now(), lastPosition: link?.position ?? .start, parent: link))
  }

  private func link(to id: ExperimentID, version: Int64) throws(EventLogError) -> ParentLink {
    guard let parent = experimentsByID[id] else { throw .unknownExperiment(id) }
    let index = Int(version - (parent.record.parent?.version ?? 0)) - 1
    guard parent.positions.indices.contains(index) else {
      throw .invalidEvent("a fork of version \(version), which experiment \(id) did not record")
    }
    return ParentLink(experiment: id, version: version, position: parent.positions[index])
  }

  private func commit(
    _ append: Append, to admitted: Experiment, digest: Data, consumer: ConsumerRecord?
  ) -> Appended {
    var experiment = admitted
    let first = currentHead.position.advanced(by: 1)
    let firstVersion = experiment.record.version + 1
    let recordedAt = experiment.positions.isEmpty ? experiment.record.createdAt : now()
    for (index, event) in append.events.enumerated() {
      let position = first.advanced(by: index)
      events.append(
        RecordedEvent(
          position: position, experiment: append.experiment, version: firstVersion + Int64(index), type: event.type,
          schemaVersion: event.schemaVersion, iteration: event.iteration, policyVersion: event.policyVersion,
          cause: event.cause?.resolved(first: first), recordedAt: recordedAt, body: event.body))
      generationsByPosition[position] = event.generation
      experiment.positions.append(position)
    }
    let last = first.advanced(by: append.events.count - 1)
    link(append, first: first, last: last, firstVersion: firstVersion, recordedAt: recordedAt, digest: digest)
    experiment.record = experiment.record.after(last, events: append.events.count, state: append.state)
    if experimentsByID.updateValue(experiment, forKey: append.experiment) == nil {
      experimentOrder.append(append.experiment)
    }
    if let consumer { consumersByKey[consumer.consumer] = consumer }
    signal.raise(to: last)
    return Appended(first: first, last: last, version: experiment.record.version, replayed: false)
  }

  private func link(
    _ append: Append, first: Position, last: Position, firstVersion: Int64, recordedAt: Timestamp, digest: Data
  ) {
    let previous = currentHead.hash
    let hash = HashChain.hash(
      previous: previous, digest: digest, first: first, last: last, epoch: append.epoch, recordedAt: recordedAt,
      key: append.key)
    appendIndexByKey[append.key] = appendRecords.count
    appendRecords.append(
      AppendRecord(
        key: append.key, experiment: append.experiment, first: first, last: last, firstVersion: firstVersion,
        epoch: append.epoch, recordedAt: recordedAt, digest: digest, previousHash: previous, hash: hash,
        measure: append.measure))
  }

  private func checkCauses(_ events: [NewEvent]) throws(EventLogError) {
    for (index, event) in events.enumerated() {
      guard case .recorded(let position) = event.cause else { continue }
      guard position > .start, position <= currentHead.position else {
        throw .invalidEvent("event \(index) (\(event.type)): its cause \(position) is not in the log")
      }
    }
  }

  /// PostgreSQL parses the text itself when it stores it.
  private func checkJSON(_ events: [NewEvent]) throws(EventLogError) {
    for (index, event) in events.enumerated() {
      for text in [event.body, event.generation?.sampling].compactMap(\.self) {
        guard (try? JSONSerialization.jsonObject(with: text)) is [String: Any] else {
          throw .invalidEvent("event \(index) (\(event.type)) contains text that is not a JSON object")
        }
      }
    }
  }

  var currentHead: LogHead {
    LogHead(
      position: Position(Int64(events.count)), hash: appendRecords.last?.hash ?? HashChain.genesis)
  }
}

extension NewEvent.Cause {
  fileprivate func resolved(first: Position) -> Position {
    switch self {
    case .recorded(let position): position
    case .sibling(let index): first.advanced(by: index)
    }
  }
}

extension ExperimentRecord {
  fileprivate func after(_ last: Position, events: Int, state: String?) -> ExperimentRecord {
    ExperimentRecord(
      id: id, name: name, version: version + Int64(events), epoch: epoch, state: state ?? self.state,
      createdAt: createdAt, lastPosition: last, parent: parent)
  }
}
