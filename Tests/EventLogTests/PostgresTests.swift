import Foundation
import Postgres
import Synchronization
import Testing

@Suite("libpq, wrapped", .needsPostgres)
struct PostgresTests {
  private func open() async throws -> Connection { try await Connection.open(TestServer.settings(database: nil)) }

  @Test("values of every type come back as they were bound")
  func roundTrip() async throws {
    let id = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255))
    let text = "Zoë ✓ 'quoted' \\ $1 ; drop"
    let rows = try await open().query(
      "select $1::text, $2::int8, $3::int4, $4::bytea, $5::uuid, $6::bool, $7::text, $8::text[] = array['a', ''], $9::int8[]::text",
      [
        .text(text), .int64(.min), .int32(.max), .bytes([0, 255, 0]), .uuid(id), .bool(true), .text(nil),
        .textArray(["a", ""]), .int64Array([1, nil, -1]),
      ])
    let row = try #require(rows.first)
    #expect(try row.text(0) == text)
    #expect(try row.int64(1) == .min)
    #expect(try row.int32(2) == .max)
    #expect(try row.data(3) == Data([0, 255, 0]))
    #expect(try row.uuid(4) == id)
    #expect(try row.bool(5))
    #expect(row.isNull(6))
    #expect(try row.bool(7))
    #expect(try row.text(8) == "{1,NULL,-1}")
  }

  @Test("a time is microseconds since 1970, before and after")
  func times() async throws {
    let rows = try await open().query(
      "select '1970-01-01T00:00:00.000001Z'::timestamptz, '1969-12-31T23:59:59Z'::timestamptz")
    #expect(try rows[0].microseconds(0) == 1)
    #expect(try rows[0].microseconds(1) == -1_000_000)
  }

  @Test("reading a value as another type names the column")
  func mismatch() async throws {
    let row = try #require(try await open().query("select 1::int4 as one, null::int8 as nothing").first)
    #expect(throws: PostgresError.self) { try row.int64(0) }
    let error = #expect(throws: PostgresError.self) { try row.int64(1) }
    #expect(error?.description.contains("nothing") == true)
  }

  @Test("an empty array and empty bytes are bound as such, not as null")
  func empty() async throws {
    let rows = try await open().query(
      "select cardinality($1::text[]), octet_length($2), cardinality($3::bytea[])",
      [.textArray([]), .bytes([]), .bytesArray([])])
    #expect(try (0..<3).map { try rows[0].int32($0) } == [0, 0, 0])
  }

  @Test("a value larger than the socket's buffer passes both ways")
  func large() async throws {
    let bytes = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let rows = try await open().query("select $1::bytea", [.bytes(bytes)])
    #expect(try Array(rows[0].bytes(0)) == bytes)
  }

  @Test("a server error carries state and constraint, and its description no values")
  func serverError() async throws {
    let connection = try await open()
    try await connection.execute("create temporary table t (x text constraint x_short check (length(x) < 3))")
    let error = await #expect(throws: PostgresError.self) {
      try await connection.query("insert into pg_temp.t values ($1)", [.text("secret")])
    }
    #expect(error?.sqlState == "23514" && error?.constraint == "x_short" && error?.isTransient == false)
    #expect(error?.description.contains("secret") == false)
    #expect(error?.debugDescription.contains("secret") == true)
    let usable = try await connection.query("select 1").count
    #expect(usable == 1)
  }

  @Test("an error inside a transaction rolls it back and the connection stays usable")
  func rollback() async throws {
    let connection = try await open()
    try await connection.execute("create temporary table t (x int)")
    await #expect(throws: PostgresError.self) {
      try await connection.transaction { connection throws(PostgresError) in
        _ = try connection.query("insert into pg_temp.t values (1)")
        _ = try connection.query("select 1 / 0")
      }
    }
    let inserted = try await connection.query("select 1 from pg_temp.t").count
    #expect(inserted == 0)
  }

  @Test("a failure that the body swallowed is not committed")
  func swallowedFailure() async throws {
    let connection = try await open()
    let error = await #expect(throws: PostgresError.self) {
      try await connection.transaction { connection throws(PostgresError) in
        do { _ = try connection.query("select 1 / 0") } catch {}
      }
    }
    #expect(error?.sqlState == "25P02")
    #expect(await connection.isInTransaction == false)
  }

  @Test("the server ends a statement that takes too long")
  func statementTimeout() async throws {
    var settings = TestServer.settings(database: nil)
    settings.statementTimeout = .milliseconds(50)
    let connection = try await Connection.open(settings)
    let error = await #expect(throws: PostgresError.self) { try await connection.query("select pg_sleep(30)") }
    #expect(error?.sqlState == "57014")
    #expect(await connection.isOpen)
  }

  @Test("the client gives up a server that does not answer")
  func replyTimeout() async throws {
    var settings = TestServer.settings(database: nil)
    settings.statementTimeout = .zero
    let administrator = try await open()
    let connection = try await Connection.open(settings)
    // The session itself is in order; only this reply is late.
    let error = await #expect(throws: PostgresError.self) {
      try await connection.execute("select pg_sleep(31)", timeout: .milliseconds(50))
    }
    #expect(error?.kind == .replyTimedOut && error?.isTransient == true)
    #expect(await connection.isOpen == false)
    _ = try await administrator.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(31)%' and pid <> pg_backend_pid()"
    )
  }

  @Test("a session that the server ended is reported as lost, and then closed")
  func terminated() async throws {
    let connection = try await open()
    _ = try await open().query("select pg_terminate_backend($1)", [.int32(await connection.backendPID)])
    let error = await #expect(throws: PostgresError.self) { try await connection.query("select 1") }
    #expect(error?.isTransient == true)
    let after = await #expect(throws: PostgresError.self) { try await connection.query("select 1") }
    #expect(after?.kind == .connectionLost)
  }

  @Test("a server that is not there is a connecting error")
  func nobodyThere() async throws {
    let settings = ConnectionSettings(url: "postgres://nobody@/none?host=/nonexistent", applicationName: "test")
    let error = await #expect(throws: PostgresError.self) { try await Connection.open(settings) }
    #expect(error?.kind == .connecting && error?.isTransient == true)
  }

  @Test("a pool of two opens no third connection, and drops a broken one")
  func pool() async throws {
    let pool = ConnectionPool(TestServer.settings(database: nil), connectionsMax: 2)
    let pids = try await withThrowingTaskGroup(of: Int32.self) { group in
      for _ in 0..<12 { group.addTask { try await pool.withConnection { $0.backendPID } } }
      return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
    }
    #expect(pids.count <= 2)
    for pid in pids { _ = try await open().query("select pg_terminate_backend($1)", [.int32(pid)]) }
    for _ in pids {
      await #expect(throws: PostgresError.self) {
        try await pool.withConnection { connection throws(PostgresError) in _ = try connection.query("select 1") }
      }
    }
    let count = try await pool.withConnection { connection throws(PostgresError) in
      try connection.query("select 1").count
    }
    #expect(count == 1)
  }

  @Test("the line for a pool is limited")
  func lineFull() async throws {
    let pool = ConnectionPool(TestServer.settings(database: nil), connectionsMax: 1, waitersMax: 0)
    let error = await #expect(throws: PostgresError.self) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask {
            try await pool.withConnection { connection throws(PostgresError) in
              _ = try connection.query("select pg_sleep(0.2)")
            }
          }
        }
        try await group.waitForAll()
      }
    }
    #expect(error?.kind == .poolExhausted)
  }

  @Test("a listener hears payloads, and says so when it had to connect again", .timeLimit(.minutes(1)))
  func listener() async throws {
    try await TestServer.withEmptyDatabase { settings in
      let (signals, continuation) = AsyncStream.makeStream(of: String?.self)
      var listening = settings
      listening.applicationName = "listener under test"
      let listener = Listener(listening, channel: "test", retryDelay: .milliseconds(10)) { continuation.yield($0) }
      var iterator = signals.makeAsyncIterator()
      #expect(await iterator.next() == .some(nil))  // connected
      let connection = try await Connection.open(settings)
      _ = try await connection.query("select pg_notify('test', 'hello')")
      #expect(await iterator.next() == "hello")
      _ = try await connection.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener under test' and datname = current_database()"
      )
      #expect(await iterator.next() == .some(nil))  // connected again
      _ = try await connection.query("select pg_notify('test', 'again')")
      #expect(await iterator.next() == "again")
      withExtendedLifetime(listener) {}
    }
  }
}
