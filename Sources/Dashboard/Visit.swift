import Postgres

/// What a page is made with: the request, and whom to ask.
struct Visit: Sendable {
  let request: PageRequest
  let reading: Reading
  let tokenPieces: Dashboard.TokenPieces

  /// Asks the database; what it says when it fails becomes a page.
  func asking<Value>(_ body: () async throws(PostgresError) -> Value) async throws(PageError) -> Value {
    do throws(PostgresError) {
      return try await body()
    } catch {
      throw .database(error)
    }
  }

  func rows<Row: Decodable & Sendable>(_ question: Question, as row: Row.Type = Row.self) async throws(PageError)
    -> [Row]
  {
    try await asking { () throws(PostgresError) in try await reading.rows(question) }
  }

  func first<Row: Decodable & Sendable>(_ question: Question, as row: Row.Type = Row.self) async throws(PageError)
    -> Row?
  {
    try await asking { () throws(PostgresError) in try await reading.first(question) }
  }

  /// A whole number of the query within limits; nil if it is absent or anything else.
  func number(_ name: String, in limits: ClosedRange<Int>) -> Int? {
    request.value(name).flatMap { Int($0) }.map { min(max($0, limits.lowerBound), limits.upperBound) }
  }

  /// A field of the query that was filled in.
  func choice(_ name: String) -> String? { request.value(name).flatMap { $0.isEmpty ? nil : $0 } }
}

/// Why there is no such page.
enum PageError: Error {
  /// Nothing has this address.
  case missing(String)
  /// The database did not answer, or refused.
  case database(PostgresError)

  var status: Int {
    switch self {
    case .missing: 404
    case .database: 503
    }
  }

  var page: Page {
    switch self {
    case .missing(let words):
      Page(
        title: "Not found",
        body: "<h1>Not found</h1><p>\(words)</p><p><a href=\"/\">All experiments</a></p>")
    case .database(let error): Page(title: "No answer", body: "<h1>No answer</h1>\(Self.words(error))")
    }
  }

  /// What a reader can do about an error of the database. Values are not shown: `description` has none.
  static func words(_ error: PostgresError) -> HTML {
    switch error.sqlState {
    case "57014": return "<p class=\"failure\">The question took longer than is allowed. Ask for fewer iterations.</p>"
    case "42P01", "42703", "3F000":
      return
        "<p class=\"failure\">The database is of an older version than this program: <code>autodidact migrate</code>.</p>"
    default: return "<p class=\"failure\">The database says: \("\(error)")</p>"
    }
  }
}

extension Result where Success: Sendable, Failure == PageError {
  /// What came of a question, as a value: `async let` forgets the type of what is thrown.
  static func of(_ body: @Sendable () async throws(PageError) -> Success) async -> Self {
    do throws(PageError) { return .success(try await body()) } catch { return .failure(error) }
  }
}

/// A page between the shell's head and foot.
struct Page: Sendable {
  let title: String
  let body: HTML
  /// The experiment whose changes the script waits for; empty for all; nil for a page that does not change.
  var live: String?
}
