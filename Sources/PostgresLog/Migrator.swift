import Foundation
import Postgres

/// Brings a database's tables up to the files of `migrations/`: numbered, forward-only, each in its own transaction.
///
/// Several processes may migrate at once; one does, the others wait and find it done. A database that does not match
/// the files is refused with the reason, and nothing is changed.
package struct Migrator: Sendable {
  private let files: [MigrationFile]

  /// Reads the folder.
  /// - Throws: `.folder` for one that cannot be read or that has gaps, doubles or misnamed files.
  package init(folder: URL) throws(MigrationError) { files = try MigrationFile.all(in: folder) }

  /// Applies what the database lacks. The session must be the owner's.
  /// - Returns: the names of the files applied now, in order.
  /// - Throws: `.changed`, `.newerDatabase`, `.gap`, or `.database` for what the server refused.
  package func migrate(_ connection: Connection) async throws(MigrationError) -> [String] {
    try await database("preparing") { () async throws(PostgresError) in try await connection.beginMigrations() }
    let pending = try self.pending(try await applied(connection))
    for file in pending {
      try await database(file.name) { () async throws(PostgresError) in try await connection.apply(file) }
    }
    try await database("granting") { () async throws(PostgresError) in try await connection.grantRoles() }
    try await database("finishing") { () async throws(PostgresError) in try await connection.endMigrations() }
    return pending.map(\.name)
  }

  /// The names of the files the database lacks; nothing is changed. `doctor` asks, and the daemon before it starts.
  /// - Throws: as `migrate`.
  package func pending(_ connection: Connection) async throws(MigrationError) -> [String] {
    try pending(try await applied(connection)).map(\.name)
  }

  private func applied(_ connection: Connection) async throws(MigrationError) -> [AppliedMigration] {
    try await database("reading log.migrations") { () async throws(PostgresError) in
      try await connection.appliedMigrations()
    }
  }

  private func pending(_ applied: [AppliedMigration]) throws(MigrationError) -> [MigrationFile] {
    for (index, row) in applied.enumerated() {
      guard row.number == index + 1 else { throw .gap(expected: index + 1, found: row.number) }
      guard index < files.count else { throw .newerDatabase(database: applied.count, files: files.count) }
      guard files[index].checksum == row.checksum else { throw .changed(file: files[index].name) }
    }
    return Array(files.dropFirst(applied.count))
  }

  private func database<Value: Sendable>(
    _ step: String, _ body: () async throws(PostgresError) -> Value
  ) async throws(MigrationError) -> Value {
    do throws(PostgresError) { return try await body() } catch { throw .database(step: step, cause: error) }
  }
}

/// Why a database was not migrated.
package enum MigrationError: Error, Hashable, Sendable {
  case folder(String)
  /// A file was edited after it had been applied. Migrations are immutable: add a new one instead.
  case changed(file: String)
  case gap(expected: Int, found: Int)
  case newerDatabase(database: Int, files: Int)
  case database(step: String, cause: PostgresError)
}

extension MigrationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .folder(let reason): "migrations: \(reason)"
    case .changed(let file):
      "migration \(file) was changed after this database had applied it; restore the file and add a new migration"
    case .gap(let expected, let found): "log.migrations lists number \(found) where \(expected) is due"
    case .newerDatabase(let database, let files):
      "the database has \(database) migrations, this program knows \(files): use the newer program"
    case .database(let step, let cause): "migration \(step): \(cause)"
    }
  }
}

struct AppliedMigration: Sendable {
  let number: Int
  let checksum: String
}

extension Connection {
  /// Any number that nothing else locks; whoever has it migrates.
  private static let lock: Int64 = 0x6175_746f_6469_6461

  fileprivate func beginMigrations() throws(PostgresError) {
    _ = try query("select pg_advisory_lock($1)", [.int64(Self.lock)])
    try execute(
      """
      create schema if not exists log;
      create table if not exists log.migrations (
        applied_at timestamptz not null default clock_timestamp(),
        number     integer     primary key,
        name       text        not null,
        sha256     text        not null
      );
      comment on table log.migrations is 'The files of migrations/ that this database has applied.';
      comment on column log.migrations.applied_at is 'When.';
      comment on column log.migrations.number is '1, 2, 3 … without a gap.';
      comment on column log.migrations.name is 'File name.';
      comment on column log.migrations.sha256 is 'Of the file, in hexadecimal: an applied file never changes.';
      """)
  }

  /// Roles can be made after the migrations: what they need is granted each time. Without a function there is nothing yet.
  fileprivate func grantRoles() throws(PostgresError) {
    for function in ["log.grant_roles()", "projection.grant_roles()"] {
      let exists = try query("select to_regprocedure($1) is not null", [.text(function)])
      guard try exists.decoded({ row throws(PostgresError) in try row.bool(0) }).first == true else { continue }
      _ = try query("select \(function)")
    }
  }

  fileprivate func endMigrations() throws(PostgresError) {
    _ = try query("select pg_advisory_unlock($1)", [.int64(Self.lock)])
  }

  fileprivate func appliedMigrations() throws(PostgresError) -> [AppliedMigration] {
    let exists = try query("select to_regclass('log.migrations') is not null")
    guard try exists.decoded({ row throws(PostgresError) in try row.bool(0) }).first == true else { return [] }
    return try query("select number, sha256 from log.migrations order by number").decoded { row throws(PostgresError) in
      AppliedMigration(number: Int(try row.int32(0)), checksum: try row.text(1))
    }
  }

  /// A long index build may take hours: the server's statement time-out does not apply here.
  fileprivate func apply(_ file: MigrationFile) throws(PostgresError) {
    try transaction { connection throws(PostgresError) in
      try connection.execute("set local statement_timeout = 0; set local lock_timeout = 0")
      try connection.execute(file.text, timeout: .seconds(24 * 3600))
      _ = try connection.query(
        "insert into log.migrations (number, name, sha256) values ($1, $2, $3)",
        [.int32(Int32(file.number)), .text(file.name), .text(file.checksum)])
    }
  }
}
