import Foundation

/// Which PostgreSQL holds the log.
package enum DatabaseAddress {
  /// The option, else `$AUTODIDACT_DATABASE_URL`, else the private cluster, whose address `ops/postgres start` leaves in
  /// the state folder.
  /// - Throws: `NotFound`.
  package static func find(option: String?, environment: [String: String], home: Home) throws -> String {
    if let option {
      guard !option.isEmpty else { throw NotFound(reason: "--database is empty; allowed is a postgres:// URL") }
      return option
    }
    if let given = environment["AUTODIDACT_DATABASE_URL"], !given.isEmpty { return given }
    let file = home.state.appendingPathComponent("database-url")
    guard let text = try? String(contentsOf: file, encoding: .utf8),
      let line = text.split(whereSeparator: \.isNewline).first
    else {
      throw NotFound(
        reason: "no database: start the private one with ops/postgres start, give --database postgres://…, "
          + "or set AUTODIDACT_DATABASE_URL (looked for \(file.path))")
    }
    return String(line)
  }

  /// No address is known.
  package struct NotFound: Error, CustomStringConvertible {
    package var reason: String
    package var description: String { reason }
  }
}
