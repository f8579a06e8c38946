/// The samples that share a baseline, and what the baseline was. Recorded with each update.
package struct RewardGroup: Hashable, Codable, Sendable {
  package var role: Role
  /// nil where the settings take one baseline per role.
  package var kind: Kind?
  /// Where the samples are the probes of one problem: that problem. Absent in the log otherwise.
  package var problem: ProposalID?
  package var samples: Int
  package var meanReward: Double
  /// Standard deviation of the rewards (Bessel-corrected); 0 means that this group teaches nothing.
  package var deviation: Double

  package init(
    role: Role, kind: Kind?, problem: ProposalID? = nil, samples: Int, meanReward: Double, deviation: Double
  ) {
    self.role = role
    self.kind = kind
    self.problem = problem
    self.samples = samples
    self.meanReward = meanReward
    self.deviation = deviation
  }
}

/// Task-relative REINFORCE++ (paper Eq. 8): the rewards of each (kind, role) are whitened by themselves, (r − μ)/σ. A departure
/// from it, where probes are reused: the probes of each problem are whitened by themselves.
///
/// - Parameters:
///   - samples: in batch order.
///   - tokenCounts: tokens of each sample, used where the settings weigh by token.
/// - Returns: one advantage per sample, in the same order, and the groups in canonical order: roles and kinds, then problems
///   as they first appear. A group whose rewards are all equal, or that has one sample, gets zeros.
package func advantages(
  _ samples: [ScoredSample], tokenCounts: [Int], settings: AdvantageSettings
) -> (advantages: [Double], groups: [RewardGroup]) {
  precondition(samples.count == tokenCounts.count, "\(samples.count) samples, \(tokenCounts.count) token counts")
  var result = [Double](repeating: 0, count: samples.count)
  var groups: [RewardGroup] = []
  for (group, members) in baselines(samples, settings.baseline) {
    let weights = members.map { settings.whitening == .token ? Double(tokenCounts[$0]) : 1 }
    let statistics = weightedStatistics(members.map { samples[$0].reward }, weights: weights)
    groups.append(
      RewardGroup(
        role: group.role, kind: group.kind, problem: group.problem, samples: members.count,
        meanReward: statistics.mean, deviation: statistics.deviation))
    guard statistics.deviation > 0 else { continue }
    for member in members { result[member] = (samples[member].reward - statistics.mean) / statistics.deviation }
  }
  return (result, groups)
}

private typealias Baseline = (role: Role, kind: Kind?, problem: ProposalID?)

/// Which samples share a baseline, by index, in canonical order.
private func baselines(
  _ samples: [ScoredSample], _ baseline: AdvantageSettings.Baseline
) -> [(Baseline, members: [Int])] {
  let kinds: [Kind?] = baseline == .role ? [nil] : Kind.allCases.sorted().map { $0 }
  var result: [(Baseline, members: [Int])] = []
  for role in Role.allCases {
    for kind in kinds {
      let members = samples.indices.filter {
        samples[$0].problem == nil && samples[$0].role == role && (kind == nil || samples[$0].kind == kind)
      }
      if !members.isEmpty { result.append(((role, kind, nil), members)) }
    }
  }
  var places: [ProposalID: Int] = [:]
  for (index, sample) in samples.enumerated() {
    guard let problem = sample.problem else { continue }
    if let place = places[problem] {
      result[place].members.append(index)
    } else {
      places[problem] = result.count
      result.append(((sample.role, sample.kind, problem), [index]))
    }
  }
  return result
}

/// Mean and Bessel-corrected standard deviation with weights, summed in the order given. Equal values give exactly 0.
private func weightedStatistics(_ values: [Double], weights: [Double]) -> (mean: Double, deviation: Double) {
  let total = weights.reduce(0, +)
  guard total > 0, let first = values.first else { return (0, 0) }
  if values.allSatisfy({ $0 == first }) { return (first, 0) }
  let mean = zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
  let squares = zip(values, weights).reduce(0) { $0 + $1.1 * ($1.0 - mean) * ($1.0 - mean) }
  guard total > 1 else { return (mean, 0) }
  return (mean, (squares / (total - 1)).squareRoot())
}
