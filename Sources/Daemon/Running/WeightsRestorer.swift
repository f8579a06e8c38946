import Domain
import EventLog

/// Brings the learner to a policy version of the log: the newest whole checkpoint, and every recorded update after it
/// trained again from the recorded samples (architecture §7). Each weights digest must come out as recorded (promise P3).
///
/// The runner restores the newest version before it plays; replay and `checkpoints restore` any other.
package struct WeightsRestorer: Sendable {
  package let log: any EventLog
  package let learner: any Learner

  package init(log: any EventLog, learner: any Learner) {
    self.log = log
    self.learner = learner
  }

  /// - Parameters:
  ///   - target: the version wanted; nil for the experiment's own.
  ///   - report: told in words what is being done.
  /// - Returns: the position of the update that made the version, `.start` for the base model. The lessons after it
  ///   teach these weights.
  /// - Throws: `DigestMismatch` if an update does not come out as recorded.
  @discardableResult
  package func restore(
    _ experiment: Experiment, to target: PolicyVersion? = nil, report: @escaping @Sendable (String) -> Void
  ) async throws -> Position {
    let target = target ?? experiment.policyVersion
    precondition(target <= experiment.policyVersion, "version \(target) of \(experiment.policyVersion)")
    guard await learner.policyVersion != target || target == 0 else {
      return try await positionOfUpdate(to: target, experiment.id)
    }
    var position = try await loadCheckpoint(experiment, to: target, report: report)
    let consumer = LearnerConsumer(experiment)
    while await learner.policyVersion < target {
      guard let lesson = try await consumer.lesson(log, after: position), let recorded = lesson.recorded else {
        throw EventLogError.corrupt("the log ends before the update to version \(target)")
      }
      position = recorded.position
      guard case .weightsUpdated(let updated) = recorded.event else { continue }
      report("training version \(updated.toVersion) again from the log's samples")
      try await repeatUpdate(updated, lesson)
    }
    return position
  }

  /// Loads the newest checkpoint up to a version whose file is whole; the base model if there is none. Returns the position
  /// of the update that made those weights.
  private func loadCheckpoint(
    _ experiment: Experiment, to target: PolicyVersion, report: @Sendable (String) -> Void
  ) async throws -> Position {
    for (checkpoint, owner) in try await log.checkpoints(of: experiment.id).reversed()
    where checkpoint.policyVersion <= target {
      do {
        try await learner.load(checkpoint, experiment: owner)
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
    if version == 0 { return .start }
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

  private func repeatUpdate(_ updated: WeightsUpdated, _ lesson: LearnerConsumer.Lesson) async throws {
    guard lesson.batch.digest == updated.batchDigest else {
      throw DigestMismatch(
        version: updated.toVersion, what: "batch", recorded: updated.batchDigest, found: lesson.batch.digest)
    }
    let outcome = try await learner.update(lesson.batch.samples, settings: lesson.settings.learner) { _ in }
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

extension EventLog {
  /// Every recorded weights file of an experiment in order, with the experiment that wrote it: a fork inherits those of
  /// its parent.
  package func checkpoints(of experiment: ExperimentID) async throws -> [(Checkpoint, owner: ExperimentID)] {
    let saved = try await allEvents(of: experiment, types: ["CheckpointSaved"])
    return try saved.compactMap { recorded in
      guard case .checkpointSaved(let checkpoint) = try recorded.event() else { return nil }
      return (checkpoint, recorded.experiment)
    }
  }

  /// All events of some types, read in pages. For types of which there are few.
  package func allEvents(of experiment: ExperimentID, types: [String]) async throws -> [RecordedEvent] {
    var events: [RecordedEvent] = []
    while true {
      let page = try await read(
        experiment: experiment, after: events.last?.position ?? .start, types: types, limit: LogLimits.readMax)
      events += page
      if page.count < LogLimits.readMax { return events }
    }
  }
}
