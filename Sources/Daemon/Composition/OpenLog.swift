import Engine
import EventLog
import Foundation
import Postgres
import PostgresLog

/// The log on PostgreSQL, open for the length of a command or of the daemon.
package struct OpenLog: Sendable {
  package let log: any EventLog
  package let home: Home
  package let url: String
  /// The role that its sessions took; nil: they work as the login itself.
  package let role: String?
  package let surroundings: Surroundings

  /// How a process talks to the database.
  package struct Manner: Sendable {
    /// A connection that says nothing for so long is given up. The server gives a statement up after two thirds of it.
    package var replyTimeout: Duration
    /// Tries of one call before the log counts as unreachable.
    package var attemptsMax: Int

    /// A command that fails soon enough to be typed again.
    package static let command = Manner(replyTimeout: .seconds(90), attemptsMax: RetryPolicy().attemptsMax)

    /// A process that waits out outages (`PatientLog`), and says so after a few tries.
    package static func writer(replySeconds: Int) -> Manner {
      Manner(replyTimeout: .seconds(replySeconds), attemptsMax: 3)
    }

    func apply(to settings: inout ConnectionSettings) {
      settings.replyTimeout = replyTimeout
      settings.statementTimeout = replyTimeout * 2 / 3
      settings.lockTimeout = replyTimeout / 3
      settings.connectTimeout = min(settings.connectTimeout, replyTimeout)
    }
  }

  /// Opens the log, as the role asked for if the login may take it. A database that lacks migrations is refused with the
  /// way to mend it.
  package static func with<Result>(
    url: String, home: Home, as role: DatabaseRole = .writer, manner: Manner = .command,
    _ body: (OpenLog) async throws -> Result
  ) async throws -> Result {
    let available = try await checkMigrations(url: url, home: home, role: role)
    var settings = ConnectionSettings(url: url, applicationName: "autodidact")
    manner.apply(to: &settings)
    settings.role = available
    let open = OpenLog(
      log: PostgresEventLog(settings, clock: ContinuousClock(), retry: RetryPolicy(attemptsMax: manner.attemptsMax)),
      home: home, url: url, role: available,
      surroundings: .live(numericsProfile: Engine.numericsProfile))
    return try await body(open)
  }

  /// A log in memory that holds the experiment of a file and nothing else, for work without a database: `replay --file`.
  ///
  /// - Throws: what `ExperimentImporter.import` throws.
  package static func offline(_ file: String, home: Home) async throws -> (log: OpenLog, record: ExperimentRecord) {
    let log = InMemoryEventLog(clock: ContinuousClock()) { Timestamp(Date()) }
    let outcome = try await ExperimentImporter(log: log).import(file)
    let open = OpenLog(
      log: log, home: home, url: "", role: nil, surroundings: .live(numericsProfile: Engine.numericsProfile))
    return (open, outcome.record)
  }

  /// Brings the database up to the migrations of this software. Returns the files applied now.
  package static func migrate(url: String, home: Home) async throws -> [String] {
    try await withConnection(url) { try await Migrator(folder: home.migrations).migrate($0) }
  }

  private static func checkMigrations(url: String, home: Home, role: DatabaseRole) async throws -> String? {
    try await withConnection(url) { connection in
      let pending = try await Migrator(folder: home.migrations).pending(connection)
      if !pending.isEmpty { throw Unmigrated(pending: pending) }
      return try await role.available(on: connection)
    }
  }

  private static func withConnection<Result: Sendable>(
    _ url: String, _ body: (Connection) async throws -> Result
  ) async throws -> Result {
    let connection = try await Connection.open(ConnectionSettings(url: url, applicationName: "autodidact migrate"))
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  /// The database is older than the software.
  package struct Unmigrated: Error, CustomStringConvertible {
    package var pending: [String]
    package var description: String {
      "the database lacks \(pending.joined(separator: ", ")); run: autodidact migrate"
    }
  }
}
