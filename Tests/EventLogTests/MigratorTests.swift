import Foundation
import Postgres
import PostgresLog
import Testing

@Suite("Migrations", .needsPostgres)
struct MigratorTests {
  /// Runs `body` with a folder of migration files and an empty database.
  private func withFiles(
    _ files: [String: String], _ body: (URL, Connection) async throws -> Void
  ) async throws {
    try await TestServer.withEmptyDatabase { settings in
      let folder = FileManager.default.temporaryDirectory.appending(path: "migrations-\(settings.database ?? "")")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      for (name, text) in files { try write(text, name, folder) }
      let connection = try await Connection.open(settings)
      try await body(folder, connection)
      await connection.close()
    }
  }

  private func write(_ text: String, _ name: String, _ folder: URL) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  private static let two = [
    "0001_a.sql": "create table public.a (x int)", "0002_b.sql": "create table public.b (x int)",
  ]

  @Test("files are applied in order, once")
  func once() async throws {
    try await withFiles(Self.two) { folder, connection in
      let migrator = try Migrator(folder: folder)
      #expect(try await migrator.pending(connection) == ["0001_a.sql", "0002_b.sql"])
      #expect(try await migrator.migrate(connection) == ["0001_a.sql", "0002_b.sql"])
      #expect(try await migrator.migrate(connection) == [])
      try write("create table public.c (x int)", "0003_c.sql", folder)
      #expect(try await Migrator(folder: folder).migrate(connection) == ["0003_c.sql"])
    }
  }

  @Test("a file that was changed after it had been applied is refused")
  func changed() async throws {
    try await withFiles(Self.two) { folder, connection in
      _ = try await Migrator(folder: folder).migrate(connection)
      try write("create table public.a (x int, y int)", "0001_a.sql", folder)
      try write("create table public.c (x int)", "0003_c.sql", folder)
      let migrator = try Migrator(folder: folder)
      await #expect(throws: MigrationError.changed(file: "0001_a.sql")) { try await migrator.migrate(connection) }
      let exists = try await connection.query("select 1 from pg_class where relname = 'c'").count
      #expect(exists == 0)
    }
  }

  @Test("a database that is newer than the files is refused")
  func newer() async throws {
    try await withFiles(Self.two) { folder, connection in
      _ = try await Migrator(folder: folder).migrate(connection)
      try FileManager.default.removeItem(at: folder.appending(path: "0002_b.sql"))
      let migrator = try Migrator(folder: folder)
      await #expect(throws: MigrationError.newerDatabase(database: 2, files: 1)) {
        try await migrator.migrate(connection)
      }
    }
  }

  @Test("a gap in what was applied is refused")
  func gapInDatabase() async throws {
    try await withFiles(Self.two) { folder, connection in
      let migrator = try Migrator(folder: folder)
      _ = try await migrator.migrate(connection)
      try await connection.execute("delete from log.migrations where number = 1")
      await #expect(throws: MigrationError.gap(expected: 1, found: 2)) { try await migrator.migrate(connection) }
    }
  }

  @Test(
    "a folder with a gap, a double or a misnamed file is refused",
    arguments: [
      ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"], ["0002_b.sql"], ["1_a.sql"], ["0001-a.sql"], [],
    ])
  func folder(_ names: [String]) async throws {
    try await withFiles(Dictionary(uniqueKeysWithValues: names.map { ($0, "select 1") })) { folder, _ in
      let error = #expect(throws: MigrationError.self) { try Migrator(folder: folder) }
      guard case .folder = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("a file that fails leaves nothing of itself, and the ones before it stay")
  func failing() async throws {
    var files = Self.two
    files["0003_c.sql"] = "create table public.c (x int); select 1 / 0"
    try await withFiles(files) { folder, connection in
      let migrator = try Migrator(folder: folder)
      let error = await #expect(throws: MigrationError.self) { try await migrator.migrate(connection) }
      #expect(error?.description.contains("0003_c.sql") == true)
      #expect(try await migrator.pending(connection) == ["0003_c.sql"])
      let exists = try await connection.query("select 1 from pg_class where relname = 'c'").count
      #expect(exists == 0)
    }
  }

  @Test("four processes that migrate at once apply each file once")
  func concurrent() async throws {
    try await TestServer.withEmptyDatabase { settings in
      let migrator = try Migrator(folder: TestServer.migrations)
      let applied = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<4 {
          group.addTask { try await migrator.migrate(try await Connection.open(settings)) }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(Set(applied).count == applied.count && !applied.isEmpty)
    }
  }
}
