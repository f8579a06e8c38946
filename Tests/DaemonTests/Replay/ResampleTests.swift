import Daemon
import Domain
import EventLog
import Foundation
import Testing

/// Performing everything again gives the recorded events, or names the first that it does not give.
@Suite("Resampling")
struct ResampleTests {
  private func withPlayed(_ body: (TinyWorld, ExperimentRecord) async throws -> Void) async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings())
      _ = try await world.run(record)
      try await body(world, record)
    }
  }

  @Test("everything comes out as recorded, and the log is only read")
  func equal() async throws {
    try await withPlayed { world, record in
      let before = try await world.daemon.log.head()
      let report = try await world.resample(record)
      #expect(report.divergence == nil)
      #expect(report.iterations == 3 && report.isSameProfile)
      #expect(report.events == (try await world.daemon.play(record).count))
      #expect(try await world.daemon.log.head() == before)
    }
  }

  @Test("a part is enough where a part is asked for")
  func part() async throws {
    try await withPlayed { world, record in
      let report = try await world.resample(record, to: 1)
      #expect(report.divergence == nil && report.iterations == 1)
      #expect(report.events < (try await world.daemon.play(record).count))
    }
  }

  @Test("pauses, failures and kills in the record change nothing")
  func interrupted() async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings())
      for process in 0..<6 {
        world.daemon.log.restart()
        world.daemon.log.beforeAppend { _, number throws(EventLogError) in
          guard number == 4 else { return }
          if process % 2 == 0 { throw .cancelled(operation: "test") }
          _ = try? await world.daemon.desk.request(.pause, of: "one", reason: "test")
        }
        do {
          _ = try await world.run(record)
        } catch let error as EventLogError {
          #expect(error == .cancelled(operation: "test"))
        }
        _ = try await world.daemon.desk.request(.resume, of: "one", reason: "")
      }
      world.daemon.log.beforeAppend(nil)
      #expect(try await world.run(record) == .finished)
      #expect(try await world.daemon.types(record).contains("ExperimentPaused"))
      let report = try await world.resample(record)
      #expect(report.divergence == nil && report.iterations == 3)
    }
  }

  @Test("another seed is found at the first event it decides")
  func seed() async throws {
    try await withPlayed { world, record in
      let log = try await altered(record, in: world.daemon.log) { event, recording in
        guard case .experimentCreated(var created) = try event.event() else { return }
        created.settings.seed.value ^= 1
        recording.body = Event.experimentCreated(created).body
      }
      let divergence = try #require(try await world.resample(record, in: log).divergence)
      #expect(divergence.type == "ProposalMade" && divergence.difference.field == "random_key")
      #expect(divergence.difference.cause == "another seed: 1 and 0")
    }
  }

  @Test("a flipped bit in one stored sample is found: event, token and cause")
  func sample() async throws {
    try await withPlayed { world, record in
      let target = try #require(
        try await world.daemon.recorded(record).last { $0.type == "AttemptMade" && $0.iteration == 2 })
      let log = try await altered(record, in: world.daemon.log) { event, recording in
        guard event.position == target.position, let generation = recording.generation else { return }
        var tokens = generation.tokens
        tokens[2] ^= 1
        recording.generation = generation.with(tokens: tokens)
      }
      let divergence = try #require(try await world.resample(record, in: log).divergence)
      #expect(divergence.position == target.position.rawValue && divergence.type == "AttemptMade")
      #expect(divergence.difference.field == "tokens" && divergence.difference.token == 2)
    }
  }

  @Test("a changed verdict is found at the verification")
  func verdict() async throws {
    try await withPlayed { world, record in
      let target = try #require(try await world.daemon.recorded(record).first { $0.type == "AttemptVerified" })
      let log = try await altered(record, in: world.daemon.log) { event, recording in
        guard event.position == target.position, case .attemptVerified(var verified) = try event.event() else { return }
        verified.verdict = .forbidden
        recording.body = Event.attemptVerified(verified).body
      }
      let divergence = try #require(try await world.resample(record, in: log).divergence)
      #expect(divergence.position == target.position.rawValue && divergence.difference.field == "verdict")
      #expect(divergence.difference.cause.contains("verifier"))
    }
  }

  @Test("another model is found at its first probability")
  func model() async throws {
    try await withPlayed { world, record in
      try TinyGGUF.write(to: world.model, seed: 43)
      let divergence = try #require(try await world.resample(record).divergence)
      #expect(divergence.type == "ProposalMade" && divergence.difference.token == 0)
    }
  }

  @Test(
    "a flipped bit in one kernel constant is found at its first probability", arguments: ReplayTests.Arithmetic.allCases
  )
  func constant(_ arithmetic: ReplayTests.Arithmetic) async throws {
    try await withPlayed { world, record in
      let engine = try arithmetic.engine(world)
      let parts = StepPerformer.Parts(
        environment: ByteGame(), policy: engine, verifier: ScriptedVerifier(), learner: engine)
      let report = try await Resampler(
        log: world.daemon.log, parts: parts, surroundings: world.daemon.surroundings
      ).resample(record)
      let divergence = try #require(report.divergence)
      #expect(divergence.type == "ProposalMade" && divergence.difference.token != nil)
      #expect(["tokens", "log_probabilities"].contains(divergence.difference.field), "\(divergence)")
    }
  }
}
