/// How much a solve rate changes with time, and how much of that chance alone would do.
///
/// A departure from its sources: what chance does is taken off, or problems that are solved by the toss of a coin would
/// always seem to be making progress.
package struct LearningProgress: Hashable, Codable, Sendable {
  /// Outcomes compared, both sides together.
  package var outcomes: Int
  /// Newer rate minus older: positive where the policy improves.
  package var change: Double
  /// Standard deviation of the change if nothing changed.
  package var deviation: Double

  package init(outcomes: Int, change: Double, deviation: Double) {
    self.outcomes = outcomes
    self.change = change
    self.deviation = deviation
  }

  /// LP⁺: the size of the change beyond `noise` deviations of chance. Forgetting counts as learning does.
  package func excess(noise: Double) -> Double { max(0, abs(change) - noise * deviation) }

  /// The change with its 95 % interval.
  package var estimate: Estimate {
    Estimate(value: change, low: change - Estimate.z * deviation, high: change + Estimate.z * deviation)
  }

  /// RIAC (Baranes, Oudeyer 2009): the mean of the newer half of the last `window` outcomes against that of the older half;
  /// 0 with two outcomes or fewer. sd = √(4p(1−p)/w) with the pooled rate p.
  ///
  /// - Parameter outcomes: 0 or 1, oldest first.
  package static func halves(_ outcomes: some BidirectionalCollection<UInt8>, window: Int) -> LearningProgress {
    let count = min(outcomes.count, window) / 2 * 2
    guard outcomes.count > 2, count > 2 else { return LearningProgress(outcomes: count, change: 0, deviation: 0) }
    let newer = outcomes.suffix(count / 2).reduce(0) { $0 + Int($1) }
    let older = outcomes.suffix(count).prefix(count / 2).reduce(0) { $0 + Int($1) }
    let half = Double(count / 2)
    let pooled = Double(newer + older) / Double(count)
    return LearningProgress(
      outcomes: count, change: (Double(newer) - Double(older)) / half,
      deviation: (4 * pooled * (1 - pooled) / Double(count)).squareRoot())
  }

  /// ALP-GMM's progress at one point (Portelas et al. 2019): the rate at a problem against that at the nearest earlier one.
  /// Rates are means of attempts here, so their chance is that of two shares; nil without attempts at either.
  package static func neighbours(_ newer: SolveCount, _ older: SolveCount) -> LearningProgress? {
    guard let rate = newer.rate, let before = older.rate else { return nil }
    let all = newer.attempts + older.attempts
    let pooled = Double(newer.correct + older.correct) / Double(all)
    let chance = pooled * (1 - pooled) * (1 / Double(newer.attempts) + 1 / Double(older.attempts))
    return LearningProgress(outcomes: all, change: rate - before, deviation: chance.squareRoot())
  }
}
