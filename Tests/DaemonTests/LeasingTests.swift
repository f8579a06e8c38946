import Foundation
import Leasing
import Logging
import Postgres
import Testing
import Verification
import VerifierProtocol

/// Verification jobs that travel through PostgreSQL to workers elsewhere.
@Suite("Leased verification", .enabled(if: TestServer.isAvailable))
struct LeasingTests {
  private static let executable =
    ProcessInfo.processInfo.environment["AUTODIDACT_VERIFIER"]
    ?? VerifierConfiguration.executable(beside: "/proc/self/exe")

  private func jobs(_ count: Int) -> [VerifierJob] {
    (0..<count).map { .run(RunJob(program: "def f(a):\n    return a * \($0)", calls: ["2"])) }
  }

  private func values(_ replies: [VerifierReply]) -> [CallOutcome] {
    replies.map {
      guard case .run(let run) = $0 else { return .timedOut }
      return run.calls[0].outcome
    }
  }

  private func asker(_ settings: ConnectionSettings, retriesMax: Int = 2) -> LeasedWorkers {
    LeasedWorkers(
      settings, limits: .init(retriesMax: retriesMax, patience: .seconds(120), pollInterval: .milliseconds(50)),
      makeID: { UUID() })
  }

  /// Runs `body` beside workers that take jobs.
  private func withWorkers(
    _ count: Int, _ settings: ConnectionSettings, _ body: () async throws -> Void
  ) async throws {
    let configuration = VerifierConfiguration(executable: Self.executable, workersMax: 1)
    try await withVerifierPool(configuration: configuration) { pool in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<count {
          let worker = LeaseWorker(
            settings, runner: pool, name: "test \(number)",
            limits: .init(jobsMax: 3, lease: .seconds(30), pollInterval: .milliseconds(50)),
            logger: Logger(label: "test"))
          group.addTask { try? await worker.run() }
        }
        defer { group.cancelAll() }
        try await body()
      }
    }
  }

  private func taken(_ connection: Connection) async throws -> (id: Int64, lease: Int32)? {
    let row = try await connection.query(
      "select r_id, r_lease from work.lease('hand', $1, 1, 60)",
      [.int32(Int32(WorkerDescription.protocolVersionCurrent))]
    ).first
    guard let row else { return nil }
    return (try row.int64(0), try row.int32(1))
  }

  /// Takes one job by hand as soon as there is one.
  private func take(_ connection: Connection) async throws -> (id: Int64, lease: Int32) {
    for _ in 0..<3000 {
      if let taken = try await taken(connection) { return taken }
      await Task.yield()
      _ = try await connection.query("select pg_sleep(0.01)")
    }
    throw LeasingError.nobodyCame(.seconds(30))
  }

  private func expire(_ connection: Connection) async throws {
    try await connection.execute("update work.jobs set leased_until = clock_timestamp() - interval '1 second'")
  }

  private func answer(_ connection: Connection, _ job: (id: Int64, lease: Int32), _ text: String) async throws -> Bool {
    try await connection.query(
      "select work.answer($1, $2, $3)", [.int64(job.id), .int32(job.lease), .text(text)]
    )[0].bool(0)
  }

  @Test("replies come in the order of the jobs, whoever did them, equal jobs once, and nothing stays behind")
  func order() async throws {
    try await TestServer.withDatabase { settings in
      try await withWorkers(3, settings) {
        let replies = try await asker(settings).run(jobs(20) + jobs(20))
        #expect(values(replies) == (0..<20).map { .value("\($0 * 2)") } + (0..<20).map { .value("\($0 * 2)") })
      }
      let connection = try await Connection.open(settings)
      #expect(try await connection.query("select count(*) from work.jobs")[0].int64(0) == 0)
      let leases = try await connection.query("select count(*) from pg_stat_user_tables where relname = 'jobs'")
      #expect(try leases[0].int64(0) == 1)
      await connection.close()
    }
  }

  @Test("the real worker in a network namespace of its own takes jobs through the socket", .enabled(if: getuid() == 0))
  func secondNamespace() async throws {
    try await TestServer.withDatabase { settings in
      let connection = try await Connection.open(settings)
      let name = try await connection.query("select current_database()")[0].text(0)
      await connection.close()
      let parts = try #require(URLComponents(string: settings.url))
      // Only a Unix socket reaches across network namespaces.
      let socket = try #require(parts.queryItems?.first { $0.name == "host" }?.value, "the server has no socket")
      let worker = Process()
      worker.executableURL = URL(filePath: "/usr/bin/unshare")
      worker.arguments = [
        "--net", Self.executable, "--lease", "--workers", "1", "--log-level", "error", "--name", "elsewhere",
        "--database", "postgres://\(parts.user ?? "autodidact")@/\(name)?host=\(socket)",
      ]
      try worker.run()
      let replies = try await asker(settings).run(jobs(5))
      #expect(values(replies) == (0..<5).map { .value("\($0 * 2)") })
      let namespaces = try ["self", "\(worker.processIdentifier)"].map {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/ns/net")
      }
      #expect(namespaces[0] != namespaces[1])
      worker.terminate()
      worker.waitUntilExit()
      #expect(worker.terminationStatus == 0)
    }
  }

  @Test("a worker that does not answer in time loses the job, and its late answer is refused")
  func lateAnswer() async throws {
    try await TestServer.withDatabase { settings in
      let connection = try await Connection.open(settings)
      let replies = Task { try await asker(settings).run(jobs(1)) }
      let first = try await take(connection)
      try await expire(connection)
      let second = try await take(connection)
      #expect(second.id == first.id && second.lease == first.lease + 1)
      let reply = VerifierReply.run(
        RunReply(calls: [
          CallReply(
            outcome: .value("0"), canonicalInput: "2", usage: Usage(wallSeconds: 0, cpuSeconds: 0, memoryPeakBytes: 0))
        ]))
      let text = String(decoding: try JSONEncoder().encode(reply), as: UTF8.self)
      #expect(try await answer(connection, first, text) == false)
      #expect(try await answer(connection, second, text) == true)
      #expect(try await values(replies.value) == [.value("0")])
      await connection.close()
    }
  }

  @Test("a job that is lost too often fails the step; it gets no verdict")
  func lostTooOften() async throws {
    try await TestServer.withDatabase { settings in
      let connection = try await Connection.open(settings)
      let replies = Task { try await asker(settings, retriesMax: 1).run(jobs(1)) }
      for _ in 0..<2 {
        _ = try await take(connection)
        try await expire(connection)
      }
      await #expect(throws: VerificationError.workerLost(attempts: 2)) { try await replies.value }
      await connection.close()
    }
  }

  @Test("an answer that is none fails the step")
  func garbage() async throws {
    try await TestServer.withDatabase { settings in
      let connection = try await Connection.open(settings)
      let replies = Task { try await asker(settings).run(jobs(1)) }
      let job = try await take(connection)
      #expect(try await answer(connection, job, "{\"correct\": true}"))
      await #expect { _ = try await replies.value } throws: { "\($0)".contains("work.jobs cannot be read") }
      await connection.close()
    }
  }

  @Test("rows lost in a crash of the server are asked for again")
  func lostRows() async throws {
    try await TestServer.withDatabase { settings in
      let connection = try await Connection.open(settings)
      let replies = Task { try await asker(settings).run(jobs(1)) }
      _ = try await take(connection)
      try await connection.execute("delete from work.jobs")
      try await withWorkers(1, settings) { () async throws in
        #expect(try await values(replies.value) == [.value("0")])
      }
      await connection.close()
    }
  }

  @Test(
    "the verifier's role takes jobs and sees nothing else", arguments: ["log.events", "work.jobs", "read.problems"])
  func role(table: String) async throws {
    try await TestServer.withDatabase { settings in
      var settings = settings
      settings.role = "autodidact_verifier"
      let connection = try await Connection.open(settings)
      #expect(try await taken(connection) == nil)
      await #expect { _ = try await connection.query("select * from \(table) limit 1") } throws: {
        "\($0)".contains("permission denied")
      }
      await connection.close()
    }
  }
}
