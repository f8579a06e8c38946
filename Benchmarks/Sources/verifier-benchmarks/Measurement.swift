import Foundation
import Verification
import VerifierProtocol

/// Something a benchmark cannot go on with.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Runs everything, round by round, on one pool with the full sandbox.
struct Measurement {
  var configuration: VerifierConfiguration
  var programsCount: Int
  var rounds: Int
  var peers: Peers

  private static let limits = VerifierLimits(
    wallSeconds: 10, cpuSeconds: 2, memoryBytes: 256 << 20, outputBytes: 4096, stackBytes: 8 << 20)
  /// The wall-clock limit of the loop that never ends.
  private static let loopSeconds = 0.2
  /// Single calls of a round, for the percentiles.
  private static let callsPerRound = 100

  /// - Throws: when a program does not give a value, or a peer cannot be run.
  func run() async throws -> Report {
    try await withVerifierPool(configuration: configuration) { pool in
      let layers = try await pool.hello().layers
      var report = Report(workers: configuration.workersMax, programs: programsCount, load: try Self.load())
      report.layers = layers.filter(\.isOn).count
      let programs = (0..<programsCount).map(Programs.typical)
      _ = try await speed(pool, Array(programs.prefix(50)), checksDeterminism: true)
      for round in 0..<rounds {
        report.oneChild.append(try await speed(pool, programs, checksDeterminism: false))
        report.twoChildren.append(try await speed(pool, programs, checksDeterminism: true))
        report.calls += try await callSeconds(pool, first: round * Self.callsPerRound)
        report.overshoots += try await overshoots(pool)
        report.forkServer.append(try peers.forkServer(programs))
        if let figure = try peers.bubblewrap(Array(programs.prefix(20))) { report.bubblewrap.append(figure) }
      }
      report.loadAfter = try Self.load()
      return report
    }
  }

  /// Programs a second, all given to the pool at once, as a step of an experiment does.
  private func speed(
    _ pool: VerifierPool, _ programs: [Programs.Program], checksDeterminism: Bool
  ) async throws -> Double {
    let jobs = programs.map { job($0, checksDeterminism: checksDeterminism) }
    let clock = ContinuousClock()
    let start = clock.now
    let replies = try await pool.run(jobs)
    let seconds = (clock.now - start) / .seconds(1)
    for (reply, program) in zip(replies, programs) { try expectValue(reply, program) }
    return Double(programs.count) / seconds
  }

  /// Seconds of single calls of a trivial program in both interpreters, one after another, from asking to the reply.
  private func callSeconds(_ pool: VerifierPool, first: Int) async throws -> [Double] {
    let clock = ContinuousClock()
    var seconds: [Double] = []
    for number in first..<first + Self.callsPerRound {
      let program = Programs.trivial(number)
      let start = clock.now
      let replies = try await pool.run([job(program, checksDeterminism: true)])
      seconds.append((clock.now - start) / .seconds(1))
      try expectValue(replies[0], program)
    }
    return seconds
  }

  /// How long after its wall-clock limit a loop that never ends is over.
  private func overshoots(_ pool: VerifierPool) async throws -> [Double] {
    var limits = Self.limits
    limits.wallSeconds = Self.loopSeconds
    let loop = "def f():\n    while True:\n        try:\n            while True: pass\n        except: pass"
    var seconds: [Double] = []
    for _ in 0..<4 {
      let replies = try await pool.run([.run(RunJob(program: loop, calls: [""], limits: limits))])
      guard case .run(let run) = replies[0], run.calls[0].outcome == .timedOut else {
        throw BenchmarkError("a loop without end gave \(replies[0])")
      }
      // A child that a busy host starved is run once more with twice the time, and its usage is that of the second run.
      let wall = run.calls[0].usage.wallSeconds
      seconds.append(wall - (wall >= 2 * limits.wallSeconds ? 2 : 1) * limits.wallSeconds)
    }
    return seconds
  }

  private func job(_ program: Programs.Program, checksDeterminism: Bool) -> VerifierJob {
    .run(
      RunJob(
        program: program.source, calls: [program.input], limits: Self.limits, checksDeterminism: checksDeterminism,
        screening: .standard))
  }

  private func expectValue(_ reply: VerifierReply, _ program: Programs.Program) throws {
    guard case .run(let run) = reply, case .value = run.calls[0].outcome else {
      throw BenchmarkError("\(reply) to \(program.source)")
    }
  }

  /// The machine's load average of a minute: what else ran must be known beside the figures.
  private static func load() throws -> Double {
    let text = try String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
    guard let load = text.split(separator: " ").first.flatMap({ Double($0) }) else {
      throw BenchmarkError("/proc/loadavg has no number: \(text)")
    }
    return load
  }
}
