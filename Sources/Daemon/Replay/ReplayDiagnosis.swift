import Domain
import EventLog

/// Finds what is behind an update that does not come out as recorded: the first sample whose tokens do not have their
/// recorded log-probabilities, and the first tensor that differs from a checkpoint.
struct ReplayDiagnosis: Sendable {
  let log: any EventLog
  let learner: any Learner
  let experiment: Experiment

  /// The difference with its sample, tensor and cause. The learner's weights are of no use afterwards.
  func complete(
    _ difference: ReplayDifference, _ lesson: LearnerConsumer.Lesson, _ event: Event
  ) async throws -> ReplayDifference {
    var difference = difference
    let inspector = learner as? any LearnerInspector
    let isMoved = ["weights", "optimizer", "figures"].contains(difference.what)
    if let inspector, isMoved { difference.tensor = await tensor(difference, inspector) }
    if let inspector, difference.what != "skipped" {
      let before = isMoved ? difference.version - 1 : await learner.policyVersion
      if isMoved { try await WeightsRestorer(log: log, learner: learner).restore(experiment, to: before) { _ in } }
      difference.sample = await sample(lesson, inspector)
    }
    difference.cause = cause(difference, event)
    return difference
  }

  /// The first tensor that differs from the newest whole checkpoint of the version.
  private func tensor(_ difference: ReplayDifference, _ inspector: any LearnerInspector) async -> TensorDifference? {
    guard let saved = try? await log.checkpoints(of: experiment.id) else { return nil }
    for (checkpoint, owner) in saved.reversed() where checkpoint.policyVersion == difference.version {
      // A file that is gone or damaged says nothing about the weights.
      if let found = try? await inspector.difference(from: checkpoint, experiment: owner) { return found }
    }
    return nil
  }

  /// The first sample, in batch order, whose log-probabilities under the weights before the update differ. Samples are taken
  /// one at a time: their values do not depend on the others (promise P4), and one that cannot be evaluated is known.
  private func sample(_ lesson: LearnerConsumer.Lesson, _ inspector: any LearnerInspector) async -> SampleDifference? {
    let positions = lesson.positions
    for sample in lesson.batch.samples {
      let position = positions[sample.id] ?? 0
      do {
        let found = try await inspector.logProbabilities(of: [sample]).first ?? []
        let pairs = zip(found, sample.logProbabilities).enumerated()
        guard let (token, pair) = pairs.first(where: { $1.0.bitPattern != $1.1.bitPattern }) else { continue }
        return SampleDifference(
          sample: sample.id, position: position, token: token, recorded: pair.1, found: pair.0)
      } catch {
        return SampleDifference(sample: sample.id, position: position, problem: "\(error)")
      }
    }
    return nil
  }

  private func cause(_ difference: ReplayDifference, _ event: Event) -> String {
    if let problem = difference.sample?.problem { return "a recorded sample cannot be evaluated: \(problem)" }
    let wasOnPolicy =
      if case .weightsUpdated(let updated) = event { updated.outcome.logProbabilityMismatches == 0 } else { true }
    switch difference.what {
    case "consumed": return "other samples are in the log now than were trained then"
    case "groups": return "the rewards of these samples are others now: a verdict or the reward formula was changed"
    case "batch":
      return difference.sample == nil
        ? "ids, tokens and baselines agree; a temperature or an advantage was changed"
        : "the recorded tokens, prompt or log-probabilities of this sample were changed after they were sampled"
    case "skipped": return "whether the step is finite comes out otherwise"
    default:
      guard difference.sample != nil, wasOnPolicy else {
        return "the samples evaluate to the recorded bits: the backward pass or the optimizer computes otherwise"
      }
      return "the forward pass computes other bits than the one that sampled: other kernels, or another model file"
    }
  }
}

extension LearnerConsumer.Lesson {
  /// Where each sample's tokens lie, by id.
  var positions: [String: Int64] {
    let proposals = ledger.proposals.map { ($0.id.description, $0.position) }
    let attempts = ledger.attempts.map { ($0.id.description, $0.position) }
    return Dictionary(uniqueKeysWithValues: proposals + attempts)
  }
}
