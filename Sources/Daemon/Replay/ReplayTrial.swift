import Domain
import EventLog

/// One recorded update beside what training it again gave: pure comparisons, in the order in which a difference explains
/// most: samples, baselines, batch, weights, optimizer.
struct ReplayTrial: Sendable {
  let lesson: LearnerConsumer.Lesson
  let position: Position
  /// The numerics profile under which it was recorded.
  let profile: String

  func replayed(_ event: WeightsUpdated, _ verdict: ReplayedUpdate.Verdict) -> ReplayedUpdate {
    replayed(event.toVersion, tokens: event.outcome.tokens, verdict)
  }

  func replayed(_ event: UpdateSkipped, _ verdict: ReplayedUpdate.Verdict) -> ReplayedUpdate {
    replayed(event.policyVersion, tokens: 0, verdict)
  }

  private func replayed(
    _ version: PolicyVersion, tokens: Int, _ verdict: ReplayedUpdate.Verdict
  ) -> ReplayedUpdate {
    ReplayedUpdate(
      iteration: lesson.ledger.iteration, position: position.rawValue, version: version,
      samples: lesson.batch.samples.count, tokens: tokens, seconds: 0, recordedProfile: profile, verdict: verdict)
  }

  func difference(
    _ what: String, _ version: PolicyVersion, recorded: String, found: String
  ) -> ReplayDifference {
    ReplayDifference(
      iteration: lesson.ledger.iteration, position: position.rawValue, version: version,
      batchDigest: lesson.batch.digest, what: what, recorded: recorded, found: found, cause: "")
  }

  /// What differs before anything is computed; nil if the log gives the batch that was recorded.
  func batchDifference(_ event: WeightsUpdated) -> ReplayDifference? {
    let found = lesson.batch.samples.map(\.id)
    if found != event.consumed {
      let index = zip(found, event.consumed).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      let place = index ?? min(found.count, event.consumed.count)
      func sample(_ ids: [String]) -> String {
        ids.indices.contains(place) ? "sample \(place) is \(ids[place])" : "\(ids.count) samples"
      }
      return difference("consumed", event.toVersion, recorded: sample(event.consumed), found: sample(found))
    }
    if let difference = groupsDifference(event.groups, version: event.toVersion) { return difference }
    guard lesson.batch.digest != event.batchDigest else { return nil }
    return difference("batch", event.toVersion, recorded: event.batchDigest, found: lesson.batch.digest)
  }

  /// Baselines follow from the verdicts and the reward formula.
  func groupsDifference(_ recorded: [RewardGroup], version: PolicyVersion) -> ReplayDifference? {
    let found = lesson.batch.groups
    guard found != recorded else { return nil }
    let index = zip(found, recorded).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    func group(_ groups: [RewardGroup]) -> String {
      guard let index else { return "\(groups.count) groups" }
      let group = groups[index]
      let subject = group.problem.map { "probes of \($0)" } ?? group.kind?.rawValue ?? "of all kinds"
      return "\(group.role.rawValue) \(subject): \(group.samples) samples, mean reward "
        + "\(group.meanReward), deviation \(group.deviation)"
    }
    return difference("groups", version, recorded: group(recorded), found: group(found))
  }

  /// Compares what training gave with the record. Digests on the same profile, figures on another.
  func compare(
    _ outcome: UpdateOutcome, _ event: WeightsUpdated, isSameProfile: Bool
  ) -> (ReplayedUpdate, ReplayDifference?) {
    let recorded = event.outcome
    let areEqual =
      outcome.weightsDigest == recorded.weightsDigest && outcome.optimizerDigest == recorded.optimizerDigest
    if isSameProfile {
      if areEqual { return (replayed(event, .equal), nil) }
      let isWeights = outcome.weightsDigest != recorded.weightsDigest
      let pair =
        isWeights
        ? (recorded.weightsDigest, outcome.weightsDigest) : (recorded.optimizerDigest, outcome.optimizerDigest)
      return (
        replayed(event, .different),
        difference(isWeights ? "weights" : "optimizer", event.toVersion, recorded: pair.0, found: pair.1)
      )
    }
    // Even equal digests are not called equal: nothing promises them from one profile to another.
    let distance = ReplayDistance(found: outcome, recorded: recorded)
    var update = replayed(event, distance.isWithinTolerance ? .withinTolerance : .different)
    update.distance = distance
    guard !distance.isWithinTolerance else { return (update, nil) }
    func figures(_ outcome: UpdateOutcome) -> String {
      "loss \(outcome.loss), gradient norm \(outcome.gradientNorm), largest ratio distance \(outcome.ratioDistanceMax)"
    }
    return (
      update, difference("figures", event.toVersion, recorded: figures(recorded), found: figures(outcome))
    )
  }
}
