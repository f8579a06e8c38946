import Daemon
import Domain
import Engine
import EventLog
import Foundation

/// A daemon on the real engine with a tiny random model, and a game that a random model can win: what a completion means
/// follows from its bytes, so that rewards differ and every iteration teaches something.
struct TinyWorld: Sendable {
  let daemon: TestDaemon
  let model: String

  static func with(_ kind: LogKind = .inMemory, _ body: (TinyWorld) async throws -> Void) async throws {
    try await withTestDaemon(kind) { daemon in
      try FileManager.default.createDirectory(atPath: daemon.folder, withIntermediateDirectories: true)
      let world = TinyWorld(daemon: daemon, model: daemon.folder + "/tiny.gguf")
      try TinyGGUF.write(to: world.model)
      try await body(world)
    }
  }

  /// Settings of a game that takes a second.
  static func settings(
    seed: UInt64 = 1, _ change: (inout ExperimentSettings) -> Void = { _ in }
  ) -> ExperimentSettings {
    scriptedSettings(seed: seed) {
      $0.iterations = 3
      $0.play.seedingRoundsMax = 1
      $0.proposer.tokensMax = 6
      $0.solver.tokensMax = 4
      $0.learner.rate = 1e-2
      $0.checkpoints.every = 1
      $0.checkpoints.keep = 50
      change(&$0)
    }
  }

  /// The parts of a new process: the weights are the base model's.
  func parts(threads: Int = 1, folders: [String] = []) async throws -> StepPerformer.Parts {
    let engine = try await Engine.open(
      modelFile: model, modelDigest: "", threads: threads, checkpoints: daemon.folder + "/checkpoints", keep: 50,
      inherited: folders)
    return StepPerformer.Parts(
      environment: ByteGame(), policy: engine, verifier: ScriptedVerifier(), learner: engine)
  }

  @discardableResult
  func run(_ record: ExperimentRecord, threads: Int = 1) async throws -> ExperimentRunner.End {
    let runner = ExperimentRunner(
      log: daemon.log, parts: try await parts(threads: threads), surroundings: daemon.surroundings,
      observer: daemon.observer)
    return try await runner.run(record)
  }

  func digest(_ record: ExperimentRecord) async throws -> String {
    try await ExperimentDigest.of(record.id, in: daemon.log).hexadecimal
  }

  /// Weights and optimizer digests of all versions, in order.
  func weights(_ record: ExperimentRecord) async throws -> [String] {
    try await daemon.recorded(record).compactMap {
      guard case .weightsUpdated(let updated) = try $0.event() else { return nil }
      return updated.outcome.weightsDigest + updated.outcome.optimizerDigest
    }
  }

  func replay(
    _ record: ExperimentRecord, in log: (any EventLog)? = nil, from: Int = 0, to: Int? = nil,
    surroundings: Surroundings? = nil
  ) async throws -> ReplayReport {
    let log = log ?? daemon.log
    let experiment = try await StoredExperiment.load(record, from: log).experiment
    return try await Replayer(
      log: log, learner: try await parts().learner, surroundings: surroundings ?? daemon.surroundings
    ).replay(experiment, from: from, to: to)
  }

  func resample(_ record: ExperimentRecord, in log: (any EventLog)? = nil, to: Int? = nil) async throws
    -> ResampleReport
  {
    try await Resampler(log: log ?? daemon.log, parts: try await parts(), surroundings: daemon.surroundings)
      .resample(record, to: to)
  }
}

/// Judges completions by their bytes alone. No jobs for the verifier.
struct ByteGame: Environment {
  func request(for plan: Step.ProposalPlan, in experiment: Experiment) -> GenerationRequest {
    let shown = plan.references.map(\.problem.program).joined(separator: " ")
    return request("\(plan.id.kind) \(shown.suffix(40)):", experiment.settings.proposer, experiment.key(of: plan.id))
  }

  func request(for plan: Step.AttemptPlan, in experiment: Experiment) -> GenerationRequest {
    request(
      "solve \(plan.problem.problem.program.suffix(40)):", experiment.settings.solver.sampling(for: plan.id.purpose),
      experiment.key(of: plan.id))
  }

  private func request(_ prompt: String, _ role: RoleSettings, _ key: RandomKey) -> GenerationRequest {
    GenerationRequest(
      prompt: prompt, sampling: Sampling(temperature: role.temperature, tokensMax: role.tokensMax, stops: []), key: key)
  }

  func check(
    proposal: ProposalMade, completion: String, material: ProposalMaterial, settings: ExperimentSettings
  ) -> Check<ProposalVerified> {
    let sum = Self.sum(completion)
    guard sum % 3 != 0 else {
      return .decided(ProposalVerified(proposal: proposal.proposal, problem: nil, refusal: .raised, detail: "\(sum)"))
    }
    let kind = proposal.proposal.kind
    let pairs = (0..<(kind == .induction ? settings.play.inputs : 1)).map { Pair(input: "\($0)", output: "\(sum)") }
    let composition = proposal.functions.map { Composition(functions: $0, forwards: sum % 2 == 0) }
    let problem = Problem(kind: kind, program: "p\(sum)", pairs: pairs, composition: composition)
    let measures = ProgramMeasures(
      cognitive: sum % 7, cyclomatic: sum % 5, volume: sum * 10, effort: sum * 100,
      distance: material.references.isEmpty ? nil : sum * 50)
    return .decided(
      ProposalVerified(
        proposal: proposal.proposal, problem: problem, refusal: nil, detail: "",
        measures: settings.intrinsic.needsMeasures && kind != .induction ? measures : nil))
  }

  func check(
    attempt: AttemptMade, at problem: Problem, completion: String, settings: ExperimentSettings
  ) -> Check<AttemptVerified> {
    let verdict: Verdict = [.correct, .incorrect, .malformed][Self.sum(completion) % 3]
    return .decided(
      AttemptVerified(attempt: attempt.attempt, problem: attempt.problem, verdict: verdict, answer: "", detail: ""))
  }

  private static func sum(_ completion: String) -> Int { completion.utf8.reduce(7) { ($0 * 31 + Int($1)) % 10_007 } }
}

/// What an alteration may change of a recorded event.
struct Recording {
  var body: Data
  var generation: GenerationRecord?
}

/// Copies an experiment of its own into a log in memory, with some of its events altered on the way, as if a disk had
/// changed them. Positions stay what they are in a log that holds nothing else.
func altered(
  _ record: ExperimentRecord, in log: any EventLog, _ alter: (RecordedEvent, inout Recording) throws -> Void
) async throws -> InMemoryEventLog {
  let copy = InMemoryEventLog(clock: ContinuousClock()) { Timestamp(microseconds: 0) }
  let events = try await log.read(experiment: record.id, after: .start, types: nil, limit: LogLimits.readMax)
  let generations = try await log.generations(at: events.map(\.position))
  for (index, event) in events.enumerated() {
    var recording = Recording(body: event.body, generation: generations[event.position])
    try alter(event, &recording)
    let new = NewEvent(
      type: event.type, schemaVersion: event.schemaVersion, iteration: event.iteration,
      policyVersion: event.policyVersion, cause: event.cause.map { .recorded($0) }, body: recording.body,
      generation: recording.generation)
    if index == 0 {
      _ = try await copy.createExperiment(record.id, name: record.name, state: "copy", events: [new], key: "0")
    } else {
      _ = try await copy.append(
        Append(key: "\(index)", experiment: record.id, expectedVersion: Int64(index), epoch: nil, events: [new]))
    }
  }
  return copy
}

extension GenerationRecord {
  func with(tokens: [Int32]? = nil, logProbabilities: [Float]? = nil, prompt: String? = nil) -> GenerationRecord {
    GenerationRecord(
      tokens: tokens ?? self.tokens, logProbabilities: logProbabilities ?? self.logProbabilities,
      prompt: prompt ?? self.prompt, completion: completion, sampling: sampling, randomKey: randomKey, finish: finish)
  }
}
