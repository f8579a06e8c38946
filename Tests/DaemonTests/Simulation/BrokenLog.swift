import EventLog
import Synchronization

/// A log that breaks its contract in one way, now and then. The oracle must notice each.
final class BrokenLog: EventLog {
  enum Flaw: String, CaseIterable, Sendable {
    /// Acknowledges an append and keeps nothing of it.
    case forgetsAppend
    /// Keeps all but the last event of an append and acknowledges all.
    case losesLastEvent
    /// Takes appends of an epoch that was taken over.
    case ignoresEpoch
    /// Changes a sampled token.
    case changesToken
  }

  private let base: any EventLog
  private let flaw: Flaw
  private let count = Mutex(0)

  init(_ base: any EventLog, _ flaw: Flaw) {
    self.base = base
    self.flaw = flaw
  }

  func append(_ append: Append) async throws(EventLogError) -> Appended {
    let number = count.withLock { count in
      count += 1
      return count
    }
    var changed = append
    // The learner stops the process when a verdict is missing (a precondition); the other losses go on unnoticed.
    if append.events.first?.type == "AttemptVerified" { return try await base.append(append) }
    switch flaw {
    case .forgetsAppend:
      guard number % 9 == 0 else { break }
      let head = try await base.head().position
      return Appended(
        first: head.advanced(by: 1), last: head.advanced(by: append.events.count),
        version: append.expectedVersion + Int64(append.events.count), replayed: false)
    case .losesLastEvent:
      guard number % 5 == 0, append.events.count > 1 else { break }
      changed.events.removeLast()
      let stored = try await base.append(changed)
      return Appended(
        first: stored.first, last: stored.last.advanced(by: 1), version: stored.version + 1, replayed: false)
    case .ignoresEpoch:
      guard append.epoch != nil else { break }
      changed.epoch = try await base.experiment(append.experiment)?.epoch
    case .changesToken:
      changed.events = append.events.map(Self.changed)
    }
    return try await base.append(changed)
  }

  private static func changed(_ event: NewEvent) -> NewEvent {
    guard let generation = event.generation, let first = generation.tokens.first else { return event }
    var event = event
    event.generation = GenerationRecord(
      tokens: [first ^ 1] + generation.tokens.dropFirst(), logProbabilities: generation.logProbabilities,
      prompt: generation.prompt, completion: generation.completion, sampling: generation.sampling,
      randomKey: generation.randomKey, finish: generation.finish)
    return event
  }

  func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended {
    try await base.createExperiment(id, name: name, state: state, events: events, key: key)
  }
  func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    try await base.raiseEpoch(of: experiment, takeOver: takeOver)
  }
  func releaseEpoch(_ epoch: Int64, of experiment: ExperimentID) async {
    await base.releaseEpoch(epoch, of: experiment)
  }
  func experiments() async throws(EventLogError) -> [ExperimentRecord] { try await base.experiments() }
  func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord? {
    try await base.experiment(named: name)
  }
  func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord? { try await base.experiment(id) }
  func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    try await base.read(experiment: experiment, after: position, types: types, limit: limit)
  }
  func event(at position: Position) async throws(EventLogError) -> RecordedEvent? { try await base.event(at: position) }
  func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    try await base.generations(at: positions)
  }
  func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    try await base.appends(after: position, limit: limit)
  }
  func head() async throws(EventLogError) -> LogHead { try await base.head() }
  func wait(after position: Position, timeout: Duration) async { await base.wait(after: position, timeout: timeout) }
  func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord {
    try await base.consumer(consumer)
  }
  func forkExperiment(
    _ id: ExperimentID, name: String, state: String, parent: ExperimentID, parentVersion: Int64, event: NewEvent,
    key: String, acknowledgement: Acknowledgement?
  ) async throws(EventLogError) -> Appended {
    try await base.forkExperiment(
      id, name: name, state: state, parent: parent, parentVersion: parentVersion, event: event, key: key,
      acknowledgement: acknowledgement)
  }
  func segments() async throws(EventLogError) -> [SegmentRecord] {
    try await base.segments()
  }
  func checksums(
    from first: Position, to last: Position
  ) async throws(EventLogError) -> [Position: RowChecksums] {
    try await base.checksums(from: first, to: last)
  }
  func snapshot(
    of fold: String, experiment: ExperimentID, notAfter version: Int64
  ) async throws(EventLogError) -> FoldSnapshot? {
    try await base.snapshot(of: fold, experiment: experiment, notAfter: version)
  }
  func snapshots(of experiment: ExperimentID) async throws(EventLogError) -> [FoldSnapshot] {
    try await base.snapshots(of: experiment)
  }
  func save(_ snapshot: FoldSnapshot, of experiment: ExperimentID) async throws(EventLogError) {
    try await base.save(snapshot, of: experiment)
  }
  func consumers() async throws(EventLogError) -> [ConsumerRecord] { try await base.consumers() }
  func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged {
    try await base.acknowledge(acknowledgement)
  }
  func setState(_ state: ConsumerState, of consumer: Consumer, failure: String?) async throws(EventLogError) {
    try await base.setState(state, of: consumer, failure: failure)
  }
}
