import EventLog
import Synchronization

/// A log in front of a real one: test code runs before and after appends, and before the epoch is raised. It invents
/// nothing; what is not hooked goes straight through.
final class HookedLog: EventLog {
  let base: any EventLog
  private let state = Mutex(State())

  private struct State {
    var tried: [Append] = []
    var beforeAppend: Hook?
    var afterAppend: Hook?
    var beforeEpoch: (@Sendable () async -> Void)?
    var changed: Position?
  }

  /// Gets the append and its number among the appends that carry an epoch, from 1.
  typealias Hook = @Sendable (Append, Int) async throws(EventLogError) -> Void

  init(_ base: any EventLog) { self.base = base }

  /// Appends of runners, tried or done, in order.
  var tried: [Append] { state.withLock { $0.tried } }

  func beforeAppend(_ hook: Hook?) { state.withLock { $0.beforeAppend = hook } }
  func afterAppend(_ hook: Hook?) { state.withLock { $0.afterAppend = hook } }
  func beforeEpoch(_ hook: (@Sendable () async -> Void)?) { state.withLock { $0.beforeEpoch = hook } }

  /// From now on the generation at this position is read with another token, as if the disk had changed it.
  func change(at position: Position) { state.withLock { $0.changed = position } }

  /// Forgets what was tried: the numbers begin at 1 again.
  func restart() { state.withLock { $0.tried = [] } }

  func append(_ append: Append) async throws(EventLogError) -> Appended {
    guard append.epoch != nil else { return try await base.append(append) }
    let (number, before, after) = state.withLock { state in
      state.tried.append(append)
      return (state.tried.count, state.beforeAppend, state.afterAppend)
    }
    try await before?(append, number)
    let appended = try await base.append(append)
    try await after?(append, number)
    return appended
  }

  func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    await state.withLock { $0.beforeEpoch }?()
    return try await base.raiseEpoch(of: experiment, takeOver: takeOver)
  }

  func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended {
    try await base.createExperiment(id, name: name, state: state, events: events, key: key)
  }
  func forkExperiment(
    _ id: ExperimentID, name: String, state: String, parent: ExperimentID, parentVersion: Int64, event: NewEvent,
    key: String, acknowledgement: Acknowledgement?
  ) async throws(EventLogError) -> Appended {
    try await base.forkExperiment(
      id, name: name, state: state, parent: parent, parentVersion: parentVersion, event: event, key: key,
      acknowledgement: acknowledgement)
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
    var found = try await base.generations(at: positions)
    if let changed = state.withLock({ $0.changed }), let record = found[changed] {
      found[changed] = GenerationRecord(
        tokens: record.tokens.map { $0 ^ 1 }, logProbabilities: record.logProbabilities, prompt: record.prompt,
        completion: record.completion, sampling: record.sampling, randomKey: record.randomKey, finish: record.finish)
    }
    return found
  }
  func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    try await base.appends(after: position, limit: limit)
  }
  func head() async throws(EventLogError) -> LogHead { try await base.head() }
  func wait(after position: Position, timeout: Duration) async { await base.wait(after: position, timeout: timeout) }
  func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord {
    try await base.consumer(consumer)
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
