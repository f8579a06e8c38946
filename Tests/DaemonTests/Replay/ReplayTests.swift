import Daemon
import Domain
import Engine
import EventLog
import Foundation
import Tensor
import Testing
import Transformer

/// Promise P3 on the real engine: the log alone gives every recorded weights and optimizer digest again, and a change of
/// anything that was recorded is found and named.
@Suite("Replay")
struct ReplayTests {
  private func withPlayed(
    seed: UInt64 = 1, _ body: (TinyWorld, ExperimentRecord) async throws -> Void
  ) async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings(seed: seed))
      #expect(try await world.run(record) == .finished)
      try await body(world, record)
    }
  }

  @Test("every digest comes out as recorded, on one thread and on two, and nothing is written")
  func equal() async throws {
    try await withPlayed { world, record in
      let before = try await world.daemon.log.head()
      let report = try await world.replay(record)
      #expect(report.isEqual)
      #expect(report.updates.map(\.verdict) == [.equal, .equal, .equal])
      #expect(report.toVersion == 3 && report.updates.allSatisfy { $0.tokens > 0 })
      #expect(try await world.daemon.log.head() == before)
      let other = try await world.daemon.create("two-threads", TinyWorld.settings())
      _ = try await world.run(other, threads: 2)
      #expect(try await world.weights(other) == world.weights(record))
    }
  }

  @Test(
    "a part of the versions is replayed from a checkpoint, or from training where there is none",
    arguments: [true, false])
  func range(hasFiles: Bool) async throws {
    try await withPlayed { world, record in
      if !hasFiles { try FileManager.default.removeItem(atPath: world.daemon.folder + "/checkpoints") }
      let report = try await world.replay(record, from: 1, to: 2)
      #expect(report.updates.map(\.version) == [2])
      #expect(report.isEqual && report.fromVersion == 1 && report.toVersion == 2)
      await #expect(throws: ReplayRange.self) { try await world.replay(record, from: 2, to: 9) }
    }
  }

  /// The sample, and a log in which something of its generation is changed.
  private func sample(
    _ world: TinyWorld, _ record: ExperimentRecord, _ change: (GenerationRecord) -> GenerationRecord
  ) async throws -> (RecordedEvent, InMemoryEventLog) {
    let target = try #require(
      try await world.daemon.recorded(record).last { event in
        guard case .attemptMade(let made) = try event.event() else { return false }
        return made.attempt.iteration == 2 && made.attempt.purpose == .solve
      })
    let log = try await altered(record, in: world.daemon.log) { event, recording in
      if event.position == target.position { recording.generation = recording.generation.map(change) }
    }
    return (target, log)
  }

  @Test("a flipped bit in a stored token is found: the update, the sample and the token are named")
  func flippedToken() async throws {
    try await withPlayed { world, record in
      let (target, log) = try await sample(world, record) { generation in
        var tokens = generation.tokens
        tokens[1] ^= 4
        return generation.with(tokens: tokens)
      }
      let report = try await world.replay(record, in: log)
      let difference = try #require(report.difference)
      #expect(difference.iteration == 2 && difference.version == 2 && difference.what == "batch")
      #expect(difference.sample?.position == target.position.rawValue)
      #expect(difference.sample?.token == 1)
      #expect(report.updates.map(\.verdict) == [.equal, .different])
    }
  }

  @Test("a flipped bit in a stored log-probability is found at its token")
  func flippedLogProbability() async throws {
    try await withPlayed { world, record in
      let (target, log) = try await sample(world, record) { generation in
        var values = generation.logProbabilities
        values[2] = Float(bitPattern: values[2].bitPattern ^ 1)
        return generation.with(logProbabilities: values)
      }
      let difference = try #require(try await world.replay(record, in: log).difference)
      #expect(difference.what == "batch" && difference.sample?.token == 2)
      #expect(difference.sample?.position == target.position.rawValue)
      #expect(difference.sample?.recorded != difference.sample?.found)
    }
  }

  @Test("a token that no vocabulary has is named instead of crashing the engine")
  func impossibleToken() async throws {
    try await withPlayed { world, record in
      let (target, log) = try await sample(world, record) { $0.with(tokens: $0.tokens.map { $0 | 1 << 20 }) }
      let difference = try #require(try await world.replay(record, in: log).difference)
      #expect(difference.sample?.position == target.position.rawValue)
      #expect(difference.sample?.problem != nil)
    }
  }

  @Test("a changed verdict is found in the baselines")
  func changedVerdict() async throws {
    try await withPlayed { world, record in
      var isChanged = false
      let log = try await altered(record, in: world.daemon.log) { event, recording in
        guard !isChanged, event.iteration == 1, case .attemptVerified(var verified) = try event.event(),
          verified.attempt.purpose == .solve
        else { return }
        verified.verdict = verified.verdict == .correct ? .malformed : .correct
        recording.body = Event.attemptVerified(verified).body
        isChanged = true
      }
      let difference = try #require(try await world.replay(record, in: log).difference)
      #expect(isChanged && difference.iteration == 1 && difference.what == "groups")
      #expect(difference.cause.contains("verdict"))
    }
  }

  @Test("another model file is found at the first update: the sample and the tensor that differ")
  func otherModel() async throws {
    try await withPlayed { world, record in
      try TinyGGUF.write(to: world.model, seed: 43)
      let difference = try #require(try await world.replay(record).difference)
      #expect(difference.version == 1 && difference.what == "weights")
      #expect(difference.sample?.token == 0)
      // Its checkpoints belong to the first model, so no tensor can be compared.
      #expect(difference.tensor == nil)
    }
  }

  @Test("other arithmetic in the optimizer is found: the forward pass agrees, and the tensor is named")
  func otherOptimizer() async throws {
    try await withPlayed { world, record in
      let log = try await altered(record, in: world.daemon.log) { event, recording in
        guard case .experimentCreated(var created) = try event.event() else { return }
        created.settings.learner.rate = created.settings.learner.rate.nextUp * (1 + 1e-6)
        recording.body = Event.experimentCreated(created).body
      }
      let difference = try #require(try await world.replay(record, in: log).difference)
      #expect(difference.version == 1 && difference.what == "weights")
      #expect(difference.sample == nil)
      #expect(difference.tensor?.tensor == "token_embd.weight")
      #expect(difference.cause.contains("optimizer"))
    }
  }

  /// A constant that the kernels compute with, one bit of it flipped, or other kernels.
  enum Arithmetic: String, CaseIterable, CustomTestStringConvertible {
    case epsilon, ropeBase, portableKernels

    var testDescription: String { rawValue }

    /// An engine of the model that computes this way. The model file, and so its digest, is the recorded one.
    func engine(_ world: TinyWorld) throws -> Engine {
      let stored = try StoredModel(path: world.model)
      var configuration = stored.configuration
      switch self {
      case .epsilon:
        configuration.normEpsilon = Float(bitPattern: configuration.normEpsilon.bitPattern ^ 1 << 18)
      case .ropeBase: configuration.ropeTheta = Double(bitPattern: configuration.ropeTheta.bitPattern ^ 1 << 40)
      case .portableKernels: break
      }
      let pool = ThreadPool(threads: 1, path: self == .portableKernels ? .portable : .chosen)
      let decoder = try TrainingMethod.full.decoder(configuration, base: stored, pool: pool)
      let model = Model(
        file: world.model, digest: try Model.digest(of: world.model),
        tokenizer: try Tokenizer(stored.tokenizerDefinition()), decoder: decoder)
      return try Engine(
        model: model, checkpoints: CheckpointFolder(path: world.daemon.folder + "/checkpoints", keep: 50))
    }
  }

  @Test(
    "a flipped bit in one kernel constant is found at the first update: the sample, its token and a tensor are named",
    arguments: Arithmetic.allCases)
  func flippedConstant(_ arithmetic: Arithmetic) async throws {
    try await withPlayed { world, record in
      let experiment = try await world.daemon.stored(record).experiment
      let replayer = Replayer(
        log: world.daemon.log, learner: try arithmetic.engine(world), surroundings: world.daemon.surroundings)
      let difference = try #require(try await replayer.replay(experiment).difference)
      #expect(difference.iteration == 1 && difference.version == 1 && difference.what == "weights")
      let sample = try #require(difference.sample)
      #expect(sample.token != nil && sample.recorded != sample.found && sample.found?.isFinite == true)
      let generation = try #require(
        try await world.daemon.log.generations(at: [Position(sample.position)])[Position(sample.position)])
      #expect(sample.recorded == sample.token.map { generation.logProbabilities[$0] })
      let tensor = try #require(difference.tensor)
      #expect(tensor.tensor == "token_embd.weight" && tensor.recorded != tensor.found)
      #expect(difference.cause.contains("forward pass"))
    }
  }

  @Test("another numerics profile is compared within the tolerance and never called equal")
  func otherProfile() async throws {
    try await withPlayed { world, record in
      var elsewhere = world.daemon.surroundings
      elsewhere.numericsProfile = "another machine"
      let report = try await world.replay(record, surroundings: elsewhere)
      #expect(report.difference == nil)
      #expect(!report.isEqual)
      #expect(report.updates.allSatisfy { $0.verdict == .withinTolerance && $0.recordedProfile == "scripted" })
      // A difference beyond the tolerance is one there too.
      try TinyGGUF.write(to: world.model, seed: 43)
      let difference = try await world.replay(record, surroundings: elsewhere).difference
      #expect(difference?.what == "figures")
    }
  }

  @Test("a skipped update is skipped again")
  func skipped() async throws {
    try await TinyWorld.with { world in
      let settings = TinyWorld.settings {
        $0.rewards.malformed = 0
        $0.rewards.incorrect = 0
        $0.rewards.duplicate = 0
        $0.play.trainProposer = false
        $0.play.kinds = [.deduction]
        $0.play.batch = 1
        $0.iterations = 2
      }
      let record = try await world.daemon.create("one", settings)
      _ = try await world.run(record)
      let report = try await world.replay(record)
      #expect(report.updates.map(\.verdict) == [.skipped, .skipped])
      #expect(report.isEqual && report.toVersion == 0)
    }
  }
}
