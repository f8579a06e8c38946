import Domain
import EventLog
import Settings

/// Another learner over the same recorded samples: a new experiment that plays nothing and whose updates are what a learner
/// of other settings would have made of them. With equal settings its digests are the source's; with others the samples
/// are off-policy, and each update records how far (its importance ratios). `autodidact learn` calls it.
package struct ShadowLearner: Sendable {
  private let log: any EventLog
  private let learner: any Learner
  private let surroundings: Surroundings

  package init(log: any EventLog, learner: any Learner, surroundings: Surroundings) {
    self.log = log
    self.learner = learner
    self.surroundings = surroundings
  }

  /// The settings of a shadow.
  ///
  /// - Throws: `SettingsError`, `ForkRefused` for settings that are not the learner's.
  package static func settings(
    of source: Experiment, overrides: [String]
  ) throws -> ExperimentSettings {
    let settings = overrides.isEmpty ? source.settings : try SettingsFile.change(source.settings, overrides: overrides)
    let other = SettingsDocument.differences(source.settings, settings).first { !$0.key.hasPrefix("learner.") }
    if let other {
      throw ForkRefused(
        reason:
          "\(other.key) cannot change in a shadow learner: the samples are recorded; only learner.… can (fork to change "
          + "what is played)")
    }
    return settings
  }

  /// Learns from every recorded iteration of `source` and appends each update to the new experiment.
  ///
  /// - Parameters:
  ///   - settings: of `settings(of:overrides:)`.
  ///   - updated: told after each update or skipped one.
  /// - Throws: `ForkRefused` for a source that is a shadow itself; errors of the learner and of the log.
  package func learn(
    _ source: Experiment, as name: String, settings: ExperimentSettings, updated: @Sendable (Event) -> Void
  ) async throws -> ExperimentRecord {
    guard source.shadow == nil else {
      throw ForkRefused(
        reason: "\(source.name) is a shadow learner and has no samples; learn from \(source.shadow?.source ?? "")")
    }
    try await learner.reset()
    let record = try await ExperimentCreator(log: log, surroundings: surroundings).create(
      name, settings: settings, parent: source.name)
    var stored = try await StoredExperiment.load(record, from: log)
    let started = ShadowStarted(
      source: source.name, sourceExperiment: source.id, sourceVersion: source.version,
      numericsProfile: surroundings.numericsProfile)
    try await append(NewEvent(.shadowStarted(started)), to: &stored)
    let consumer = LearnerConsumer(source)
    var position = Position.start
    while let lesson = try await consumer.lesson(log, after: position), let recorded = lesson.recorded {
      position = recorded.position
      let event = try await teach(lesson, settings.learner, from: stored.experiment.policyVersion)
      let new = NewEvent(
        event, iteration: lesson.ledger.iteration, policyVersion: stored.experiment.policyVersion,
        cause: .recorded(position))
      try await append(new, to: &stored)
      updated(event)
    }
    if stored.experiment.policyVersion > 0 {
      let head = try await log.head()
      let anchor = LogAnchor(position: head.position.rawValue, hash: head.hash.hexadecimal)
      let saved = try await learner.save(experiment: record.id, head: anchor)
      try await append(
        NewEvent(.checkpointSaved(saved), policyVersion: stored.experiment.policyVersion), to: &stored)
    }
    return try await log.requireExperiment(name)
  }

  private func teach(
    _ lesson: LearnerConsumer.Lesson, _ settings: LearnerSettings, from version: PolicyVersion
  ) async throws -> Event {
    func skipped(_ reason: String) -> Event {
      .updateSkipped(
        UpdateSkipped(
          iteration: lesson.ledger.iteration, policyVersion: version, reason: reason, groups: lesson.batch.groups))
    }
    guard lesson.batch.samples.contains(where: { $0.advantage != 0 }) else {
      return skipped("no group has rewards that differ")
    }
    do {
      let outcome = try await learner.update(lesson.batch.samples, settings: settings) { _ in }
      return .weightsUpdated(
        WeightsUpdated(
          fromVersion: version, toVersion: version + 1, batchDigest: lesson.batch.digest,
          consumed: lesson.batch.samples.map(\.id), groups: lesson.batch.groups, outcome: outcome))
    } catch LearnerError.notFinite(let what) {
      return skipped("not finite: \(what)")
    }
  }

  private func append(_ event: NewEvent, to stored: inout StoredExperiment) async throws {
    let experiment = stored.experiment
    _ = try await log.append(
      Append(
        key: "shadow/\(experiment.id)/\(experiment.version)", experiment: experiment.id,
        expectedVersion: experiment.version, epoch: nil, events: [event], state: "stopped"))
    _ = try await stored.readOn(log)
  }
}
