import EventLog
import FoundationEssentials
import Postgres
import Synchronization
import Threads

/// The log on PostgreSQL: `log.append` and its tables (`migrations/0001_log.sql`) behind the `EventLog` contract.
///
/// Calls run on a small pool and are tried again, a limited number of times, when the server cannot be reached. That is
/// safe for reads because they are reads, and for appends because a key is appended once: an answer lost on the way is
/// found again by the retry.
package final class PostgresEventLog: EventLog {
  let pool: ConnectionPool
  private let retry: RetryPolicy
  private let clock: any Clock<Duration>
  private let pollInterval: Duration
  private let signal: LevelSignal<Position>
  private let listener: Listener?
  private let guardian: EpochGuard
  /// What forks share, by experiment.
  let lineages = Mutex<[ExperimentID: [LineagePart]]>([:])
  /// `log.experiments.number`, by experiment.
  let numbers = Mutex<[ExperimentID: Int32]>([:])

  /// - Parameters:
  ///   - clock: measures retry delays and the time-out of `wait`.
  ///   - pollInterval: how long a lost notification can go unnoticed.
  ///   - listens: false leaves NOTIFY aside and only polls.
  package init(
    _ settings: ConnectionSettings, clock: any Clock<Duration>, retry: RetryPolicy = RetryPolicy(),
    connectionsMax: Int = 4, pollInterval: Duration = .seconds(1), listens: Bool = true
  ) {
    pool = ConnectionPool(settings, connectionsMax: connectionsMax)
    self.clock = clock
    self.retry = retry
    self.pollInterval = pollInterval
    let signal = LevelSignal(Position.start)
    self.signal = signal
    var listening = settings
    listening.applicationName += " listener"
    listener = listens ? Listener(listening, channel: "autodidact_log") { signal.receive($0) } : nil
    var guarding = settings
    guarding.applicationName += " epoch"
    guardian = EpochGuard(guarding)
  }

  /// Runs `body` on a connection, again after a pause if the server could not be reached.
  func perform<Value: Sendable>(
    _ operation: String, context: ErrorContext = ErrorContext(),
    _ body: @Sendable (isolated Connection) throws(PostgresError) -> Value
  ) async throws(EventLogError) -> Value {
    try await retry.run(operation, clock: clock, context: context) { () async throws(PostgresError) in
      try await self.pool.withConnection(body)
    }
  }

  package func createExperiment(
    _ id: ExperimentID, name: String, state: String, events: [NewEvent], key: String
  ) async throws(EventLogError) -> Appended {
    try AppendCheck.check(name: name)
    let append = Append(key: key, experiment: id, expectedVersion: 0, epoch: nil, events: events, state: state)
    return try await perform(append, creating: name)
  }

  package func forkExperiment(
    _ id: ExperimentID, name: String, state: String, parent: ExperimentID, parentVersion: Int64, event: NewEvent,
    key: String, acknowledgement: Acknowledgement?
  ) async throws(EventLogError) -> Appended {
    try AppendCheck.check(name: name)
    try AppendCheck.check([event], key: key)
    let append = Append(
      key: key, experiment: id, expectedVersion: parentVersion, epoch: nil, events: [event],
      acknowledgement: acknowledgement, state: state)
    let statement = ForkStatement(append, name: name, parent: parent)
    let context = ErrorContext(append: append, name: name, parent: parent)
    let appended = try await perform("forking", context: context) { connection throws(PostgresError) in
      try statement.run(on: connection)
    }
    signal.raise(to: appended.last)
    return appended
  }

  package func append(_ append: Append) async throws(EventLogError) -> Appended {
    try await perform(append, creating: nil)
  }

  private func perform(_ append: Append, creating name: String?) async throws(EventLogError) -> Appended {
    try AppendCheck.check(append.events, key: append.key)
    let statement = AppendStatement(append, creating: name)
    let context = ErrorContext(append: append, name: name)
    let appended = try await perform("append", context: context) { connection throws(PostgresError) in
      try statement.run(on: connection)
    }
    signal.raise(to: appended.last)
    return appended
  }

  package func wait(after position: Position, timeout: Duration) async {
    var remaining = timeout
    // A head that cannot be read is no news: the caller's own read will say so.
    while remaining > .zero, !Task.isCancelled, (try? await head().position) ?? .start <= position {
      let pause = min(pollInterval, remaining)
      await signal.wait(after: position, timeout: pause, clock: clock)
      remaining -= pause
    }
  }

  // MARK: The writer's epoch

  package func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    try await retry.run("raising the epoch", clock: clock, context: ErrorContext(experiment: experiment)) {
      () async throws(PostgresError) in
      try await self.guardian.raise(experiment, takeOver: takeOver)
    }
  }

  package func releaseEpoch(_ epoch: Int64, of experiment: ExperimentID) async {
    await guardian.release(epoch, of: experiment)
  }
}

extension LevelSignal<Position> {
  /// A notification's payload is the new head; anything else, or nothing, only says "look".
  fileprivate func receive(_ payload: String?) {
    if let position = payload.flatMap(Int64.init) { raise(to: Position(position)) } else { pulse() }
  }
}
