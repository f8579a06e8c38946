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
    case nil:
      let learnability = learnability(probes)
      if learnability > 0 { return learnability }
      switch formula {
      case .azrComposite: return unlearnable
      case .azrCode: return -0.5
      }
    }
  }
}

/// A proposal or a solve attempt with its reward, ready for a baseline.
package struct ScoredSample: Hashable, Sendable {
  /// `ProposalID` or `AttemptID` as text.
  package var id: String
  package var role: Role
  package var kind: Kind
  /// Where its generation lies in the log.
  package var position: Int64
  package var reward: Double

  package init(id: String, role: Role, kind: Kind, position: Int64, reward: Double) {
    self.id = id
    self.role = role
    self.kind = kind
    self.position = position
    self.reward = reward
  }
}

extension IterationLedger {
  /// All samples of the iteration that the settings train, proposals first, each part in the order of the log.
  ///
  /// Called by the learner and the summaries once the iteration is fully verified. Probes are not among them (paper).
  package func scoredSamples(_ settings: ExperimentSettings) -> [ScoredSample] {
    var samples: [ScoredSample] = []
    for entry in proposals where settings.play.trainProposer {
      guard let verified = entry.verified else { preconditionFailure("proposal \(entry.id) is not verified") }
      samples.append(
        ScoredSample(
          id: entry.id.description, role: .proposer, kind: entry.id.kind, position: entry.position,
          reward: settings.rewards.proposer(verified, probes: probes(of: entry.id))))
    }
    for entry in attempts where entry.id.purpose == .solve {
      guard let verified = entry.verified else { preconditionFailure("attempt \(entry.id) is not verified") }
      samples.append(
        ScoredSample(
          id: entry.id.description, role: .solver, kind: entry.id.kind, position: entry.position,
          reward: settings.rewards.solver(verified.verdict)))
    }
    return samples
  }
}
