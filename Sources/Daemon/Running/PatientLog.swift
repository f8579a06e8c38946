import EventLog
import Metrics

/// A log that waits out outages: a call that finds the log unreachable is made again, with the same key, until it goes
/// through, until patience is exhausted, or until the process is asked to leave.
///
/// It is what pauses an experiment while the database is away. A runner has one call under way at a time, so nothing
/// piles up behind it: the step that was performed waits in memory, and no other begins. An append whose answer was lost
/// is found by its key. Refusals are never tried again.
package struct PatientLog: EventLog {
  private let base: any EventLog
  private let patience: Patience
  private let clock: any Clock<Duration>
  private let isLeaving: @Sendable () -> Bool
  private let report: @Sendable (Outage) -> Void

  /// - Parameters:
  ///   - isLeaving: asked at least once a second of an outage.
  ///   - report: told when an outage begins, goes on and ends.
  package init(
    _ base: any EventLog, patience: Patience, clock: any Clock<Duration>,
    isLeaving: @escaping @Sendable () -> Bool = { false }, report: @escaping @Sendable (Outage) -> Void
  ) {
    self.base = base
    self.patience = patience
    self.clock = clock
    self.isLeaving = isLeaving
    self.report = report
  }

  private func patiently<Value>(
    _ operation: String, _ body: () async throws(EventLogError) -> Value
  ) async throws(EventLogError) -> Value {
    var tries = 0
    var waited = Duration.zero
    var delay = patience.firstDelay
    while true {
      tries += 1
      do throws(EventLogError) {
        let value = try await body()
        if tries > 1 { report(.over(operation: operation, tries: tries, waited: waited)) }
        return value
      } catch {
        guard case .unavailable(_, _, let reason) = error else { throw error }
        guard !isLeaving(), waited < patience.outageMax else {
          report(.givenUp(operation: operation, tries: tries, waited: waited, isLeaving: isLeaving()))
          throw error
        }
        if tries & (tries - 1) == 0 {
          report(.unreachable(operation: operation, tries: tries, waited: waited, reason: reason))
        }
      }
      waited += try await pause(min(delay, patience.outageMax - waited), operation)
      delay = min(delay * 2, patience.delayMax)
    }
  }

  /// Waits in pieces of a second, so that a process that is asked to leave does. Returns how long.
  private func pause(_ duration: Duration, _ operation: String) async throws(EventLogError) -> Duration {
    var waited = Duration.zero
    while waited < duration, !isLeaving() {
      let piece = min(.seconds(1), duration - waited)
      do { try await clock.sleep(for: piece) } catch { throw .cancelled(operation: operation) }
      waited += piece
    }
    return waited
  }
}

// Every call of the contract, patiently.
extension PatientLog {
  package func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended {
    try await patiently("creating an experiment") { () async throws(EventLogError) in
      try await base.createExperiment(id, name: name, state: state, events: events, key: key)
    }
  }

  package func forkExperiment(
    _ id: ExperimentID, name: String, state: String, parent: ExperimentID, parentVersion: Int64, event: NewEvent,
    key: String, acknowledgement: Acknowledgement?
  ) async throws(EventLogError) -> Appended {
    try await patiently("forking an experiment") { () async throws(EventLogError) in
      try await base.forkExperiment(
        id, name: name, state: state, parent: parent, parentVersion: parentVersion, event: event, key: key,
        acknowledgement: acknowledgement)
    }
  }

  package func append(_ append: Append) async throws(EventLogError) -> Appended {
    try await patiently("append of \(append.events.count) events") { () async throws(EventLogError) in
      let began = ContinuousClock.now
      let appended = try await base.append(append)
      let time = (ContinuousClock.now - began).components
      Metrics.Timer(label: "autodidact_append_duration_seconds")
        .recordNanoseconds(time.seconds * 1_000_000_000 + time.attoseconds / 1_000_000_000)
      Counter(label: "autodidact_appended_events_total").increment(by: append.events.count)
      let verified = append.events.count { $0.type == "ProposalVerified" || $0.type == "AttemptVerified" }
      if verified > 0 { Counter(label: "autodidact_verifier_jobs_total").increment(by: verified) }
      return appended
    }
  }

  package func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    try await patiently("raising the epoch") { () async throws(EventLogError) in
      try await base.raiseEpoch(of: experiment, takeOver: takeOver)
    }
  }

  package func releaseEpoch(_ epoch: Int64, of experiment: ExperimentID) async {
    await base.releaseEpoch(epoch, of: experiment)
  }

  package func experiments() async throws(EventLogError) -> [ExperimentRecord] {
    try await patiently("listing experiments") { () async throws(EventLogError) in try await base.experiments() }
  }

  package func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord? {
    try await patiently("looking up an experiment") { () async throws(EventLogError) in
      try await base.experiment(named: name)
    }
  }

  package func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord? {
    try await patiently("looking up an experiment") { () async throws(EventLogError) in
      try await base.experiment(id)
    }
  }

  package func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    try await patiently("reading events") { () async throws(EventLogError) in
      try await base.read(experiment: experiment, after: position, types: types, limit: limit)
    }
  }

  package func event(at position: Position) async throws(EventLogError) -> RecordedEvent? {
    try await patiently("reading an event") { () async throws(EventLogError) in try await base.event(at: position) }
  }

  package func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    try await patiently("reading generations") { () async throws(EventLogError) in
      try await base.generations(at: positions)
    }
  }

  package func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    try await patiently("reading appends") { () async throws(EventLogError) in
      try await base.appends(after: position, limit: limit)
    }
  }

  package func head() async throws(EventLogError) -> LogHead {
    try await patiently("reading the head") { () async throws(EventLogError) in try await base.head() }
  }

  /// Does not wait out anything: it is a wait itself.
  package func wait(after position: Position, timeout: Duration) async {
    await base.wait(after: position, timeout: timeout)
  }

  package func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord {
    try await patiently("reading a consumer") { () async throws(EventLogError) in try await base.consumer(consumer) }
  }

  package func consumers() async throws(EventLogError) -> [ConsumerRecord] {
    try await patiently("listing consumers") { () async throws(EventLogError) in try await base.consumers() }
  }

  package func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged {
    try await patiently("acknowledging") { () async throws(EventLogError) in
      try await base.acknowledge(acknowledgement)
    }
  }

  package func setState(
    _ state: ConsumerState, of consumer: Consumer, failure: String?
  ) async throws(EventLogError) {
    try await patiently("setting a consumer's state") { () async throws(EventLogError) in
      try await base.setState(state, of: consumer, failure: failure)
    }
  }

  package func segments() async throws(EventLogError) -> [SegmentRecord] {
    try await patiently("listing segments") { () async throws(EventLogError) in try await base.segments() }
  }

  package func checksums(
    from first: Position, to last: Position
  ) async throws(EventLogError) -> [Position: RowChecksums] {
    try await patiently("reading checksums") { () async throws(EventLogError) in
      try await base.checksums(from: first, to: last)
    }
  }

  package func snapshot(
    of fold: String, experiment: ExperimentID, notAfter version: Int64
  ) async throws(EventLogError) -> FoldSnapshot? {
    try await patiently("reading a snapshot") { () async throws(EventLogError) in
      try await base.snapshot(of: fold, experiment: experiment, notAfter: version)
    }
  }

  package func snapshots(of experiment: ExperimentID) async throws(EventLogError) -> [FoldSnapshot] {
    try await patiently("listing snapshots") { () async throws(EventLogError) in
      try await base.snapshots(of: experiment)
    }
  }

  package func save(_ snapshot: FoldSnapshot, of experiment: ExperimentID) async throws(EventLogError) {
    try await patiently("saving a snapshot") { () async throws(EventLogError) in
      try await base.save(snapshot, of: experiment)
    }
  }
}
