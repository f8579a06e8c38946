import Postgres

/// The role that a session works as: no more than what it needs, whatever the login could do.
package enum DatabaseRole: String, Sendable, CaseIterable {
  /// Selects from the log and its views.
  case reader = "autodidact_reader"
  /// That, and calls the functions that append.
  case writer = "autodidact_writer"

  /// The role's name if the login may take it; nil where the roles do not exist or the login is no member: then the
  /// session works as the login itself, and `doctor` warns.
  func available(on connection: Connection) async throws(PostgresError) -> String? {
    let rows = try await connection.query(
      "select 1 from pg_roles where rolname = $1 and pg_has_role(current_user, oid, 'member') "
        + "and has_schema_privilege(oid, 'log', 'usage')", [.text(rawValue)])
    return rows.isEmpty ? nil : rawValue
  }
}
