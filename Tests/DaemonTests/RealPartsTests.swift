import Daemon
import Domain
import Engine
import Environments
import EventLog
import Foundation
import Settings
import Testing
import Verification

/// The whole loop on real parts: SmolLM2 on our engine, the verifier's worker, PostgreSQL. Small, so that it ends soon.
@Suite(
  "Real parts", .serialized, .needsPostgres,
  .enabled(if: ReferenceFiles.smolLM2.isUsable, ReferenceFiles.smolLM2.reason))
struct RealPartsTests {
  private func open(_ folder: String, _ settings: ExperimentSettings) async throws -> Engine {
    try await Engine.open(
      modelFile: ReferenceFiles.smolLM2.path, modelDigest: "", threads: 2, checkpoints: folder, keep: 1,
      training: TrainingMethod(settings))
  }

  @Test(
    "an iteration is on-policy and moves the weights or their adapters; checkpoint and log each give them back to the bit",
    arguments: LearnerSettings.Method.allCases)
  func iteration(method: LearnerSettings.Method) async throws {
    let settings = try SettingsFile.load(
      path: ReferenceFiles.packageRoot + "/configs/quickstart.yaml",
      overrides: smallOverrides + ["learner.method=\(method.rawValue)", "learner.lora_rank=4"])
    try await withTestDaemon(.postgres) { daemon in
      let record = try await daemon.create("real", settings)
      var checkpoint: Checkpoint?
      do {
        let engine = try await open(daemon.folder, settings)
        let executable = VerifierConfiguration.executable(beside: "/proc/self/exe")
        try await withVerifierPool(
          configuration: VerifierConfiguration(executable: executable, workersMax: 1)
        ) { pool in
          let parts = StepPerformer.Parts(
            environment: CodeReasoning(), policy: engine,
            verifier: ProgramVerifier(pool: pool, settings: settings.verifier), learner: engine)
          let runner = ExperimentRunner(
            log: daemon.log, parts: parts, surroundings: daemon.surroundings, observer: daemon.observer)
          // Rewards that do not differ teach nothing; some iteration's do.
          for _ in 1...5 where checkpoint == nil {
            #expect(try await runner.run(record, iterations: 1) == .iterationsDone)
            checkpoint = try await daemon.stored(record).experiment.checkpoint
          }
        }
      }
      let saved = try #require(checkpoint)
      let update = try #require(
        try await daemon.recorded(record).lazy.compactMap { recorded -> WeightsUpdated? in
          if case .weightsUpdated(let updated) = try recorded.event() { updated } else { nil }
        }.first)
      #expect(update.outcome.logProbabilityMismatches == 0)
      #expect(update.outcome.ratioMean == 1 && update.outcome.ratioDistanceMax == 0)
      #expect(update.outcome.tokens > 0 && update.outcome.gradientNorm > 0)
      #expect(saved.weightsDigest == update.outcome.weightsDigest)
      // Adapters of rank 4 are less than a hundredth of the model.
      #expect((saved.bytes < 20 << 20) == (method == .lora))

      // The restorer compares every digest with the recorded one and throws if one differs.
      let experiment = try await daemon.stored(record).experiment
      do {
        let engine = try await open(daemon.folder, settings)
        try await WeightsRestorer(log: daemon.log, learner: engine).restore(experiment) { daemon.observer.note($0) }
        #expect(await engine.policyVersion == 1)
        #expect(daemon.observer.notes.last?.contains("from \(saved.file)") == true)
      }
      try FileManager.default.removeItem(atPath: daemon.folder + "/" + saved.file)
      do {
        let engine = try await open(daemon.folder, settings)
        try await WeightsRestorer(log: daemon.log, learner: engine).restore(experiment) { daemon.observer.note($0) }
        #expect(await engine.policyVersion == 1)
        #expect(daemon.observer.notes.last?.contains("training version 1 again") == true)
      }
    }
  }
}

/// The quickstart, cut down to seconds.
let smallOverrides = [
  "play.kinds=[deduction]", "play.batch=4", "play.probes=1", "play.seeding_factor=0", "proposer.tokens_max=64",
  "solver.tokens_max=16", "checkpoints.every=100",
]
