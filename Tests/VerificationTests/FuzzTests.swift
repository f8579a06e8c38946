import Domain
import Foundation
import Testing
import Verification
import VerifierProtocol

/// `AUTODIDACT_FUZZ_PROGRAMS` and `AUTODIDACT_FUZZ_SEED` make the run longer or another one.
@Suite("Random programs and frames", .serialized)
struct FuzzTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let count = environment["AUTODIDACT_FUZZ_PROGRAMS"].flatMap { Int($0) } ?? 400
  private static let seed = environment["AUTODIDACT_FUZZ_SEED"].flatMap { UInt64($0) } ?? 20_261_123

  private static let warmUps = 50

  /// What the worker's processes hold: a leak shows in one of these.
  private struct Holdings {
    var processes: [pid_t]
    var descriptors: [Int]
    var residentBytes: [Int]

    init(_ copy: borrowing WorkerCopy) throws {
      processes = try copy.processes().sorted()
      descriptors = processes.map {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\($0)/fd").count) ?? 0
      }
      residentBytes = processes.map {
        let words =
          (FileManager.default.contents(atPath: "/proc/\($0)/statm").map { String(decoding: $0, as: UTF8.self) } ?? "")
          .split(separator: " ")
        return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
      }
    }
  }

  @Test("every random program gets an outcome; no worker is lost, and no process, descriptor or memory is left behind")
  func programs() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(executable: copy.executable) { pool async throws in
      var limits = VerifierLimits.test
      (limits.wallSeconds, limits.cpuSeconds, limits.memoryBytes) = (2, 0.1, 64 << 20)
      var programs = try FuzzPrograms(seed: Self.seed, count: Self.count + Self.warmUps)
      func batch(_ count: Int) async throws -> [String: Int] {
        let drawn = (0..<count).map { _ in programs.next() }
        let replies = try await pool.run(
          drawn.enumerated().map { number, drawn in
            .run(
              RunJob(
                program: drawn.program, calls: [drawn.input], limits: limits,
                screening: number % 4 == 0 ? .standard : .off))
          })
        var outcomes: [String: Int] = [:]
        for (reply, drawn) in zip(replies, drawn) {
          guard case .run(let run) = reply, run.calls.count == 1 else {
            Issue.record("seed \(Self.seed): \(reply) to \(drawn.program)")
            continue
          }
          outcomes[String("\(run.calls[0].outcome)".prefix { $0 != "(" }), default: 0] += 1
        }
        return outcomes
      }
      _ = try await batch(Self.warmUps)  // everything is warm
      let before = try Holdings(copy)
      var outcomes: [String: Int] = [:]
      for start in stride(from: 0, to: Self.count, by: 500) {
        outcomes.merge(try await batch(min(500, Self.count - start)), uniquingKeysWith: +)
      }
      let after = try Holdings(copy)
      print("fuzz: \(Self.count) programs, seed \(Self.seed): \(outcomes.sorted { $0.key < $1.key })")
      print("fuzz: resident \(before.residentBytes.map { $0 >> 10 }) → \(after.residentBytes.map { $0 >> 10 }) KiB")
      #expect(outcomes.values.reduce(0, +) == Self.count, "seed \(Self.seed)")
      let malformed = Double(outcomes["malformed"] ?? 0) / Double(Self.count)
      #expect(malformed < 0.15, "seed \(Self.seed): \(malformed) of the programs are none")
      #expect(outcomes["value"] ?? 0 > 0 && outcomes["raised"] ?? 0 > 0 && outcomes["forbidden"] ?? 0 > 0)
      #expect(pool.workerLossesCount == 0, "seed \(Self.seed)")
      #expect(after.processes == before.processes, "seed \(Self.seed)")
      #expect(after.descriptors == before.descriptors, "seed \(Self.seed)")
      for (now, then) in zip(after.residentBytes, before.residentBytes) {
        #expect(now - then < 8 << 20, "seed \(Self.seed): \(then) became \(now) bytes")
      }
      #expect(try await pool.value("6 * 7") == .value("42"))
    }
  }

  @Test("frames with random bytes changed are read or refused, never more")
  func frames() throws {
    var random = RandomStream(RandomKey(seed: Self.seed, purpose: .problems, iteration: 1))
    let jobs: [WorkerRequest.Numbered] = [
      .init(id: 1, job: .run(RunJob(program: "def f(): return 1", calls: ["1", "'a'"]))),
      .init(id: 2, job: .literal(LiteralJob(text: "[1, 2]"))),
      .init(id: 3, job: .normalise(NormaliseJob(program: "x"))),
    ]
    let good = try Frame.encode(WorkerRequest(jobs: jobs))
    var refused = 0
    for _ in 0..<5000 {
      var bytes = good
      for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      bytes.removeLast(random.below(3) == 0 ? random.below(bytes.count) : 0)
      var buffer = FrameBuffer()
      buffer.append(bytes)
      do {
        while let body = try buffer.next() { _ = try Frame.decode(WorkerRequest.self, from: body) }
      } catch {
        #expect(!"\(error)".isEmpty)
        refused += 1
      }
    }
    #expect(refused > 1000, "seed \(Self.seed)")
  }
}
