import Threads

/// One session with a PostgreSQL server, confined to its own thread: blocking libpq calls are legal here and in
/// `Listener`, and nowhere else.
///
/// No method awaits inside, so a transaction is never interleaved with other work on the same session. After
/// `.connectionLost` or `.replyTimedOut` the session is gone; reconnecting is the caller's business.
package actor Connection {
  private let settings: ConnectionSettings
  private let executor: ThreadExecutor
  private var handle: ConnectionHandle?

  /// Keeps actor code on the connection's thread.
  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private init(_ settings: ConnectionSettings) {
    self.settings = settings
    executor = ThreadExecutor(name: "postgres")
  }

  /// Connects and begins the session.
  /// - Throws: `.connecting`, or the server's refusal of a session setting.
  package static func open(_ settings: ConnectionSettings) async throws(PostgresError) -> Connection {
    let connection = Connection(settings)
    try await connection.connect()
    return connection
  }

  private func connect() throws(PostgresError) { handle = try ConnectionHandle(settings) }

  package var isOpen: Bool { handle?.isOpen ?? false }
  package var isInTransaction: Bool { handle?.isInTransaction ?? false }

  /// The server process behind the session, for `pg_terminate_backend`.
  package var backendPID: Int32 { handle?.backendPID ?? 0 }

  package func close() { handle = nil }

  /// Runs one statement, its values bound to `$1…`, and returns its rows.
  package func query(_ sql: String, _ parameters: [Parameter] = []) throws(PostgresError) -> Rows {
    try checked { (handle: borrowing ConnectionHandle) throws(PostgresError) in
      try handle.query(sql, parameters, timeout: settings.replyTimeout)
    }
  }

  /// Runs a script of statements without values: migrations, `begin`, `create database`.
  package func execute(_ script: String, timeout: Duration? = nil) throws(PostgresError) {
    try checked { (handle: borrowing ConnectionHandle) throws(PostgresError) in
      try handle.execute(script, timeout: timeout ?? settings.replyTimeout)
    }
  }

  /// Sends rows into a table: `copy … from stdin`. The bytes are the whole of what the statement's format wants.
  /// - Returns: the number of rows.
  package func copy(_ sql: String, _ bytes: [UInt8]) throws(PostgresError) -> Int {
    try checked { (handle: borrowing ConnectionHandle) throws(PostgresError) in
      try handle.copy(sql, bytes, timeout: settings.replyTimeout)
    }
  }

  /// Runs `body` between BEGIN and COMMIT; an error rolls back. A COMMIT whose reply is lost throws `.connectionLost`
  /// or `.replyTimedOut`: unknown, not undone.
  package func transaction<Result: Sendable>(
    _ body: @Sendable (isolated Connection) throws(PostgresError) -> Result
  ) throws(PostgresError) -> Result {
    try execute("begin")
    let result: Result
    do throws(PostgresError) {
      result = try body(self)
    } catch {
      // The first error is the one to report; if the rollback fails too, the session is closed with its transaction.
      do { try execute("rollback") } catch { close() }
      throw error
    }
    guard !(handle?.hasFailedTransaction ?? true) else {
      try execute("rollback")
      throw PostgresError(.server, message: "a failed transaction was to be committed", sqlState: "25P02")
    }
    try execute("commit")
    return result
  }

  /// A session that broke in the middle of something is not used again.
  private func checked<Result>(
    _ body: (borrowing ConnectionHandle) throws(PostgresError) -> Result
  ) throws(PostgresError) -> Result {
    do throws(PostgresError) {
      switch handle {
      case .some(let handle): return try body(handle)
      case .none: throw PostgresError(.connectionLost, message: "the connection is closed")
      }
    } catch {
      if error.kind == .connectionLost || error.kind == .replyTimedOut { close() }
      throw error
    }
  }
}
