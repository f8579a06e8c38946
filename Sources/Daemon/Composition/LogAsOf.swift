import EventLog

/// A log as it stood at a position: what came later does not exist. For reading only.
///
/// An older policy version is restored with it: the fold, the checkpoints and the lessons up to its update are exactly what
/// the daemon had when the version was new.
package struct LogAsOf: EventLog {
  private let log: any EventLog
  private let end: Position

  package init(_ log: any EventLog, _ end: Position) { (self.log, self.end) = (log, end) }

  package func experiments() async throws(EventLogError) -> [ExperimentRecord] { try await log.experiments() }

  package func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord? {
    try await log.experiment(named: name)
  }

  package func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord? {
    try await log.experiment(id)
  }

  package func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    try await log.read(experiment: experiment, after: position, types: types, limit: limit)
      .filter { $0.position <= end }
  }

  package func event(at position: Position) async throws(EventLogError) -> RecordedEvent? {
    position <= end ? try await log.event(at: position) : nil
  }

  package func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    try await log.generations(at: positions.filter { $0 <= end })
  }

  package func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    try await log.appends(after: position, limit: limit)
  }

  package func head() async throws(EventLogError) -> LogHead { try await log.head() }

  package func wait(after position: Position, timeout: Duration) async {
    await log.wait(after: position, timeout: timeout)
  }

  package func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord {
    try await log.consumer(consumer)
  }

  package func consumers() async throws(EventLogError) -> [ConsumerRecord] { try await log.consumers() }

  // MARK: Writing

  package func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended { refuse() }

  package func append(_ append: Append) async throws(EventLogError) -> Appended { refuse() }

  package func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 { refuse() }

  package func releaseEpoch(_ epoch: Int64, of experiment: ExperimentID) async { refuse() }

  package func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged { refuse() }

  package func setState(
    _ state: ConsumerState, of consumer: Consumer, failure: String?
  ) async throws(EventLogError) { refuse() }

  private func refuse() -> Never { preconditionFailure("a log as of position \(end) cannot be written") }
}
