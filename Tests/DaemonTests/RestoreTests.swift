import Daemon
import Domain
import EventLog
import Foundation
import Testing

/// Promise P3: the log alone rebuilds the weights.
@Suite("Restoring weights")
struct RestoreTests {
  private static let settings = scriptedSettings {
    $0.iterations = 4
    $0.checkpoints.every = 1
    $0.checkpoints.keep = 4
  }

  /// Runs three iterations with a checkpoint after each. Returns the weights and the files, oldest first.
  private func prepare(_ daemon: TestDaemon) async throws -> (
    record: ExperimentRecord, weights: String, files: [String]
  ) {
    let record = try await daemon.create("one", Self.settings)
    let process = daemon.process()
    _ = try await daemon.run(record, in: process, iterations: 3)
    let files = try await daemon.recorded(record).compactMap {
      if case .checkpointSaved(let saved) = try $0.event() { saved.file } else { nil }
    }
    #expect(files.count == 3)
    return (record, await process.learner.weights, files.map { daemon.folder + "/" + $0 })
  }

  private func restore(_ daemon: TestDaemon, _ record: ExperimentRecord) async throws -> ScriptedLearner {
    let learner = daemon.process().learner
    let experiment = try await daemon.stored(record).experiment
    try await WeightsRestorer(log: daemon.log, learner: learner).restore(experiment) { daemon.observer.note($0) }
    return learner
  }

  @Test("the newest checkpoint needs no training", arguments: LogKind.available)
  func newest(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let (record, weights, _) = try await prepare(daemon)
      let learner = try await restore(daemon, record)
      #expect(await learner.weights == weights)
      #expect(await learner.updates == 0)
      #expect(await learner.policyVersion == 3)
    }
  }

  @Test(
    "missing or damaged checkpoints are passed over, and what came after the one that is whole is trained again",
    arguments: LogKind.available, [1, 2, 3])
  func damaged(kind: LogKind, count: Int) async throws {
    try await withTestDaemon(kind) { daemon in
      let (record, weights, files) = try await prepare(daemon)
      for (index, file) in files.suffix(count).enumerated() {
        if index % 2 == 0 {
          try FileManager.default.removeItem(atPath: file)
        } else {
          var content = try Data(contentsOf: URL(fileURLWithPath: file))
          content[content.count - 1] ^= 1
          try content.write(to: URL(fileURLWithPath: file))
        }
      }
      let learner = try await restore(daemon, record)
      #expect(await learner.weights == weights)
      #expect(await learner.policyVersion == 3)
      #expect(await learner.updates == count)
      #expect(daemon.observer.notes.filter { $0.contains("is not usable") }.count == count)
      // The next iteration goes on from there.
      #expect(try await daemon.run(record) == .finished)
    }
  }

  @Test("weights that a process moved but could not record are thrown away", arguments: LogKind.available)
  func unrecordedUpdate(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole", Self.settings)
      _ = try await daemon.run(whole)
      let record = try await daemon.create("one", Self.settings)
      let process = daemon.process()
      let fault = EventLogError.unavailable(operation: "append", attempts: 5, reason: "no route")
      daemon.log.beforeAppend { append, _ throws(EventLogError) in
        if append.events.first?.type == "WeightsUpdated" { throw fault }
      }
      await #expect(throws: fault) { try await daemon.run(record, in: process) }
      #expect(await process.learner.policyVersion == 1)
      daemon.log.beforeAppend(nil)
      // The same process goes on, with weights that the log does not know.
      #expect(try await daemon.run(record, in: process) == .finished)
      #expect(try await daemon.play(record) == daemon.play(whole))
    }
  }

  @Test("skipped updates are passed over when weights are trained again", arguments: LogKind.available)
  func skipped(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", Self.settings)
      let process = daemon.process(learner: { if $0 == 3 { throw LearnerError.notFinite("test") } })
      #expect(try await daemon.run(record, in: process) == .finished)
      try FileManager.default.removeItem(atPath: daemon.folder)
      let learner = try await restore(daemon, record)
      #expect(await learner.weights == process.learner.weights)
      #expect(await learner.policyVersion == 3)
    }
  }

  @Test("a changed sample is found, and the mismatch names the version", arguments: [1, 2, 3])
  func changedSample(version: Int) async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let (record, _, files) = try await prepare(daemon)
      for file in files { try FileManager.default.removeItem(atPath: file) }
      let sample = try #require(
        try await daemon.recorded(record).last { $0.type == "AttemptMade" && $0.iteration == version })
      daemon.log.change(at: sample.position)
      do {
        _ = try await restore(daemon, record)
        Issue.record("the change was not found")
      } catch let mismatch as DigestMismatch {
        #expect(mismatch.version == version)
        #expect(mismatch.what == "batch")
        #expect("\(mismatch)".contains("version \(version)"))
      }
    }
  }

  @Test("weights that come out otherwise fail the experiment instead of going on", arguments: LogKind.available)
  func otherNumerics(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let (record, _, files) = try await prepare(daemon)
      for file in files { try FileManager.default.removeItem(atPath: file) }
      var parts = daemon.process().parts
      parts.learner = OtherNumerics(folder: daemon.folder)
      let runner = ExperimentRunner(
        log: daemon.log, parts: parts, surroundings: daemon.surroundings, observer: daemon.observer)
      await #expect(throws: DigestMismatch.self) { try await runner.run(record) }
      guard case .experimentFailed(let failure) = try await daemon.recorded(record).last?.event() else {
        Issue.record("no failure was recorded")
        return
      }
      #expect(failure.step == "restore weights")
      #expect(failure.error.contains("weights digest of version 1"))
      #expect(try await daemon.log.experiment(record.id)?.state == "failed")
      // On the right machine it goes on.
      _ = try await daemon.desk.request(.resume, of: "one", reason: "")
      #expect(try await daemon.run(record) == .finished)
    }
  }
}

/// A learner whose sums round differently.
private actor OtherNumerics: Learner {
  private let learner: ScriptedLearner

  init(folder: String) { learner = ScriptedLearner(folder: folder) }

  var policyVersion: PolicyVersion { get async { await learner.policyVersion } }

  func update(
    _ samples: [TrainingSample], settings: LearnerSettings, progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> UpdateOutcome {
    var settings = settings
    settings.rate = settings.rate.nextUp
    return try await learner.update(samples, settings: settings, progress: progress)
  }
  func save(experiment: ExperimentID, head: LogAnchor) async throws -> Checkpoint {
    try await learner.save(experiment: experiment, head: head)
  }
  func load(_ checkpoint: Checkpoint, experiment: ExperimentID) async throws {
    try await learner.load(checkpoint, experiment: experiment)
  }
  func reset() async throws { try await learner.reset() }
}
