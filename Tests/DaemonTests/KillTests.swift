import Daemon
import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

/// The real executable, killed in the middle of a step.
@Suite(
  "Killing the program", .serialized, .needsPostgres,
  .enabled(if: ReferenceFiles.smolLM2.isUsable, ReferenceFiles.smolLM2.reason))
struct KillTests {
  /// `autodidact` beside the test executable, with a home and a database of its own.
  private struct Program {
    let home: URL
    let url: String

    init(database: ConnectionSettings) throws {
      home = FileManager.default.temporaryDirectory.appendingPathComponent("autodidact-\(UUID())")
      let models = home.appendingPathComponent("models")
      try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: models.appendingPathComponent("SmolLM2-135M-Instruct.Q4_1.gguf").path,
        withDestinationPath: ReferenceFiles.smolLM2.path)
      var components = try #require(URLComponents(string: TestServer.url ?? ""))
      components.path = "/" + (database.database ?? "")
      url = try #require(components.string)
    }

    /// Starts a command; its output goes to a file in the home.
    ///
    /// - Parameter failpoint: where the program kills itself, as `kill -9` would.
    func start(_ arguments: [String], failpoint: String? = nil) throws -> Process {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("autodidact")
      process.arguments = arguments + ["--database", url]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "AUTODIDACT_HOME": home.path, "AUTODIDACT_SHARE": ReferenceFiles.packageRoot,
      ]) { $1 }
      process.environment?["AUTODIDACT_FAILPOINT"] = failpoint
      let output = home.appendingPathComponent("output")
      _ = FileManager.default.createFile(atPath: output.path, contents: nil)
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = process.standardOutput
      try process.run()
      return process
    }

    /// Runs a command to its end. Returns what it wrote.
    @discardableResult
    func run(_ arguments: [String]) async throws -> String {
      let process = try start(arguments)
      await Self.end(of: process)
      let output = try String(contentsOf: home.appendingPathComponent("output"), encoding: .utf8)
      #expect(process.terminationStatus == 0, "\(arguments): \(output)")
      return output
    }

    static func end(of process: Process) async {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
          process.waitUntilExit()
          continuation.resume()
        }
      }
    }
  }

  @Test("killed in the middle of a step and run again: nothing twice, no gap, the same keys")
  func killed() async throws {
    try await TestServer.withDatabase { database in
      let program = try Program(database: database)
      defer { try? FileManager.default.removeItem(at: program.home) }
      let log = PostgresEventLog(database, clock: ContinuousClock(), connectionsMax: 2)
      let settings = ReferenceFiles.packageRoot + "/configs/quickstart.yaml"
      try await program.run(["create", settings, "--name", "one"] + smallOverrides.flatMap { ["--set", $0] })
      // The third append would be the proposals: they are sampled, and nothing of them is recorded.
      let process = try program.start(["run", "one"], failpoint: "append.before:3")
      await Program.end(of: process)
      #expect(process.terminationReason == .uncaughtSignal)
      let before = try await log.read(experiment: nil, after: .start, types: nil, limit: 1000)
      #expect(before.map(\.type) == ["ExperimentCreated", "ExperimentStarted", "IterationStarted"])

      let output = try await program.run(["run", "one", "--iterations", "1"])
      #expect(output.contains("done: 1 iterations"))
      let after = try await log.read(experiment: nil, after: .start, types: nil, limit: 1000)
      #expect(Array(after.prefix(3)) == before)
      #expect(after.map(\.position.rawValue) == Array(1...Int64(after.count)))
      #expect(after.filter { $0.type == "IterationStarted" }.count == 1)
      let record = try #require(try await log.experiment(named: "one"))
      let experiment = try await StoredExperiment.load(record, from: log).experiment
      let generations = try await log.generations(at: after.map(\.position))
      var proposals: [ProposalID] = []
      for recorded in after {
        guard case .proposalMade(let made) = try recorded.event() else { continue }
        proposals.append(made.proposal)
        #expect(generations[recorded.position]?.randomKey == Data(experiment.key(of: made.proposal).bytes))
      }
      #expect(proposals == (0..<4).map { ProposalID(iteration: 1, kind: .deduction, slot: $0) })
      #expect(experiment.iterationsDone == 1)
    }
  }
}
