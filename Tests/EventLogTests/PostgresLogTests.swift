import EventLog
import Foundation
import Postgres
import PostgresLog
import Synchronization
import Testing

/// A clock whose pauses are over at once; it keeps their lengths.
private final class ImpatientClock: Clock, Sendable {
  typealias Instant = ContinuousClock.Instant
  private let start = ContinuousClock.now
  private let elapsed = Mutex<[Duration]>([])

  var pauses: [Duration] { elapsed.withLock { $0 } }
  var now: Instant { start + pauses.reduce(.zero, +) }
  var minimumResolution: Duration { .nanoseconds(1) }
  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let pause = now.duration(to: deadline)
    elapsed.withLock { $0.append(pause) }
  }
}

@Suite("The PostgreSQL log", .needsPostgres)
struct PostgresLogTests {
  private func withLog(_ body: (PostgresEventLog, ConnectionSettings, ExperimentID) async throws -> Void) async throws {
    try await TestServer.withDatabase { settings in
      let log = PostgresEventLog(settings, clock: ContinuousClock())
      let id = ExperimentID.numbered(1)
      _ = try await log.createExperiment(id, name: "first", state: "created", events: [.full(0)], key: "create")
      try await body(log, settings, id)
    }
  }

  @Test(
    "what is in the log is never changed or removed",
    arguments: [
      "update log.events set type = 'X'", "update log.events set type = 'X' where false", "delete from log.events",
      "truncate log.events", "update log.generations set finish = 'x'", "delete from log.generations",
      "truncate log.generations", "update log.appends set key = 'x'", "delete from log.appends",
      "truncate log.appends", "delete from log.experiments", "truncate log.experiments", "delete from log.head",
      "truncate log.head",
    ])
  func appendOnly(_ statement: String) async throws {
    try await withLog { log, settings, _ in
      let connection = try await Connection.open(settings)
      let error = await #expect(throws: PostgresError.self) { try await connection.execute(statement) }
      #expect(error?.constraint == "log_is_append_only")
      _ = try await ChainAudit.audit(log)
    }
  }

  /// What somebody with the rights of the owner, or a broken disk, could do to the log.
  private static let tamperings: [(sql: String, finding: String)] = [
    (
      #"update log.events set body = '{"a":1.5,"kind":"deduction","text":"Zoë \"quoted\" ✓","z":[]}' where position = 1"#,
      "log.events, position 1 (append create)"
    ),
    ("update log.events set policy_version = 9 where position = 1", "log.events, position 1 (append create)"),
    (
      "update log.events set recorded_at = recorded_at + interval '1 microsecond' where position = 1",
      "log.events, position 1 "
    ),
    (
      "update log.generations set tokens = set_byte(tokens, 0, 255) where position = 1",
      "log.generations, position 1 (append create)"
    ),
    ("update log.generations set prompt = sampling where position = 1", "log.generations, position 1 "),
    (
      "update log.texts set text = 'other' where number = (select prompt from log.generations where position = 1)",
      "log.generations, position 1 "
    ),
    ("delete from log.generations where position = 1", "log.generations, position 1 "),
    ("delete from log.events where position = 2", "log.events, position 2 (append k)"),
    ("update log.appends set epoch = 4 where first_position = 2", "log.appends, position 2 (append k)"),
    ("update log.appends set key = 'other' where first_position = 2", "log.appends, position 2 (append other)"),
    (
      "update log.appends set digest = set_byte(digest, 0, 1 # get_byte(digest, 0)) where first_position = 2",
      "log.appends, position 2 (append k)"
    ),
    ("delete from log.appends where first_position = 2", "log.head, position 2"),
    ("update log.head set hash = sha256('x')", "log.head, position 2"),
  ]

  @Test("one changed byte anywhere is found and named", arguments: tamperings.indices)
  func tampering(_ index: Int) async throws {
    try await withLog { log, settings, id in
      _ = try await log.append(.control("k", id, at: 1))
      _ = try await ChainAudit.audit(log)
      let (sql, finding) = Self.tamperings[index]
      try await Connection.open(settings).execute("set session_replication_role = replica; \(sql)")
      guard case .damaged(let damage) = try await ChainAudit.inspect(log) else {
        Issue.record("found whole after: \(sql)")
        return
      }
      #expect(damage.description.hasPrefix(finding), "\(sql): \(damage)")
      await #expect(throws: EventLogError.corrupt(damage.description)) { try await ChainAudit.audit(log) }
    }
  }

  @Test("a lost notification is made good by polling", .timeLimit(.minutes(1)))
  func notificationLost() async throws {
    try await withLog { log, settings, id in
      let deaf = PostgresEventLog(
        settings, clock: ContinuousClock(), pollInterval: .milliseconds(20), listens: false)
      async let waited: Void = deaf.wait(after: Position(1), timeout: .seconds(3600))
      _ = try await log.append(.control("k", id, at: 1))
      await waited
    }
  }

  @Test("a notification from another process wakes a reader long before it polls", .timeLimit(.minutes(1)))
  func notified() async throws {
    try await withLog { log, settings, id in
      let other = PostgresEventLog(settings, clock: ContinuousClock(), pollInterval: .seconds(3600))
      async let waited: Void = other.wait(after: Position(1), timeout: .seconds(7200))
      _ = try await log.append(.control("k", id, at: 1))
      await waited
    }
  }

  @Test("an outage is tried again with growing pauses, and then called unavailable")
  func outage() async throws {
    let clock = ImpatientClock()
    let settings = ConnectionSettings(url: "postgres://nobody@/none?host=/nonexistent", applicationName: "test")
    let retry = RetryPolicy(attemptsMax: 5, firstDelay: .milliseconds(100), delayMax: .milliseconds(300))
    let log = PostgresEventLog(settings, clock: clock, retry: retry, listens: false)
    let error = await #expect(throws: EventLogError.self) { try await log.head() }
    guard case .unavailable(_, attempts: 5, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(clock.pauses.map { Int(($0 / .milliseconds(1)).rounded()) } == [100, 200, 300, 300])
  }

  @Test("appends go on after the server ended every session, and are written once")
  func sessionsEnded() async throws {
    try await withLog { log, settings, id in
      let administrator = try await Connection.open(settings)
      for round in 0..<10 {
        _ = try await administrator.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
        _ = try await log.append(.control("round \(round)", id, at: Int64(round + 1)))
      }
      let head = try await log.head().position
      #expect(head == Position(11))
      _ = try await ChainAudit.audit(log)
    }
  }

  @Test("a writer whose session ended is not alive, though its epoch stands until it is raised")
  func deadWriter() async throws {
    try await withLog { log, settings, id in
      let epoch = try await log.raiseEpoch(of: id, takeOver: false)
      let other = PostgresEventLog(settings, clock: ContinuousClock())
      await #expect(throws: EventLogError.experimentHeld(experiment: id, epoch: epoch)) {
        try await other.raiseEpoch(of: id, takeOver: false)
      }
      let administrator = try await Connection.open(settings)
      _ = try await administrator.query(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name like '% epoch'"
      )
      var append = Append.control("k", id, at: 1)
      append.epoch = epoch
      _ = try await log.append(append)
      let next = try await other.raiseEpoch(of: id, takeOver: false)
      #expect(next == epoch + 1)
      append = .control("l", id, at: 2)
      append.epoch = epoch
      let stale = append
      await #expect(throws: EventLogError.staleEpoch(experiment: id, held: epoch, current: next)) {
        try await log.append(stale)
      }
    }
  }

  @Test("the writer role appends and reads, and can touch no table")
  func writerRole() async throws {
    try await withLog { _, settings, id in
      var limited = settings
      limited.role = "autodidact_writer"
      let log = PostgresEventLog(limited, clock: ContinuousClock())
      let epoch = try await log.raiseEpoch(of: id, takeOver: false)
      var append = Append.control("k", id, at: 1)
      append.epoch = epoch
      append.acknowledgement = Acknowledgement(consumer: Consumer(name: "learner", experiment: id), from: .start)
      _ = try await log.append(append)
      _ = try await ChainAudit.audit(log)
      let connection = try await Connection.open(limited)
      for statement in [
        "insert into log.head (position, hash) values (1, '')", "update log.experiments set epoch = 0",
        "insert into log_segments.events_1 select * from log.events", "update log.events set type = 'X'",
        "delete from log.generations", "truncate log.appends", "drop table log.texts",
        "alter table log.events disable trigger append_only", "alter table log_segments.events_1 disable trigger all",
        "set session_replication_role = replica", "select log.detach_segment(1)", "select log.add_segment()",
        "select log.set_segment_size(5)", "update log.segments set root = null", "delete from read.snapshots",
        "create table log.mine (x int)",
      ] {
        let error = await #expect(throws: PostgresError.self) { try await connection.execute(statement) }
        #expect(error?.sqlState == "42501")
      }
    }
  }

  @Test("the reader role reads and cannot append")
  func readerRole() async throws {
    try await withLog { _, settings, id in
      var limited = settings
      limited.role = "autodidact_reader"
      let log = PostgresEventLog(limited, clock: ContinuousClock())
      let head = try await log.head().position
      #expect(head == Position(1))
      let error = await #expect(throws: EventLogError.self) { try await log.append(.control("k", id, at: 1)) }
      guard case .storage = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("every table and column of the log says what it is")
  func comments() async throws {
    try await withLog { _, settings, _ in
      let rows = try await Connection.open(settings).query(
        """
        select c.relname::text, a.attname::text
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
        where c.relnamespace = 'log'::regnamespace and c.relkind in ('r', 'p')
          and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        """)
      let bare = try rows.map { "\(try $0.text(0)).\(try $0.text(1))" }
      #expect(bare == [])
    }
  }
}
