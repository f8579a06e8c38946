import Domain
import Engine
import EventLog
import Foundation
import Postgres
import PostgresLog

/// The server, its settings, the log in it and who works on it.
struct DatabaseExamination {
  typealias Finding = Examination.Finding

  let home: Home
  let url: String
  let now: @Sendable () -> Date

  /// Findings, and the experiments that may go on.
  func findings() async -> ([Finding], [LiveExperiment]) {
    let connection: Connection
    do {
      connection = try await Connection.open(ConnectionSettings(url: url, applicationName: "autodidact doctor"))
    } catch {
      return (
        [
          Finding(
            "PostgreSQL", .fail, "\(error)",
            cure: "start it (the private one: ops/postgres start), or correct --database or AUTODIDACT_DATABASE_URL")
        ], []
      )
    }
    var found: [Finding] = []
    do {
      found += ServerJudgement(settings: try await settings(connection)).findings()
      found.append(try await skew(connection))
      found += try await sessions(connection)
    } catch {
      found.append(Finding("PostgreSQL", .fail, "\(error)", cure: "see the server's own log"))
    }
    let (logFindings, live) = await log(connection)
    await connection.close()
    return (found + logFindings, live)
  }

  private func settings(_ connection: Connection) async throws -> [String: String] {
    let rows = try await connection.query(
      """
      select name, setting from pg_settings where name = any($1)
      union all select 'connections', count(*)::text from pg_stat_activity where backend_type = 'client backend'
      union all select 'in_recovery', pg_is_in_recovery()::text
      union all select 'address', coalesce(host(inet_server_addr()), '')
      union all select 'encrypted', coalesce((select ssl::text from pg_stat_ssl where pid = pg_backend_pid()), 'false')
      union all select 'size', pg_database_size(current_database())::text
      """, [.textArray(ServerJudgement.names)])
    return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.text(0), try $0.text(1)) })
  }

  /// This machine's clock against the server's, as exactly as a question takes.
  private func skew(_ connection: Connection) async throws -> Finding {
    let before = now()
    let row = try await connection.query("select (extract(epoch from clock_timestamp()))::text").first
    let after = now()
    let server = Double(try row?.text(0) ?? "") ?? 0
    let middle = (before.timeIntervalSince1970 + after.timeIntervalSince1970) / 2
    let seconds = server - middle
    let exactness = after.timeIntervalSince(before) / 2
    let isGood = abs(seconds) <= 1 + exactness
    return Finding(
      "server clock", isGood: isGood, else: .warn,
      isGood
        ? "agrees within \(String(format: "%.3f", abs(seconds) + exactness)) s"
        : "differs by \(String(format: "%+.1f", seconds)) s",
      cure: "events have the server's times, logs this machine's: set both clocks (chrony, systemd-timesyncd)")
  }

  /// Transactions that stand still keep the server from cleaning up, and may hold locks that appends wait for.
  private func sessions(_ connection: Connection) async throws -> [Finding] {
    let rows = try await connection.query(
      """
      select pid::text, coalesce(application_name, ''), extract(epoch from clock_timestamp() - state_change)::int::text
      from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'
        and clock_timestamp() - state_change > interval '10 minutes' order by pid
      """)
    return try rows.map { row in
      Finding(
        "session", .warn,
        "\(try row.text(1)) (process \(try row.text(0))) has held a transaction open for \(try row.text(2)) s",
        cure: "end it: select pg_terminate_backend(\(try row.text(0)))")
    }
  }

  private func log(_ connection: Connection) async -> ([Finding], [LiveExperiment]) {
    do {
      let pending = try await Migrator(folder: home.migrations).pending(connection)
      let count =
        (try? FileManager.default.contentsOfDirectory(atPath: home.migrations.path))?
        .filter { $0.hasSuffix(".sql") }.count ?? 0
      guard pending.isEmpty else {
        return (
          [Finding("migrations", .fail, "missing: \(pending.joined(separator: ", "))", cure: "autodidact migrate")], []
        )
      }
      var found = [Finding("migrations", .ok, "\(count), as in this software")]
      var live: [LiveExperiment] = []
      try await OpenLog.with(url: url, home: home) { open in
        found.append(role(open.role))
        let logExamination = LogExamination(open: open, connection: connection)
        found += try await logExamination.findings()
        live = logExamination.live(try await logExamination.holders())
      }
      return (found, live)
    } catch let error as MigrationError {
      return (
        [Finding("migrations", .fail, "\(error)", cure: "use the software that the database was migrated with")], []
      )
    } catch {
      return ([Finding("log", .fail, "\(error)", cure: "autodidact verify says what is damaged")], [])
    }
  }

  private func role(_ role: String?) -> Finding {
    Finding(
      "role", isGood: role != nil, else: .warn, role.map { "works as \($0)" } ?? "works as the login itself",
      cure:
        "let a superuser run: create role autodidact_writer; create role autodidact_reader; grant both to the login; "
        + "then see docs/operations.md, \"Roles\"")
  }
}
