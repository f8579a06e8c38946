import Daemon
import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

/// What a program left.
struct Outcome: CustomStringConvertible {
  var output: String
  var errors: String
  var status: Int32

  /// Every line of the output as JSON.
  var objects: [[String: Any]] {
    output.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  var description: String { "status \(status)\n\(output)\n\(errors)" }
}

/// The real programs, which lie beside the tests.
enum Program {
  static func path(_ name: String) throws -> String {
    try URL(filePath: FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      .deletingLastPathComponent().appending(path: name).path
  }

  static let share = TestServer.migrations.deletingLastPathComponent()

  /// Runs `autodidact` to its end. What it prints goes to files, so that no pipe can fill up.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], executable: String? = nil
  ) throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cli-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["output", "errors"].map { folder.appending(path: $0) }
    for file in files { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(filePath: try executable ?? path("autodidact"))
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "AUTODIDACT_SHARE": share.path, "HOME": folder.path]
      .merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
    return Outcome(output: texts[0], errors: texts[1], status: process.terminationStatus)
  }
}

/// A database with three experiments in it that nobody has played: first, second and its fork third, whose seed differs.
struct Installation {
  let url: String
  let log: PostgresEventLog

  static func with(_ body: (Installation) async throws -> Void) async throws {
    try await TestServer.withDatabase { connection in
      let log = PostgresEventLog(connection, clock: ContinuousClock(), connectionsMax: 2, listens: false)
      let creator = ExperimentCreator(log: log, surroundings: .live(numericsProfile: "test"))
      var settings = ExperimentSettings()
      settings.prompts.name = "prompts.yaml"
      _ = try await creator.create("first", settings: settings)
      settings.play.batch = 5
      _ = try await creator.create("second", settings: settings)
      _ = try await ExperimentForker(log: log, surroundings: .live(numericsProfile: "test"))
        .fork("second", at: .position(Position(2)), as: "third", overrides: ["seed=77"])
      let base = try #require(TestServer.url)
      let database = try #require(connection.database)
      try await body(
        Installation(url: base + (base.contains("?") ? "&" : "?") + "dbname=" + database, log: log))
    }
  }

  /// Runs `autodidact` on this database.
  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    try Program.run(arguments, environment: ["AUTODIDACT_DATABASE_URL": url].merging(environment) { $1 })
  }
}
