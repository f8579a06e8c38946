import EventLog

/// A log in front of another one. A test's log says what it does otherwise; all the rest goes straight through.
protocol PassThroughLog: EventLog {
  var base: any EventLog { get }
}

extension PassThroughLog {
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
  func held() async throws(EventLogError) -> [ExperimentID: Int64] { try await base.held() }
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
  func append(_ append: Append) async throws(EventLogError) -> Appended { try await base.append(append) }
  func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    try await base.raiseEpoch(of: experiment, takeOver: takeOver)
  }
}
