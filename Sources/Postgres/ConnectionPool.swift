import Synchronization

/// A few connections shared by many callers: opened when needed, lent to one caller at a time, dropped when broken.
///
/// A caller that finds all of them lent waits in line; the line is limited too. The pool never retries: what an error
/// means is the caller's business.
package final class ConnectionPool: Sendable {
  package let settings: ConnectionSettings
  private let turns: Turns
  private let idle = Mutex<[Connection]>([])

  package init(_ settings: ConnectionSettings, connectionsMax: Int = 4, waitersMax: Int = 256) {
    precondition(connectionsMax > 0, "a pool of \(connectionsMax) connections")
    self.settings = settings
    turns = Turns(count: connectionsMax, lineMax: waitersMax)
  }

  /// Runs `body` on a connection of the pool, on that connection's thread.
  /// - Throws: `.poolExhausted` when the line is full, `.cancelled` while in it, what connecting or `body` throws.
  package func withConnection<Value: Sendable>(
    _ body: @Sendable (isolated Connection) throws(PostgresError) -> Value
  ) async throws(PostgresError) -> Value {
    try await turns.take()
    defer { turns.pass() }
    let connection = try await open()
    do {
      let value = try await body(connection)
      await keep(connection)
      return value
    } catch {
      await keep(connection)
      throw error
    }
  }

  /// Closes the idle connections; lent ones close at the end of the pool.
  package func closeIdle() async {
    let closing = idle.withLock { idle in
      defer { idle = [] }
      return idle
    }
    for connection in closing { await connection.close() }
  }

  private func open() async throws(PostgresError) -> Connection {
    while let connection = idle.withLock({ $0.popLast() }) {
      if await connection.isOpen { return connection }
    }
    return try await Connection.open(settings)
  }

  private func keep(_ connection: Connection) async {
    if await connection.isOpen, await !connection.isInTransaction {
      idle.withLock { $0.append(connection) }
    } else {
      await connection.close()
    }
  }
}
