import Testing
import Verification
import VerifierProtocol

@Suite("Replies that are kept")
struct CacheTests {
  private func job(_ number: Int, program: String = "def f(a):\n    return a + ") -> VerifierJob {
    .run(RunJob(program: program + "\(number)", calls: ["1"], limits: .test))
  }

  @Test("an equal job of a later call is answered from the cache, with the same reply")
  func hit() async throws {
    try await withWorkers(cacheBytesMax: 1 << 20) { pool async throws in
      let first = try await pool.run([job(1), job(2)])
      let second = try await pool.run([job(2), job(3), job(1)])
      #expect(pool.cacheHitsCount == 2)
      #expect(second[0] == first[1] && second[2] == first[0])
    }
  }

  @Test("another limit, another input or another screening is another job")
  func otherJob() async throws {
    try await withWorkers(cacheBytesMax: 1 << 20) { pool async throws in
      let program = "def f(a):\n    return a"
      var limits = VerifierLimits.test
      _ = try await pool.run([.run(RunJob(program: program, calls: ["1"], limits: limits))])
      limits.outputBytes += 1
      _ = try await pool.run([.run(RunJob(program: program, calls: ["1"], limits: limits))])
      _ = try await pool.run([.run(RunJob(program: program, calls: ["2"], limits: .test))])
      _ = try await pool.run([.run(RunJob(program: program, calls: ["1"], limits: .test, screening: .off))])
      #expect(pool.cacheHitsCount == 0)
    }
  }

  @Test("what a busy host may have caused is never kept")
  func timeouts() async throws {
    try await withWorkers(cacheBytesMax: 1 << 20) { pool async throws in
      for _ in 0..<2 {
        let reply = try await pool.call("def f():\n    while True: pass")
        #expect(reply.outcome == .timedOut)
      }
      #expect(pool.cacheHitsCount == 0)
    }
  }

  @Test("the oldest replies go when the budget is used up, and a used one stays")
  func budget() async throws {
    // An entry takes about 2.5 KB here: the budget holds some forty of them.
    try await withWorkers(cacheBytesMax: 100_000) { pool async throws in
      for number in 0..<120 {
        _ = try await pool.run([job(number)])
        _ = try await pool.run([job(0)])
      }
      // The first job was used all along (119 hits after its first run and its own repetition).
      #expect(pool.cacheHitsCount == 120)
      _ = try await pool.run([job(1)])
      #expect(pool.cacheHitsCount == 120)
      _ = try await pool.run([job(119)])
      #expect(pool.cacheHitsCount == 121)
    }
  }

  @Test("without a budget nothing is kept")
  func off() async throws {
    try await withWorkers { pool async throws in
      _ = try await pool.run([job(1)])
      _ = try await pool.run([job(1)])
      #expect(pool.cacheHitsCount == 0)
    }
  }
}
