import Foundation
import Postgres
import PostgresLog
import Synchronization
import Testing

/// The server the tests use: `AUTODIDACT_DATABASE_URL`, where databases can be created. Each test gets a database of its
/// own, copied from a migrated template and dropped afterwards.
enum TestServer {
  static let url = ProcessInfo.processInfo.environment["AUTODIDACT_DATABASE_URL"]
  static let isAvailable = url != nil
  static let migrations = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "migrations")

  /// All test modules run in one process, and each has its own copy of this type: the module is part of the names.
  private static let prefix: String = {
    let module = #fileID.split(separator: "/")[0].lowercased()
    return "autodidact_test_\(ProcessInfo.processInfo.processIdentifier)_\(module)"
  }()
  private static let template = Template()
  /// A log has up to six sessions, a server a hundred: only so many tests at once.
  private static let gate = Gate(8)
  private static let counter = Mutex(0)

  static func settings(database: String?) -> ConnectionSettings {
    guard let url else { preconditionFailure("AUTODIDACT_DATABASE_URL is not set") }
    return ConnectionSettings(url: url, database: database, applicationName: "autodidact tests")
  }

  /// Runs `body` with a migrated database that nobody else uses.
  static func withDatabase(_ body: (ConnectionSettings) async throws -> Void) async throws {
    try await template.prepare()
    try await withEmptyDatabase(template: Template.name, body)
  }

  /// Runs `body` with a database that holds nothing, or what `template` holds.
  static func withEmptyDatabase(
    template: String = "template0", _ body: (ConnectionSettings) async throws -> Void
  ) async throws {
    let number = counter.withLock { counter in
      counter += 1
      return counter
    }
    let name = "\(prefix)_\(number)"
    try await gate.pass { try await create(name, template: template, body) }
  }

  private static func create(
    _ name: String, template: String, _ body: (ConnectionSettings) async throws -> Void
  ) async throws {
    let administrator = try await Connection.open(settings(database: nil))
    try await administrator.execute("create database \(name) template \(template)")
    do {
      try await body(settings(database: name))
    } catch {
      try await administrator.execute("drop database \(name) with (force)")
      throw error
    }
    try await administrator.execute("drop database \(name) with (force)")
  }

  /// The migrated database that the others are copied from, made once a run.
  private actor Template {
    static let name = "\(prefix)_template"
    private var preparation: Task<Void, any Error>?

    func prepare() async throws {
      let task = preparation ?? Task { try await Self.make() }
      preparation = task
      try await task.value
    }

    private static func make() async throws {
      let administrator = try await Connection.open(settings(database: nil))
      try await dropLeftovers(administrator)
      try await administrator.execute("create database \(name) template template0")
      let connection = try await Connection.open(settings(database: name))
      _ = try await Migrator(folder: migrations).migrate(connection)
      await connection.close()
    }

    /// Databases of test processes that are no more.
    private static func dropLeftovers(_ administrator: Connection) async throws {
      let rows = try await administrator.query(
        "select datname::text from pg_database where datname ~ '^autodidact_test_'")
      for row in rows {
        let name = try row.text(0)
        guard let pid = Int32(name.split(separator: "_")[2]), kill(pid, 0) != 0 else { continue }
        // Another module's copy of this may be dropping it now.
        _ = try? await administrator.execute("drop database if exists \(name) with (force)")
      }
    }
  }
}

extension Trait where Self == ConditionTrait {
  static var needsPostgres: Self {
    .enabled(if: TestServer.isAvailable, "AUTODIDACT_DATABASE_URL is not set")
  }
}

/// Lets a limited number of tests through at a time.
private actor Gate {
  private var free: Int
  private var line: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  nonisolated func pass(_ body: () async throws -> Void) async throws {
    await enter()
    do { try await body() } catch {
      await leave()
      throw error
    }
    await leave()
  }

  private func enter() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { line.append($0) }
    }
  }

  private func leave() {
    if line.isEmpty { free += 1 } else { line.removeFirst().resume() }
  }
}
