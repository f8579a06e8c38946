import Foundation
import Testing
import Verification
import VerifierProtocol

@Suite("The pool and its workers")
struct PoolTests {
  /// About 0.3 s of work, then 7.
  static let slow = "def f():\n    for _ in range(20_000_000): pass\n    return 7"

  @Test("replies come in the order of the jobs, whatever their duration")
  func order() async throws {
    try await withWorkers(2, batchMax: 1) { pool async throws in
      let programs = (0..<24).map { "def f(a):\n    for _ in range(\($0 % 3) * 300_000): pass\n    return a + \($0)" }
      let replies = try await pool.run(
        programs.map { .run(RunJob(program: $0, calls: ["1", "2"], limits: .test, screening: .standard)) })
      for (index, reply) in replies.enumerated() {
        guard case .run(let run) = reply else { throw UnexpectedReply() }
        #expect(run.calls.map(\.outcome) == [.value("\(index + 1)"), .value("\(index + 2)")])
      }
    }
  }

  @Test("equal jobs are run once")
  func equalJobs() async throws {
    try await withWorkers { pool async throws in
      let job = VerifierJob.run(
        RunJob(program: Self.slow, calls: [""], limits: VerifierLimits.standard, checksDeterminism: false))
      let start = ContinuousClock.now
      let one = try await pool.run([job])
      let single = ContinuousClock.now - start
      let many = try await pool.run(Array(repeating: job, count: 50))
      #expect(ContinuousClock.now - start < single * 10)
      #expect(many.count == 50)
      #expect(Set(many).count == 1)
      guard case .run(let run) = one[0] else { throw UnexpectedReply() }
      #expect(run.calls[0].outcome == .value("7"))
    }
  }

  @Test("a list's jobs that differ come once, in order, with a place for each of the list")
  func distinct() throws {
    let jobs = ["b", "a", "b", "c", "a"].map { VerifierJob.literal(LiteralJob(text: $0)) }
    let (distinct, places) = try jobs.distinct()
    #expect(distinct == [jobs[0], jobs[1], jobs[3]])
    #expect(places == [0, 1, 0, 2, 1])
    #expect(places.map { distinct[$0] } == jobs)
  }

  @Test("many tasks may use the pool at once")
  func concurrentCallers() async throws {
    try await withWorkers(2) { pool async throws in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<40 {
          group.addTask { try await pool.value("\(number) * 2") == .value("\(number * 2)") }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test("a worker killed in the middle is replaced, its job is done again, and the loss is counted")
  func killedWorker() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(executable: copy.executable) { pool async throws in
      _ = try await pool.hello()
      async let outcome = pool.call(Self.slow, limits: .standard, determinism: false).outcome
      try await copy.wait(forCount: 4)  // worker, two zygotes, the job's child
      kill(try #require(try copy.worker()), SIGKILL)
      #expect(try await outcome == .value("7"))
      #expect(pool.workerLossesCount == 1)
    }
    try await copy.wait(forCount: 0)
  }

  @Test("a job that loses its worker again and again ends in an error, never in a verdict")
  func workerLost() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(executable: copy.executable, retriesMax: 0) { pool async throws in
      _ = try await pool.hello()
      async let reply = pool.call(Self.slow, limits: .standard, determinism: false)
      try await copy.wait(forCount: 4)
      kill(try #require(try copy.worker()), SIGKILL)
      do {
        Issue.record("a lost worker became \(try await reply)")
      } catch {
        #expect(error as? VerificationError == .workerLost(attempts: 1))
      }
      #expect(try await pool.value("1") == .value("1"))
    }
  }

  @Test("a job that always loses its worker fails alone: others and later ones are answered")
  func poison() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(executable: copy.executable, retriesMax: 2) { pool async throws in
      _ = try await pool.hello()
      async let poisoned = pool.call(Self.slow, limits: .standard, determinism: false)
      var killed: pid_t?
      for _ in 0..<3 {
        killed = try await copy.worker(after: killed)
        kill(try #require(killed), SIGKILL)
      }
      do {
        Issue.record("a lost worker became \(try await poisoned)")
      } catch {
        #expect(error as? VerificationError == .workerLost(attempts: 3))
      }
      #expect(try await pool.value("1") == .value("1"))
      #expect(pool.workerLossesCount == 3)
    }
  }

  @Test("hundreds of programs leave no descriptor and no process behind")
  func noLeak() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(executable: copy.executable) { pool async throws in
      let programs = [
        "def f(a):\n    return a", "import os\ndef f(a):\n    os._exit(0)", "def f(a):\n    return open('x')",
        "def f(:",
      ]
      func round(_ offset: Int) async throws -> [Int] {
        _ = try await pool.run(
          (0..<100).map { number in
            .run(RunJob(program: programs[number % 4], calls: ["\(offset + number)"], limits: .test, screening: .off))
          })
        return try copy.processes().sorted().map {
          try FileManager.default.contentsOfDirectory(atPath: "/proc/\($0)/fd").count
        }
      }
      let first = try await round(0)
      #expect(first.count == 3)
      #expect(try await round(100) == first)
      #expect(try await round(200) == first)
    }
  }

  @Test("a child killed from outside is no verdict either")
  func killedChild() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(executable: copy.executable) { pool async throws in
      _ = try await pool.hello()
      let before = Set(try copy.processes())
      async let outcome = pool.call(Self.slow, limits: .standard, determinism: false).outcome
      try await copy.wait(forCount: 4)
      let child = try #require(Set(try copy.processes()).subtracting(before).first)
      kill(child, SIGKILL)
      #expect(try await outcome == .value("7"))
      #expect(pool.workerLossesCount == 1)
    }
  }

  @Test("a worker that stops answering is killed after its deadline and replaced")
  func hungWorker() async throws {
    let copy = try WorkerCopy()
    let configuration = VerifierConfiguration(executable: copy.executable, workersMax: 1, slack: .milliseconds(500))
    try await withVerifierPool(configuration: configuration) { pool async throws in
      _ = try await pool.hello()
      kill(try #require(try copy.worker()), SIGSTOP)
      var limits = VerifierLimits.test
      limits.wallSeconds = 0.5
      #expect(try await pool.call("def f():\n    return 7", limits: limits).outcome == .value("7"))
      #expect(pool.workerLossesCount == 1)
    }
    try await copy.wait(forCount: 0)
  }

  @Test("no process is left after the pool, not even of a job under way")
  func noProcessLeft() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(2, executable: copy.executable) { pool async throws in
      _ = try await pool.hello()
      #expect(try await pool.value("1") == .value("1"))
    }
    #expect(try copy.processes() == [])
    struct Stop: Error {}
    await #expect(throws: Stop.self) {
      try await withWorkers(executable: copy.executable) { pool async throws in
        _ = try await pool.hello()
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { _ = try await pool.call("def f():\n    while True: pass", limits: .standard) }
          try await copy.wait(forCount: 4)
          group.cancelAll()
          throw Stop()
        }
      }
    }
    try await copy.wait(forCount: 0)
  }

  @Test("a cancelled caller gets its cancellation, and the pool goes on")
  func cancellation() async throws {
    try await withWorkers { pool async throws in
      await withThrowingTaskGroup(of: CallReply.self) { group in
        group.addTask { try await pool.call(Self.slow, limits: .standard) }
        group.cancelAll()
        await #expect(throws: CancellationError.self) { try await group.next() }
      }
      #expect(try await pool.value("2") == .value("2"))
    }
  }

  @Test("a missing or wrong executable is an error with its name")
  func cannotStart() async throws {
    for path in ["/nonexistent/autodidact-verifier", "/bin/true"] {
      let error = await #expect(throws: VerificationError.self) {
        try await withWorkers(executable: path) { try await $0.value("1") }
      }
      guard case .cannotStart(path, let reason)? = error else {
        Issue.record("\(path): \(String(describing: error))")
        continue
      }
      #expect(!reason.isEmpty)
    }
  }

  @Test("the worker reports every layer, and here every layer is on")
  func layers() async throws {
    try await withWorkers { pool async throws in
      let hello = try await pool.hello()
      #expect(hello.layers.map(\.layer) == SandboxLayer.allCases)
      #expect(hello.layers.filter { !$0.isOn } == [])
      #expect(hello.pythonVersion.hasPrefix("3.11."))
      #expect(hello.libraryVersion.hasPrefix("glibc 2."))
    }
  }

  @Test("impossible limits are refused before anything runs")
  func impossibleLimits() async throws {
    try await withWorkers { pool async throws in
      var limits = VerifierLimits.test
      limits.outputBytes = 0
      await #expect(throws: VerificationError.invalidJob(reason: "outputBytes is 0, allowed 1…4 MiB")) {
        try await pool.value("1", limits: limits)
      }
    }
  }
}
