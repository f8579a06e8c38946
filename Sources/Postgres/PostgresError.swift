/// Why PostgreSQL, or the way to it, failed. Matched by `sqlState` and `constraint`, never by message.
///
/// `description` shows no values: a server's detail can quote them. `debugDescription` shows everything.
package struct PostgresError: Error, Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// No connection could be made.
    case connecting
    /// The connection broke: whatever was being done may or may not have happened.
    case connectionLost
    /// The reply did not come in time; the connection is closed, the outcome unknown.
    case replyTimedOut
    /// The server refused the statement.
    case server
    /// A value is not of the type it was read as.
    case decoding
    /// The pool is exhausted.
    case poolExhausted
    case cancelled
  }

  package let kind: Kind
  /// The server's five-character code, or nil if the server said nothing.
  package let sqlState: String?
  package let constraint: String?
  package let message: String
  package let detail: String?
  /// The statement, without its values.
  package var statement: String?

  package init(
    _ kind: Kind, message: String, sqlState: String? = nil, constraint: String? = nil, detail: String? = nil,
    statement: String? = nil
  ) {
    self.kind = kind
    self.message = message
    self.sqlState = sqlState
    self.constraint = constraint
    self.detail = detail
    self.statement = statement
  }

  /// True if the same call can succeed later without anybody changing anything: an outage, a shutdown, a full disk,
  /// a deadlock. The outcome of the failed call is unknown unless the server refused it.
  package var isTransient: Bool {
    switch kind {
    case .connecting: sqlState.map(Self.isTransient(sqlState:)) ?? true
    case .connectionLost, .replyTimedOut, .poolExhausted: true
    case .server: sqlState.map(Self.isTransient(sqlState:)) ?? false
    case .decoding, .cancelled: false
    }
  }

  /// Connection exceptions, serialization failure and deadlock, insufficient resources, operator intervention, lock
  /// not available, input-output errors.
  private static func isTransient(sqlState: String) -> Bool {
    let states: Set<String> = ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57014", "58030"]
    return sqlState.hasPrefix("08") || sqlState.hasPrefix("53") || states.contains(sqlState)
  }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
  package var description: String {
    let parts = [sqlState.map { "SQLSTATE \($0)" }, constraint.map { "constraint \($0)" }].compactMap(\.self)
    return message + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))")
  }

  package var debugDescription: String {
    let context = [detail.map { "detail: \($0)" }, statement.map { "statement: \($0)" }].compactMap(\.self)
    return (["\(kind): \(description)"] + context).joined(separator: "; ")
  }
}
