/// The log: an append-only, totally ordered record of what every experiment did. `InMemoryEventLog` and the PostgreSQL
/// log keep this contract alike; the conformance tests say what it means.
///
/// - Positions are gapless and in commit order, so a reader needs only the last position it has seen.
/// - Appends are atomic, idempotent by key, conditional on the experiment's version, and fenced by its writer epoch.
/// - Nothing is ever changed or removed.
package protocol EventLog: Sendable {
  /// Creates an experiment with its first events. The daemon's and the CLI's `create` call it.
  /// - Throws: `.nameTaken`, `.experimentExists`, `.keyReused` and what `append` throws for its events.
  func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended

  /// Creates an experiment whose history up to `parentVersion` is the parent's, by reference: nothing is copied. Reading it
  /// gives the parent's events up to there and then its own, whose versions count on; `event` is the first of them.
  ///
  /// - Parameters:
  ///   - parent: the experiment that recorded the event of `parentVersion` itself, and did not inherit it.
  ///   - acknowledgement: of a consumer of the new experiment: where in the shared history it goes on from.
  /// - Throws: `.invalidEvent` for a version the parent did not record, and what `createExperiment` throws.
  func forkExperiment(
    _ id: ExperimentID, name: String, state: String, parent: ExperimentID, parentVersion: Int64, event: NewEvent,
    key: String, acknowledgement: Acknowledgement?
  ) async throws(EventLogError) -> Appended

  /// Records events. The same key with the same events returns what the first call did.
  /// - Throws: `.wrongExpectedVersion`, `.staleEpoch`, `.unknownExperiment`, `.keyReused`, `.tooLarge`,
  ///   `.invalidEvent`, `.acknowledgeConflict`, `.unavailable` (outcome unknown: try again with the same key).
  func append(_ append: Append) async throws(EventLogError) -> Appended

  /// Makes the caller the experiment's only writer and returns the epoch its appends must carry. Every older epoch is
  /// fenced off from then on.
  /// - Parameter takeOver: false refuses with `.experimentHeld` while a live process holds the experiment.
  func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64

  /// Says that the writer of `epoch` is done, so that the next one needs no take-over. Never throws: a lost release is
  /// what the end of the process does too.
  func releaseEpoch(_ epoch: Int64, of experiment: ExperimentID) async

  /// The experiments that a living process writes, each with its epoch. What it says may be over when it is read: it is for
  /// people, and for a daemon that chooses; the epoch inside every append is what decides.
  func held() async throws(EventLogError) -> [ExperimentID: Int64]

  /// All experiments, in order of creation.
  func experiments() async throws(EventLogError) -> [ExperimentRecord]
  func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord?
  func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord?

  /// Events after a position in order, of one experiment or of all, of some types or of all. A fork's begin with the ones
  /// it shares; each event names the experiment that recorded it.
  /// - Parameter limit: at most `LogLimits.readMax`. Fewer come back only at the end of the log.
  func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent]

  func event(at position: Position) async throws(EventLogError) -> RecordedEvent?

  /// The generations behind events; positions without one are absent. At most `LogLimits.readMax` positions.
  func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord]

  /// The links of the hash chain whose events end after a position, in order. `ChainAudit` reads them.
  func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord]

  func head() async throws(EventLogError) -> LogHead

  /// Returns when the log reaches beyond a position, when the time is over or when the task is cancelled. The caller
  /// reads to find out which. Notifications only make it return sooner; it never relies on them.
  func wait(after position: Position, timeout: Duration) async

  /// A consumer's progress.
  func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord

  /// Every consumer the log knows, by name, version and age of its experiment.
  func consumers() async throws(EventLogError) -> [ConsumerRecord]

  /// Moves a consumer forward. Its `to` must be given, not before `from` and not beyond the head.
  /// - Throws: `.acknowledgeConflict` if the consumer is neither at `from` nor at `to`, `.consumerStopped` if it is paused or
  ///   failed.
  func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged

  /// Pauses, resumes or fails a consumer. `failure` says why it failed.
  func setState(
    _ state: ConsumerState, of consumer: Consumer, failure: String?
  ) async throws(EventLogError)

  // MARK: Storage that only some logs have

  /// The ranges that positions are kept in; empty where the log is one piece.
  func segments() async throws(EventLogError) -> [SegmentRecord]

  /// The checksums kept with the rows of a range of positions; empty where none are. `ChainAudit` asks when something is
  /// wrong already.
  func checksums(from first: Position, to last: Position) async throws(EventLogError) -> [Position: RowChecksums]

  /// The newest snapshot of a fold of an experiment that is not beyond a version; nil if there is none. What it says is not
  /// trusted further than its digest: a fold from the beginning gives the same, and `verify` compares.
  func snapshot(
    of fold: String, experiment: ExperimentID, notAfter version: Int64
  ) async throws(EventLogError) -> FoldSnapshot?

  /// All snapshots of an experiment, by fold and version.
  func snapshots(of experiment: ExperimentID) async throws(EventLogError) -> [FoldSnapshot]

  /// Saves a snapshot; of each fold of an experiment the newest few are kept.
  func save(_ snapshot: FoldSnapshot, of experiment: ExperimentID) async throws(EventLogError)
}

/// How many snapshots of each fold of an experiment a log keeps.
package let snapshotsKept = 3
