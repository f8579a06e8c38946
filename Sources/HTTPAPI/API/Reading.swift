import Logging
import Postgres
import Settings

/// What the endpoints read by: sessions that can only select, each statement with a time limit (the pool's).
struct Reading: Sendable {
  let pool: ConnectionPool
  let logger: Logger

  /// One row as JSON text and, of a page, where it is.
  struct Line: Sendable {
    var json: String
    var cursor: String?
  }

  /// The rows of a query as JSON, made by the server.
  /// - Parameter cursor: an SQL expression over the query's columns.
  func lines(_ sql: String, _ values: [Parameter], cursor: String? = nil) async throws(WebError) -> [Line] {
    // Rows of timestamps, numbers and text: PostgreSQL writes them as JSON numbers and ISO 8601.
    let outer = "select row_to_json(q)::text, (\(cursor ?? "null"))::text from (\(sql)) as q"
    return try await run { (connection: isolated Connection) throws(PostgresError) in
      var lines: [Line] = []
      for row in try connection.query(outer, values) {
        lines.append(Line(json: try row.text(0), cursor: try row.optionalText(1)))
      }
      return lines
    }
  }

  /// Runs a body on a session.
  /// - Throws: `timeout`, `unavailable`, `internalError`; what happened is in the log, and only there.
  func run<Value: Sendable>(
    _ body: @Sendable (isolated Connection) throws(PostgresError) -> Value
  ) async throws(WebError) -> Value {
    do throws(PostgresError) { return try await pool.withConnection(body) } catch { throw failure(error) }
  }

  private func failure(_ error: PostgresError) -> WebError {
    if error.sqlState == "57014" {
      logger.notice("a query was given up", metadata: ["error": "\(error)"])
      return WebError(.timeout, "the query took too long; ask for less, or use autodidact sql")
    }
    if error.isTransient || error.kind == .cancelled {
      logger.warning("the database does not answer", metadata: ["error": "\(error)"])
      return WebError(.unavailable, "the database does not answer", retryAfter: 2)
    }
    logger.error("a query failed", metadata: ["error": "\(String(reflecting: error))"])
    return WebError(.internalError, "something is wrong with this server; its log says what")
  }

  /// - Throws: `unknownExperiment` with the nearest name there is.
  func requireExperiment(_ name: String) async throws(WebError) {
    let isKnown = try await run { (connection: isolated Connection) throws(PostgresError) in
      // Evaluations are streams of the log too, under names that nobody gave.
      !(try connection.query(
        "select 1 from log.experiments where name = $1 and name not like 'evaluation/%'", [.text(name)])).isEmpty
    }
    guard !isKnown else { return }
    let names = try await run { (connection: isolated Connection) throws(PostgresError) in
      var names: [String] = []
      for row in try connection.query(
        "select name from log.experiments where name not like 'evaluation/%' order by number desc limit 1000")
      {
        names.append(try row.text(0))
      }
      return names
    }
    throw WebError(
      .unknownExperiment, "no experiment is named '\(name.prefix(200))'",
      suggestion: Suggestion.nearest(to: name, in: names))
  }
}
