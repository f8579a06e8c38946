import Domain
import EventLog

/// Computes every choice of the curriculum again and trains every recorded update again from the recorded samples, without
/// generation and verification, and compares each figure and digest with the recorded one (promise P3). Reads the log and writes nothing to it. `autodidact replay` calls it.
package struct Replayer: Sendable {
  package let log: any EventLog
  package let learner: any Learner
  private let surroundings: Surroundings

  package init(log: any EventLog, learner: any Learner, surroundings: Surroundings) {
    self.log = log
    self.learner = learner
    self.surroundings = surroundings
  }

  /// Replays the updates after version `from` up to version `to`, and stops at the first that differs.
  ///
  /// - Parameters:
  ///   - from: where to begin: a checkpoint's weights, or those trained from one. 0 begins with the base model.
  ///   - to: the last version; nil for all. Updates skipped after it are left out.
  ///   - updated: told after each update.
  ///   - report: told in words what is done before the first.
  /// - Throws: `ReplayRange` for versions the experiment does not have, `ForkRefused` for a shadow learner; the log's and the learner's errors.
  package func replay(
    _ experiment: Experiment, from: PolicyVersion = 0, to: PolicyVersion? = nil,
    updated: @Sendable (ReplayedUpdate) -> Void = { _ in },
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> ReplayReport {
    if let shadow = experiment.shadow {
      throw ForkRefused(
        reason:
          "\(experiment.name) is a shadow learner and has no samples of its own: learn from \(shadow.source) again under "
          + "another name and compare the two")
    }
    let to = to ?? experiment.policyVersion
    guard 0 <= from, from <= to, to <= experiment.policyVersion else {
      throw ReplayRange(name: experiment.name, from: from, to: to, last: experiment.policyVersion)
    }
    var result = ReplayReport(
      experiment: experiment.name, fromVersion: from, numericsProfile: surroundings.numericsProfile)
    result.difference = try await CurriculumAudit(log: log).difference(experiment)
    guard result.difference == nil else { return result }
    let profiles = try await ProfileHistory(experiment.id, log)
    var position = try await WeightsRestorer(log: log, learner: learner).restore(experiment, to: from, report: report)
    let consumer = LearnerConsumer(experiment)
    while result.difference == nil {
      guard let lesson = try await consumer.lesson(log, after: position), let recorded = lesson.recorded else { break }
      position = recorded.position
      let version = await learner.policyVersion
      if case .weightsUpdated(let event) = recorded.event, event.toVersion > to { break }
      if case .updateSkipped = recorded.event, version == to, to < experiment.policyVersion { break }
      let began = surroundings.now()
      let performed = try await perform(lesson, recorded, of: experiment, profile: profiles.profile(at: position))
      var update = performed.0
      update.seconds = surroundings.now() - began
      result.updates.append(update)
      updated(update)
      if let difference = performed.1 {
        let diagnosis = ReplayDiagnosis(log: log, learner: learner, experiment: experiment)
        result.difference = try await diagnosis.complete(difference, lesson, recorded.event)
      } else {
        result.toVersion = update.version
      }
    }
    return result
  }

  /// Performs one recorded update. A difference is returned without its cause.
  private func perform(
    _ lesson: LearnerConsumer.Lesson, _ recorded: (event: Event, position: Position), of experiment: Experiment,
    profile: String
  ) async throws -> (ReplayedUpdate, ReplayDifference?) {
    let trial = ReplayTrial(lesson: lesson, position: recorded.position, profile: profile)
    switch recorded.event {
    case .weightsUpdated(let event):
      if let difference = trial.batchDifference(event) { return (trial.replayed(event, .different), difference) }
      do {
        let outcome = try await learner.update(lesson.batch.samples, settings: lesson.settings.learner) { _ in }
        return trial.compare(outcome, event, isSameProfile: profile == surroundings.numericsProfile)
      } catch LearnerError.notFinite(let what) {
        return (
          trial.replayed(event, .different),
          trial.difference("skipped", event.toVersion, recorded: "an update", found: "not finite: \(what)")
        )
      }
    case .updateSkipped(let event): return try await skip(trial, event, of: experiment)
    default: preconditionFailure("\(recorded.event.type) is no update")
    }
  }

  private func skip(
    _ trial: ReplayTrial, _ event: UpdateSkipped, of experiment: Experiment
  ) async throws -> (ReplayedUpdate, ReplayDifference?) {
    let skipped = trial.replayed(event, .skipped)
    var different = skipped
    different.verdict = .different
    if let difference = trial.groupsDifference(event.groups, version: event.policyVersion) {
      return (different, difference)
    }
    let samples = trial.lesson.batch.samples
    guard samples.contains(where: { $0.advantage != 0 }) else { return (skipped, nil) }
    do {
      let outcome = try await learner.update(samples, settings: trial.lesson.settings.learner) { _ in }
      guard let candidate = event.candidate else {
        return (
          different,
          trial.difference("skipped", event.policyVersion, recorded: "skipped: \(event.reason)", found: "an update")
        )
      }
      // It was trained, tried and not kept: the same weights must come out, and then be taken back again.
      guard candidate == outcome.weightsDigest || trial.profile != surroundings.numericsProfile else {
        return (
          different,
          trial.difference("candidate", event.policyVersion, recorded: candidate, found: outcome.weightsDigest)
        )
      }
      try await WeightsRestorer(log: log, learner: learner).restore(experiment, to: event.policyVersion) { _ in }
      return (skipped, nil)
    } catch LearnerError.notFinite { return (skipped, nil) }
  }
}

/// The numerics profiles under which an experiment was performed, by place in the log.
struct ProfileHistory: Sendable {
  private var starts: [(position: Position, profile: String)] = []

  init(_ experiment: ExperimentID, _ log: any EventLog) async throws {
    for recorded in try await log.allEvents(of: experiment, types: ["ExperimentStarted"]) {
      guard case .experimentStarted(let started) = try recorded.event() else { continue }
      starts.append((recorded.position, started.numericsProfile))
    }
  }

  /// The profile of the process that appended the event at a position; empty if none had begun.
  func profile(at position: Position) -> String { starts.last { $0.position <= position }?.profile ?? "" }
}

/// Versions that an experiment does not have, or in the wrong order.
package struct ReplayRange: Error, CustomStringConvertible {
  package var name: String
  package var from: PolicyVersion
  package var to: PolicyVersion
  package var last: PolicyVersion

  package var description: String {
    "from version \(from) to version \(to) of \(name): allowed is 0 to \(last), the first not after the second"
  }
}
