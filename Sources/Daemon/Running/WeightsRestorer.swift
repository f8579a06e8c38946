import Domain
import EventLog

/// Brings the learner to the policy version of the log: the newest whole checkpoint, and every recorded update after it
/// trained again from the recorded samples (architecture §7). Each weights digest must come out as recorded (promise P3).
package struct WeightsRestorer: Sendable {
  package let log: any EventLog
  package let learner: any Learner

  package init(log: any EventLog, learner: any Learner) {
    self.log = log
    self.learner = learner
  }

  /// - Parameter report: told in words what is being done.
  /// - Throws: `DigestMismatch` if an update does not come out as recorded.
  package func restore(_ experiment: Experiment, report: @escaping @Sendable (String) -> Void) async throws {
    guard await learner.policyVersion != experiment.policyVersion || experiment.policyVersion == 0 else { return }
    var position = try await loadCheckpoint(experiment, report: report)
    let consumer = LearnerConsumer(experiment: experiment.id, settings: experiment.settings)
    while await learner.policyVersion < experiment.policyVersion {
      guard let lesson = try await consumer.lesson(log, after: position), let recorded = lesson.recorded else {
        throw EventLogError.corrupt("the log ends before the update to version \(experiment.policyVersion)")
      }
      position = recorded.position
      guard case .weightsUpdated(let updated) = recorded.event else { continue }
      report("training version \(updated.toVersion) again from the log's samples")
      try await repeatUpdate(updated, lesson, settings: experiment.settings.learner)
    }
  }

  /// Loads the newest checkpoint whose file is whole; the base model if there is none. Returns the position of the update
  /// that made those weights.
  private func loadCheckpoint(
    _ experiment: Experiment, report: @Sendable (String) -> Void
  ) async throws -> Position {
    let saved = try await log.read(
      experiment: experiment.id, after: .start, types: ["CheckpointSaved"], limit: LogLimits.readMax)
    for recorded in saved.reversed() {
      guard case .checkpointSaved(let checkpoint) = try recorded.event() else { continue }
      do {
        try await learner.load(checkpoint, experiment: experiment.id)
        report("weights of version \(checkpoint.policyVersion) from \(checkpoint.file)")
        return try await positionOfUpdate(to: checkpoint.policyVersion, experiment.id)
      } catch {
        report("checkpoint \(checkpoint.file) is not usable: \(error)")
      }
    }
    try await learner.reset()
    return .start
  }

  private func positionOfUpdate(to version: PolicyVersion, _ experiment: ExperimentID) async throws -> Position {
    var position = Position.start
    while true {
      let page = try await log.read(
        experiment: experiment, after: position, types: ["WeightsUpdated"], limit: LogLimits.readMax)
      for recorded in page {
        position = recorded.position
        if case .weightsUpdated(let updated) = try recorded.event(), updated.toVersion == version { return position }
      }
      if page.count < LogLimits.readMax {
        throw EventLogError.corrupt("a checkpoint of version \(version), but no update made it")
      }
    }
  }

  private func repeatUpdate(
    _ updated: WeightsUpdated, _ lesson: LearnerConsumer.Lesson, settings: LearnerSettings
  ) async throws {
    guard lesson.batch.digest == updated.batchDigest else {
      throw DigestMismatch(
        version: updated.toVersion, what: "batch", recorded: updated.batchDigest, found: lesson.batch.digest)
    }
    let outcome = try await learner.update(lesson.batch.samples, settings: settings) { _ in }
    guard outcome.weightsDigest == updated.outcome.weightsDigest else {
      throw DigestMismatch(
        version: updated.toVersion, what: "weights", recorded: updated.outcome.weightsDigest,
        found: outcome.weightsDigest)
    }
  }
}

/// An update trained again did not give the recorded bits: another numerics profile, or a fault.
package struct DigestMismatch: Error, CustomStringConvertible {
  package var version: PolicyVersion
  package var what: String
  package var recorded: String
  package var found: String

  package var description: String {
    """
    the \(what) digest of version \(version) comes out as \(found.prefix(16))…, the log has \(recorded.prefix(16))…: \
    this machine computes with another numerics profile than the one that recorded it, or the log was changed
    """
  }
}
