import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

@Suite("The migration to segments", .needsPostgres)
struct SegmentMigrationTests {
  /// Runs `body` in a database that has the first two migrations and, in its old tables, two events with one generation.
  private func withOldLog(_ body: (ConnectionSettings, URL) async throws -> Void) async throws {
    try await TestServer.withEmptyDatabase { settings in
      let folder = FileManager.default.temporaryDirectory.appending(path: "migrations-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      for name in ["0001_log.sql", "0002_read.sql"] {
        try FileManager.default.copyItem(
          at: TestServer.migrations.appending(path: name), to: folder.appending(path: name))
      }
      let connection = try await Connection.open(settings)
      _ = try await Migrator(folder: folder).migrate(connection)
      try await append(Self.events, connection)
      await connection.close()
      try await body(settings, folder)
    }
  }

  private static let id = ExperimentID(UUID(uuid: (1, 2, 3, 4, 5, 6, 0x40, 8, 0x80, 10, 11, 12, 13, 14, 15, 16)))
  private static let generation = GenerationRecord(
    tokens: [1, -1, .max], logProbabilities: [-0.5, -.infinity, 0], prompt: "Zoë?", completion: "yes",
    sampling: Data(#"{"temperature": 0.70}"#.utf8), randomKey: Data([1, 2]), finish: "stop")
  private static let events = [
    NewEvent(type: "Created", body: Data(#"{"settings":{}, "a":1.50}"#.utf8)),
    NewEvent(
      type: "AttemptMade", iteration: 3, policyVersion: 2, cause: .sibling(0), body: Data("{}".utf8),
      generation: generation),
  ]

  /// As the program of that time did.
  private func append(_ events: [NewEvent], _ connection: Connection) async throws {
    let digest = AppendDigest.of(events, experiment: Self.id, firstVersion: 1)
    let generation = Self.generation
    _ = try await connection.query(
      """
      select log.append('create', $1, 'old', 0, null, 'finished', $2, array['Created', 'AttemptMade'], array[1, 1],
        array[null, 3], array[null, 2], array[null, -1]::bigint[], $3, array[2], $4, $5, $6, $7, $8, $9, array['stop'],
        null, null, null, null, null, null)
      """,
      [
        .uuid(Self.id.rawValue), .bytes(digest), .textArray(utf8: events.map(\.body)),
        .bytesArray([generation.tokens.littleEndianBytes]),
        .bytesArray([generation.logProbabilities.littleEndianBytes]), .textArray([generation.prompt]),
        .textArray([generation.completion]), .textArray(utf8: [generation.sampling]),
        .bytesArray([Array(generation.randomKey)]),
      ])
  }

  private func migrate(_ settings: ConnectionSettings) async throws {
    let connection = try await Connection.open(settings)
    _ = try await Migrator(folder: TestServer.migrations).migrate(connection)
    await connection.close()
  }

  @Test("what was recorded before reads as before, verifies, and goes on")
  func kept() async throws {
    try await withOldLog { settings, _ in
      try await migrate(settings)
      let log = PostgresEventLog(settings, clock: ContinuousClock(), listens: false)
      let events = try await log.read(experiment: Self.id, after: .start, types: nil, limit: 10)
      #expect(events.map(\.body) == Self.events.map(\.body) && events.map(\.cause) == [nil, Position(1)])
      let generations = try await log.generations(at: [Position(2)])
      #expect(generations == [Position(2): Self.generation])
      _ = try await log.append(
        Append(key: "next", experiment: Self.id, expectedVersion: 2, epoch: nil, events: [Self.events[0]]))
      let report = try await ChainAudit.audit(log)
      #expect(report.events == 3)
    }
  }

  @Test("a changed row from before is found, though it has no checksum of its own")
  func oldDamage() async throws {
    try await withOldLog { settings, _ in
      try await migrate(settings)
      try await Connection.open(settings).execute(
        "set session_replication_role = replica; update log.generations set completion = 'no'")
      let log = PostgresEventLog(settings, clock: ContinuousClock(), listens: false)
      guard case .damaged(let damage) = try await ChainAudit.inspect(log) else {
        Issue.record("found whole")
        return
      }
      #expect(damage.position == Position(1) && damage.key == "append create")
    }
  }

  @Test("the views, their comments and what was granted on them are as before")
  func views() async throws {
    try await withOldLog { settings, folder in
      let connection = try await Connection.open(settings)
      let sql = """
        select n.nspname || '.' || c.relname || ' ' || coalesce(obj_description(c.oid, 'pg_class'), '') || ' ' || coalesce(
                 (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' ||
                    coalesce(col_description(c.oid, a.attnum), ''), ',' order by a.attnum)
                  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0), '') || ' ' || coalesce(
                 (select string_agg(g.grantee::regrole || '=' || g.privilege_type, ',' order by g.grantee, g.privilege_type)
                  from aclexplode(c.relacl) g where g.grantee <> 0), '')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('read', 'analytics') and c.relkind = 'v'
          and c.relname not in ('generations', 'consumers') order by 1
        """
      let before = try await connection.query(sql).map { try $0.text(0) }
      // Only 0003: later ones may change the views.
      let third = "0003_segments.sql"
      try FileManager.default.copyItem(
        at: TestServer.migrations.appending(path: third), to: folder.appending(path: third))
      _ = try await Migrator(folder: folder).migrate(connection)
      let after = try await connection.query(sql).map { try $0.text(0) }
      #expect(before == after && before.count > 10)
      let rows = try await connection.query("select prompt, sampling::text, tokens from read.generations")
      let texts = try [rows[0].text(0), rows[0].text(1)]
      #expect(texts == ["Zoë?", #"{"temperature": 0.70}"#])
    }
  }

  @Test("somebody's own view on the old tables stops the migration, and nothing is changed")
  func ownView() async throws {
    try await withOldLog { settings, folder in
      let connection = try await Connection.open(settings)
      try await connection.execute("create view public.mine as select type from log.events")
      await #expect(throws: MigrationError.self) { try await migrate(settings) }
      let count = try await connection.query("select count(*) from public.mine")[0].int64(0)
      let pending = try await Migrator(folder: TestServer.migrations).pending(connection)
      #expect(count == 2 && pending.first == "0003_segments.sql")
      withExtendedLifetime(folder) {}
    }
  }
}
