import Domain
import EventLog

/// Rewards, learnability and advantages of a recorded experiment under another registered formula, beside the recorded
/// ones: a fold over the log, no compute spent, nothing written. `autodidact rescore` calls it.
package struct Rescoring: Sendable {
  private let log: any EventLog

  package init(log: any EventLog) { self.log = log }

  /// The whole comparison.
  package struct Report: Hashable, Codable, Sendable {
    package var experiment: String
    /// The formula of the settings, and the one asked for.
    package var recorded: RewardFormula
    package var formula: RewardFormula
    package var iterations: [Iteration] = []
  }

  /// One iteration under both formulas.
  package struct Iteration: Hashable, Codable, Sendable {
    package var iteration: Int
    package var samples: Int
    /// Accepted problems that are solved sometimes but not always; the same under every formula.
    package var learnable: Int
    package var recordedGroups: [RewardGroup]
    package var groups: [RewardGroup]
    /// Samples whose reward, and whose advantage's sign, is another.
    package var rewardsChanged: Int
    package var signsChanged: Int
    /// Mean distance of the advantages from the recorded ones.
    package var advantageDistance: Double
    /// Whether there would have been an update, where one was skipped, or the other way round.
    package var teachesOtherwise: Bool
  }

  /// - Parameter formula: a registered one.
  package func rescore(_ experiment: Experiment, under formula: RewardFormula) async throws -> Report {
    var report = Report(experiment: experiment.name, recorded: experiment.settings.rewards.formula, formula: formula)
    let consumer = LearnerConsumer(experiment)
    var position = Position.start
    while let lesson = try await consumer.lesson(log, after: position), let recorded = lesson.recorded {
      position = recorded.position
      report.iterations.append(Self.iteration(lesson, formula))
    }
    return report
  }

  private static func iteration(_ lesson: LearnerConsumer.Lesson, _ formula: RewardFormula) -> Iteration {
    var settings = lesson.settings
    settings.rewards.formula = formula
    let (before, after) = (lesson.ledger.scoredSamples(lesson.settings), lesson.ledger.scoredSamples(settings))
    let counts = lesson.batch.samples.map(\.tokens.count)
    let (advantages, groups) = advantages(after, tokenCounts: counts, settings: settings.advantages)
    let recorded = lesson.batch.samples.map(\.advantage)
    let pairs = zip(recorded, advantages)
    let distance = pairs.reduce(0) { $0 + abs($1.0 - $1.1) } / Double(max(recorded.count, 1))
    return Iteration(
      iteration: lesson.ledger.iteration, samples: after.count,
      learnable: lesson.ledger.accepted.count { learnability(lesson.ledger.probes(of: $0.id)) > 0 },
      recordedGroups: lesson.batch.groups, groups: groups,
      rewardsChanged: zip(before, after).count { $0.reward != $1.reward },
      signsChanged: pairs.count { ($0 > 0) != ($1 > 0) || ($0 < 0) != ($1 < 0) }, advantageDistance: distance,
      teachesOtherwise: recorded.allSatisfy { $0 == 0 } != advantages.allSatisfy { $0 == 0 })
  }
}
