import Daemon
import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

/// The URL of a test's database.
func databaseURL(_ settings: ConnectionSettings) throws -> String {
  var parts = try #require(URLComponents(string: settings.url))
  parts.path = "/" + (settings.database ?? "")
  return try #require(parts.string)
}

@Suite("The role that the programs work as", .needsPostgres)
struct RoleTests {
  private let home = Home(
    state: FileManager.default.temporaryDirectory, share: TestServer.migrations.deletingLastPathComponent())

  @Test("whoever may take it appends as the writer and looks as the reader", arguments: DatabaseRole.allCases)
  func taken(_ role: DatabaseRole) async throws {
    try await TestServer.withDatabase { settings in
      let taken = try await OpenLog.with(url: try databaseURL(settings), home: home, as: role) { open in
        _ = try await open.log.head()
        return open.role
      }
      #expect(taken == role.rawValue)
    }
  }

  @Test("a login that is only a member of the writer runs an experiment's appends")
  func member() async throws {
    try await TestServer.withDatabase { settings in
      let administrator = try await Connection.open(settings)
      let login = "autodidact_test_login_\(ProcessInfo.processInfo.processIdentifier)"
      try await administrator.execute("create role \(login) login in role autodidact_writer")
      var parts = try #require(URLComponents(string: try databaseURL(settings)))
      parts.user = login
      let address = try #require(parts.string)
      do {
        try await OpenLog.with(url: address, home: home) { open in
          #expect(open.role == DatabaseRole.writer.rawValue)
          let id = ExperimentID(UUID())
          _ = try await open.log.createExperiment(
            id, name: "one", state: "s", events: [NewEvent(type: "Created", body: Data("{}".utf8))], key: "create")
          try await open.log.save(
            FoldSnapshot(fold: "f", version: 1, position: Position(1), bytes: Data([1])), of: id)
          let epoch = try await open.log.raiseEpoch(of: id, takeOver: false)
          #expect(epoch == 1)
        }
      } catch {
        try? await administrator.execute("drop role \(login)")
        throw error
      }
      try await administrator.execute("drop role \(login)")
    }
  }
}
