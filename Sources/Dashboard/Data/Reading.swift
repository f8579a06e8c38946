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
      return try Self.decoder().decode([Row].self, from: Data(ColumnNames.inCamelCase(Array(text.utf8))))
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
    decoder.dataDecodingStrategy = .base64
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return decoder
  }
}

/// The names of columns as Swift writes them. `JSONDecoder` can do it too, but does it for every key of every row anew, which
/// was most of the time of a page.
enum ColumnNames {
  /// JSON with its keys in camel case, everything else as it is.
  /// - Parameter json: as PostgreSQL writes it: valid, and no escapes in keys with an underscore.
  static func inCamelCase(_ json: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(json.count)
    var at = 0
    while at < json.count {
      let byte = json[at]
      guard byte == UInt8(ascii: "\"") else {
        result.append(byte)
        at += 1
        continue
      }
      let start = at
      at += 1
      while json[at] != UInt8(ascii: "\"") { at += json[at] == UInt8(ascii: "\\") ? 2 : 1 }
      at += 1
      // A text that a colon follows is a key: within texts nothing is looked at.
      if at < json.count, json[at] == UInt8(ascii: ":") {
        appendKey(json[start..<at], to: &result)
      } else {
        result.append(contentsOf: json[start..<at])
      }
    }
    return result
  }

  private static func appendKey(_ key: ArraySlice<UInt8>, to result: inout [UInt8]) {
    var raises = false
    for byte in key {
      if byte == UInt8(ascii: "_") {
        raises = true
      } else {
        result.append(raises && (97...122).contains(byte) ? byte - 32 : byte)
        raises = false
      }
    }
  }
}
