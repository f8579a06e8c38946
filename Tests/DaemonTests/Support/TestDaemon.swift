import Daemon
import Domain
import Environments
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Synchronization

/// A log, a folder for weights, and everything a runner needs: a machine on which processes start and die.
struct TestDaemon: Sendable {
  let log: HookedLog
  let folder: String
  let surroundings: Surroundings
  /// Where to ask in SQL; nil in memory.
  let database: ConnectionSettings?
  let observer = RecordingObserver()

  /// The parts of one process. New parts are a new process: weights in memory are gone.
  struct Process: Sendable {
    let learner: ScriptedLearner
    let parts: StepPerformer.Parts
  }

  func process(
    policy: @escaping CallHook = { _ in }, verifier: @escaping CallHook = { _ in },
    learner: @escaping CallHook = { _ in }
  ) -> Process {
    let learner = ScriptedLearner(folder: folder, hook: learner)
    return Process(
      learner: learner,
      parts: StepPerformer.Parts(
        environment: CodeReasoning(), policy: ScriptedPolicy(learner: learner, hook: policy),
        verifier: ScriptedVerifier(hook: verifier), learner: learner))
  }

  func create(_ name: String = "one", _ settings: ExperimentSettings = scriptedSettings()) async throws
    -> ExperimentRecord
  {
    try await ExperimentCreator(log: log, surroundings: surroundings).create(name, settings: settings)
  }

  /// Runs in a process of its own unless one is given.
  @discardableResult
  func run(
    _ record: ExperimentRecord, in process: Process? = nil, iterations: Int? = nil, takeOver: Bool = false,
    shutDown: @Sendable () -> Bool = { false }
  ) async throws -> ExperimentRunner.End {
    let runner = ExperimentRunner(
      log: log, parts: (process ?? self.process()).parts, surroundings: surroundings, observer: observer)
    return try await runner.run(record, iterations: iterations, takeOver: takeOver, shutDown: shutDown)
  }

  var desk: ControlDesk { ControlDesk(log: log, surroundings: surroundings) }

  func stored(_ record: ExperimentRecord) async throws -> StoredExperiment {
    try await StoredExperiment.load(record, from: log)
  }

  /// Every event of the experiment.
  func recorded(_ record: ExperimentRecord) async throws -> [RecordedEvent] {
    try await log.read(experiment: record.id, after: .start, types: nil, limit: LogLimits.readMax)
  }

  func types(_ record: ExperimentRecord) async throws -> [String] { try await recorded(record).map(\.type) }

  /// What the experiment computed: the play's events with their bodies and what was sampled for them, without the life
  /// of the processes and without what differs between two experiments (id, name, positions).
  func play(_ record: ExperimentRecord) async throws -> [PlayEvent] {
    let recorded = try await recorded(record)
    let generations = try await log.generations(at: recorded.map(\.position))
    return try recorded.dropFirst().filter { !(try $0.event().isLife) }.map {
      PlayEvent(
        type: $0.type, body: $0.body, iteration: $0.iteration, policyVersion: $0.policyVersion,
        generation: generations[$0.position])
    }
  }
}

struct PlayEvent: Equatable, CustomStringConvertible {
  var type: String
  var body: Data
  var iteration: Int?
  var policyVersion: Int?
  var generation: GenerationRecord?

  var description: String { "\(type) \(String(decoding: body, as: UTF8.self))" }
}

/// Runs `body` on an empty log of this kind.
func withTestDaemon(_ kind: LogKind, _ body: (TestDaemon) async throws -> Void) async throws {
  func run(_ log: any EventLog, _ database: ConnectionSettings?) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("autodidact-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(
      TestDaemon(log: HookedLog(log), folder: folder, surroundings: .test(), database: database))
  }
  switch kind {
  case .inMemory: try await kind.withLog { try await run($0, nil) }
  case .postgres:
    try await TestServer.withDatabase { settings in
      try await run(PostgresEventLog(settings, clock: ContinuousClock(), connectionsMax: 2, listens: false), settings)
    }
  }
}

extension Surroundings {
  /// A machine whose clock ticks a second a look and whose ids count.
  static func test() -> Surroundings {
    let counter = Counter()
    return Surroundings(
      host: "testhost", process: 42, software: "autodidact test", numericsProfile: "scripted",
      now: { Double(counter.next()) },
      makeID: {
        let number = UInt64(counter.next())
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * (7 - UInt64($0)))) }
        return UUID(
          uuid: (
            0, 0, 0, 0, 0, 0, 0x40, 0, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]
          ))
      })
  }
}

final class Counter: Sendable {
  private let value = Mutex(0)

  @discardableResult
  func next() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }
}

/// What a runner told.
final class RecordingObserver: RunObserver {
  private let state = Mutex(State())

  private struct State {
    var notes: [String] = []
    var steps: [String] = []
    var summaries: [IterationSummary] = []
  }

  var notes: [String] { state.withLock { $0.notes } }
  /// Names of the steps that began.
  var steps: [String] { state.withLock { $0.steps } }
  var summaries: [IterationSummary] { state.withLock { $0.summaries } }

  func note(_ text: String) { state.withLock { $0.notes.append(text) } }
  func stepBegan(_ step: Step, of experiment: Experiment) { state.withLock { $0.steps.append(step.name) } }
  func progressed(_ progress: StepProgress) {}
  func stepEnded(_ measure: StepMeasure, of experiment: Experiment) {}
  func iterationEnded(_ summary: IterationSummary, of experiment: Experiment) {
    state.withLock { $0.summaries.append(summary) }
  }
}

/// Settings of a small experiment with all three kinds and a round or more of seeding.
func scriptedSettings(
  seed: UInt64 = 1, _ change: (inout ExperimentSettings) -> Void = { _ in }
) -> ExperimentSettings {
  var settings = ExperimentSettings()
  settings.seed = Seed(value: seed)
  settings.iterations = 3
  settings.play.batch = 3
  settings.play.references = 2
  settings.play.inductionReferences = 1
  settings.play.inputs = 4
  settings.play.probes = 3
  settings.play.seedingFactor = 1
  settings.play.seedingRoundsMax = 3
  settings.checkpoints.every = 2
  settings.proposer.tokensMax = 200
  settings.solver.tokensMax = 200
  settings.prompts = scriptedPrompts
  change(&settings)
  return settings
}

private let scriptedPrompts: PromptTemplates = {
  func template(_ text: String, item: String = "") -> PromptTemplate {
    var template = PromptTemplate()
    template.text = text
    template.item = item
    return template
  }
  var prompts = PromptTemplates()
  prompts.proposeDeduction = template("{{references}}{{functions}}", item: "{{program}}\n")
  prompts.proposeAbduction = template("{{references}}{{functions}}", item: "{{program}}\n")
  prompts.proposeDeduction.functions = "call {{names}}:\n{{programs}}\n"
  prompts.proposeAbduction.functions = "call {{names}}:\n{{programs}}\n"
  prompts.proposeInduction = template("{{references}}{{program}} {{inputs}}", item: "{{program}}\n")
  prompts.solveDeduction = template("{{program}}\nIN {{input}}\n")
  prompts.solveAbduction = template("{{program}}\nOUT {{output}}\n")
  prompts.solveInduction = template("{{message}}\n{{pairs}}", item: "IN {{input}}\nOUT {{output}}\n")
  return prompts
}()

/// The failure of a scripted part.
struct ScriptedFault: Error, CustomStringConvertible {
  var what: String
  var description: String { "scripted fault: \(what)" }
}
