/// Rewards as pure functions of what the log holds (paper §3.3, Eq. 4–6). Nothing here is stored: a change of formula is
/// another fold over the same events.

/// Learnability of a problem (Eq. 4): 1 − r̄ where r̄ is the solve rate of the probes, 0 if it is always or never solved.
///
/// The largest value, (n−1)/n, belongs to a problem solved once in n.
package func learnability(_ probes: SolveCount) -> Double {
  guard let rate = probes.rate, probes.correct > 0, probes.correct < probes.attempts else { return 0 }
  return 1 - rate
}

extension RewardSettings {
  /// The solver's composite reward (Eq. 5 and 6): 1, wrong but well-formed, or malformed.
  package func solver(_ verdict: Verdict) -> Double {
    switch verdict {
    case .correct: 1
    case .malformed: malformed
    case .incorrect, .raised, .timedOut, .outOfMemory, .nondeterministic, .forbidden: incorrect
    }
  }

  /// The proposer's composite reward (Eq. 4 and 6): learnability if positive, else the constants of the settings.
  package func proposer(_ verified: ProposalVerified, probes: SolveCount) -> Double {
    switch verified.refusal {
    case .duplicate: return duplicate
    case .some: return malformed
    case nil where verified.unformatted == true: return malformed
    case nil:
      let learnability = learnability(probes)
      if learnability > 0 { return learnability }
      switch formula {
      case .azrComposite, .random: return unlearnable
      case .azrCode: return -0.5
      }
    }
  }
}

extension ExperimentSettings {
  /// The reward of a proposal under the formula of the settings, with the intrinsic rewards that are on.
  package func reward(of verified: ProposalVerified, probes: SolveCount) -> Double {
    guard rewards.formula == .random else {
      let reward = rewards.proposer(verified, probes: probes)
      guard verified.earnsIntrinsic(probes) else { return reward }
      return intrinsic.combined(reward, intrinsic.rewards(of: verified))
    }
    let id = verified.proposal
    let learnable = (1..<max(play.probes, 1)).map { Double($0) / Double(play.probes) }
    let key = RandomKey(
      seed: seed.value, purpose: .proposalReward, kind: id.kind, iteration: id.iteration, slot: id.slot)
    return Self.drawn(from: learnable + [rewards.unlearnable, rewards.duplicate, rewards.malformed], key)
  }

  /// The reward of a solve or probe attempt under the formula of the settings.
  package func reward(of verified: AttemptVerified) -> Double {
    guard rewards.formula == .random else { return rewards.solver(verified.verdict) }
    let id = verified.attempt
    let key = RandomKey(
      seed: seed.value, purpose: id.purpose == .probe ? .probeReward : .solveReward, kind: id.kind,
      iteration: id.iteration, slot: id.slot, sample: id.sample)
    return Self.drawn(from: [1, rewards.incorrect, rewards.malformed], key)
  }

  private static func drawn(from values: [Double], _ key: RandomKey) -> Double {
    var stream = RandomStream(key)
    return values[stream.below(values.count)]
  }
}

/// A proposal or an attempt with its reward, ready for a baseline.
package struct ScoredSample: Hashable, Sendable {
  /// `ProposalID` or `AttemptID` as text.
  package var id: String
  package var role: Role
  package var kind: Kind
  /// A probe: its problem, whose probes share a baseline of their own. nil for what shares that of its role and kind.
  package var problem: ProposalID?
  /// Where its generation lies in the log.
  package var position: Int64
  package var reward: Double

  package init(
    id: String, role: Role, kind: Kind, problem: ProposalID? = nil, position: Int64, reward: Double
  ) {
    self.id = id
    self.role = role
    self.kind = kind
    self.problem = problem
    self.position = position
    self.reward = reward
  }
}

extension IterationLedger {
  /// All samples of the iteration that the settings train: proposals, solve attempts, and probes where they are reused;
  /// each part in the order of the log.
  ///
  /// Called by the learner and the summaries once the iteration is fully verified.
  package func scoredSamples(_ settings: ExperimentSettings) -> [ScoredSample] {
    var samples: [ScoredSample] = []
    for entry in proposals where settings.play.trainsProposals {
      guard let verified = entry.verified else { preconditionFailure("proposal \(entry.id) is not verified") }
      samples.append(
        ScoredSample(
          id: entry.id.description, role: .proposer, kind: entry.id.kind, position: entry.position,
          reward: settings.reward(of: verified, probes: probes(of: entry.id))))
    }
    samples += scoredAttempts(.solve, settings)
    if settings.play.reuseProbes { samples += scoredAttempts(.probe, settings) }
    return samples
  }

  private func scoredAttempts(_ purpose: Purpose, _ settings: ExperimentSettings) -> [ScoredSample] {
    attempts.filter { $0.id.purpose == purpose }.map { entry in
      guard let verified = entry.verified else { preconditionFailure("attempt \(entry.id) is not verified") }
      return ScoredSample(
        id: entry.id.description, role: .solver, kind: entry.id.kind,
        problem: purpose == .probe ? entry.made.problem : nil, position: entry.position,
        reward: settings.reward(of: verified))
    }
  }
}
