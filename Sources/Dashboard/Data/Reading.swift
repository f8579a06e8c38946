import FoundationEssentials
import Postgres

/// One question: SQL with its values bound.
struct Question: Sendable {
  let sql: String
  let values: [Parameter]

  init(_ sql: String, _ values: Parameter...) {
    self.sql = sql
    self.values = values
  }
}

/// Asks the database: each question is one statement of a session that only reads, with a limit of time and, in its SQL, of rows.
struct Reading: Sendable {
  let pool: ConnectionPool

  /// The rows, read by the names of their columns in camel case.
  ///
  /// JSON on the way, because that reads every type of column, arrays and null into Swift's types at once; answers are at most a
  /// few thousand rows.
  func rows<Row: Decodable & Sendable>(_ question: Question, as row: Row.Type = Row.self) async throws(PostgresError)
    -> [Row]
  {
    let text = try await pool.withConnection { (connection: isolated Connection) throws(PostgresError) in
      try connection.query(
        "select coalesce(json_agg(row_to_json(q)), '[]')::text from (\n\(question.sql)\n) as q", question.values)[0]
        .text(0)
    }
    do {
      return try Self.decoder().decode([Row].self, from: Data(text.utf8))
    } catch {
      throw PostgresError(.decoding, message: "rows of \(Row.self): \(error)", statement: question.sql)
    }
  }

  /// The first row, if there is one.
  func first<Row: Decodable & Sendable>(_ question: Question, as row: Row.Type = Row.self) async throws(PostgresError)
    -> Row?
  {
    try await rows(question, as: row).first
  }

  private static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dataDecodingStrategy = .base64
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return decoder
  }
}
