import FoundationEssentials

// What the in-memory log answers without appending: reads, the writer's epoch, consumers.
extension InMemoryEventLog {
  package func held() async throws(EventLogError) -> [ExperimentID: Int64] {
    experimentsByID.compactMapValues(\.holder)
  }

  package func experiments() async throws(EventLogError) -> [ExperimentRecord] {
    experimentOrder.compactMap { experimentsByID[$0]?.record }
  }

  package func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord? {
    experimentOrder.lazy.compactMap { self.experimentsByID[$0]?.record }.first { $0.name == name }
  }

  package func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord? {
    experimentsByID[id]?.record
  }

  package func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    precondition((1...LogLimits.readMax).contains(limit), "a read of \(limit) events")
    let first = max(0, Int(position.rawValue))
    let indices: [Int]
    if let experiment {
      indices = positions(of: experiment).map { Int($0.rawValue) - 1 }.filter { $0 >= first }
    } else {
      indices = Array(min(first, events.count)..<events.count)
    }
    let matching = indices.lazy.map { self.events[$0] }.filter { types?.contains($0.type) ?? true }
    return Array(matching.prefix(limit))
  }

  /// Where the events of an experiment's stream lie, the shared ones first.
  private func positions(of experiment: ExperimentID) -> [Position] {
    guard let known = experimentsByID[experiment] else { return [] }
    guard let parent = known.record.parent else { return known.positions }
    return positions(of: parent.experiment).filter { $0 <= parent.position } + known.positions
  }

  package func event(at position: Position) async throws(EventLogError) -> RecordedEvent? {
    let index = Int(position.rawValue) - 1
    return events.indices.contains(index) ? events[index] : nil
  }

  package func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    precondition(positions.count <= LogLimits.readMax, "a read of \(positions.count) generations")
    var found: [Position: GenerationRecord] = [:]
    for position in positions { found[position] = generationsByPosition[position] }
    return found
  }

  package func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    precondition((1...LogLimits.readMax).contains(limit), "a read of \(limit) appends")
    return Array(appendRecords.lazy.filter { $0.last > position }.prefix(limit))
  }

  /// One piece, kept in no ranges.
  package func segments() async throws(EventLogError) -> [SegmentRecord] { [] }

  /// Memory is not damaged: no row has a checksum.
  package func checksums(
    from first: Position, to last: Position
  ) async throws(EventLogError) -> [Position: RowChecksums] { [:] }

  package func snapshot(
    of fold: String, experiment: ExperimentID, notAfter version: Int64
  ) async throws(EventLogError) -> FoldSnapshot? {
    snapshots[experiment]?.last { $0.fold == fold && $0.version <= version }
  }

  package func snapshots(of experiment: ExperimentID) async throws(EventLogError) -> [FoldSnapshot] {
    snapshots[experiment, default: []].sorted { ($0.fold, $0.version) < ($1.fold, $1.version) }
  }

  package func save(_ snapshot: FoldSnapshot, of experiment: ExperimentID) async throws(EventLogError) {
    guard experimentsByID[experiment] != nil else { throw .unknownExperiment(experiment) }
    var kept = snapshots[experiment, default: []].filter { ($0.fold, $0.version) != (snapshot.fold, snapshot.version) }
    kept.append(snapshot)
    kept.sort { $0.version < $1.version }
    let same = kept.filter { $0.fold == snapshot.fold }
    if same.count > snapshotsKept { kept.removeAll { $0 == same[0] } }
    snapshots[experiment] = kept
  }

  package func head() async throws(EventLogError) -> LogHead { currentHead }

  // MARK: The writer's epoch

  package func raiseEpoch(of id: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    guard var experiment = experimentsByID[id] else { throw .unknownExperiment(id) }
    let record = experiment.record
    if experiment.holder != nil, !takeOver { throw .experimentHeld(experiment: id, epoch: record.epoch) }
    experiment.record = ExperimentRecord(
      id: id, name: record.name, version: record.version, epoch: record.epoch + 1, state: record.state,
      createdAt: record.createdAt, lastPosition: record.lastPosition, parent: record.parent)
    experiment.holder = experiment.record.epoch
    experimentsByID[id] = experiment
    return experiment.record.epoch
  }

  package func releaseEpoch(_ epoch: Int64, of id: ExperimentID) async {
    if experimentsByID[id]?.holder == epoch { experimentsByID[id]?.holder = nil }
  }

  // MARK: Consumers

  package func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord { row(consumer) }

  package func consumers() async throws(EventLogError) -> [ConsumerRecord] {
    consumersByKey.values.sorted { sortKey($0.consumer) < sortKey($1.consumer) }
  }

  package func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged {
    precondition(acknowledgement.to != nil, "an acknowledgement outside an append says where to")
    let head = currentHead.position
    let (record, outcome) = try moved(acknowledgement, defaultTo: head, headAfter: head)
    consumersByKey[record.consumer] = record
    return outcome
  }

  package func setState(
    _ state: ConsumerState, of consumer: Consumer, failure: String?
  ) async throws(EventLogError) {
    try checkExperiment(of: consumer)
    consumersByKey[consumer] = ConsumerRecord(
      consumer: consumer, position: row(consumer).position, state: state, failure: failure)
  }

  /// The consumer's row after an acknowledgement; nothing is stored yet.
  ///
  /// - Parameter isKnown: an experiment that the same append creates.
  func moved(
    _ acknowledgement: Acknowledgement, defaultTo: Position, headAfter: Position, isKnown: ExperimentID? = nil
  ) throws(EventLogError) -> (record: ConsumerRecord, outcome: Acknowledged) {
    let to = acknowledgement.to ?? defaultTo
    precondition(acknowledgement.from <= to, "acknowledging backwards, from \(acknowledgement.from) to \(to)")
    guard to <= headAfter else { throw .acknowledgedBeyondHead(to: to, head: headAfter) }
    if isKnown == nil || acknowledgement.consumer.experiment != isKnown {
      try checkExperiment(of: acknowledgement.consumer)
    }
    let current = row(acknowledgement.consumer)
    if current.position == to { return (current, .alreadyThere) }
    guard current.position == acknowledgement.from else {
      throw .acknowledgeConflict(
        consumer: acknowledgement.consumer, expected: acknowledgement.from, found: current.position)
    }
    guard current.state == .running else { throw .consumerStopped(current.consumer) }
    return (
      ConsumerRecord(
        consumer: current.consumer, position: to, state: current.state, failure: current.failure), .stored
    )
  }

  private func row(_ consumer: Consumer) -> ConsumerRecord {
    consumersByKey[consumer]
      ?? ConsumerRecord(consumer: consumer, position: .start, state: .running, failure: nil)
  }

  private func checkExperiment(of consumer: Consumer) throws(EventLogError) {
    guard let id = consumer.experiment else { return }
    guard experimentsByID[id] != nil else { throw .unknownExperiment(id) }
  }

  private func sortKey(_ consumer: Consumer) -> (String, Int, Int) {
    let age = consumer.experiment.flatMap { experimentOrder.firstIndex(of: $0) } ?? -1
    return (consumer.name, consumer.version, age)
  }
}
