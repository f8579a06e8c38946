import Domain

/// What one iteration came to: a fold over its ledger, shown after each iteration and by `status`.
package struct IterationSummary: Hashable, Codable, Sendable {
  package var iteration: Int
  /// Seeding round; nil in self-play.
  package var seedingRound: Int?
  /// After the iteration.
  package var policyVersion: PolicyVersion
  package var kinds: [KindSummary]
  /// Refused proposals by reason, most frequent first.
  package var refusals: [RefusalCount]
  /// Mean reward of the trained samples by role; nil if the role has none.
  package var proposerReward: Double?
  package var solverReward: Double?
  /// What the intrinsic rewards came to, in their order; nil where none was paid.
  package var intrinsic: [IntrinsicShare]?
  /// Proposals that were given functions to build upon; nil where none was.
  package var composites: CompositeCount?
  package var outcome: UpdateOutcome?
  /// How many groups of outcomes could teach anything; nil in seeding.
  package var groups: GroupShare?
  /// Where the gradient came from; nil in seeding, without samples, or where the ledger alone cannot tell.
  package var attribution: [AttributionRow]?
  /// Why there was no update.
  package var skipped: String?
  /// Time and tokens by phase, in the order they came.
  package var phases: [Phase]
  /// The accepted problem nearest to being learnable, as an example of what was invented.
  package var example: Example?

  /// One kind's part of an iteration.
  package struct KindSummary: Hashable, Codable, Sendable {
    package var kind: Kind
    package var proposed: Int
    package var accepted: Int
    /// Probe attempts at this iteration's accepted problems.
    package var probes: SolveCount
    /// Accepted problems solved sometimes but not always.
    package var learnable: Int
    /// Trained attempts.
    package var solves: SolveCount
  }

  /// An intrinsic reward, over the proposals that were paid it.
  package struct IntrinsicShare: Hashable, Codable, Sendable {
    package var part: IntrinsicPart
    package var samples: Int
    package var mean: Double
  }

  /// What became of composite proposals.
  package struct CompositeCount: Hashable, Codable, Sendable {
    package var proposed: Int
    package var accepted: Int
    /// Accepted ones that only hand their arguments on: the shortcut f = g.
    package var forwarding: Int
  }

  /// How often a reason for refusal came.
  package struct RefusalCount: Hashable, Codable, Sendable {
    package var refusal: Refusal
    package var count: Int
  }

  /// A step's share of the iteration.
  package struct Phase: Hashable, Codable, Sendable {
    package var name: String
    package var seconds: Double
    package var tokens: Int

    package init(name: String, seconds: Double, tokens: Int) {
      self.name = name
      self.seconds = seconds
      self.tokens = tokens
    }
  }

  /// An accepted problem and how its probes went.
  package struct Example: Hashable, Codable, Sendable {
    package var id: ProposalID
    package var problem: Problem
    package var probes: SolveCount
  }

  /// - Parameters:
  ///   - ledger: an iteration or a seeding round that is over.
  ///   - phases: what the steps took, where it is known; steps of one name are added up.
  ///   - difficulty: of the experiment up to the end of the iteration; without it only this iteration's probes say how
  ///     difficult problems are.
  package init(
    _ ledger: IterationLedger, settings: ExperimentSettings, phases: [Phase], difficulty: Difficulty? = nil
  ) {
    iteration = ledger.iteration
    seedingRound = ledger.isSeeding ? ledger.round : nil
    policyVersion = ledger.update?.toVersion ?? ledger.policyVersion
    kinds = settings.play.kinds.sorted().compactMap { Self.kindSummary($0, ledger) }
    refusals = Self.refusals(ledger)
    outcome = ledger.update?.outcome
    skipped = ledger.skipped?.reason
    self.phases = Self.sum(phases)
    example = Self.example(ledger)
    if !ledger.isSeeding {
      self.groups = GroupShare(ledger)
      let rows = ledger.update == nil ? nil : ledger.attribution(settings) { difficulty?.problem($0)?.solves }
      attribution = rows.flatMap { $0.isEmpty ? nil : $0 }
    }
    intrinsic = Self.intrinsic(ledger, settings)
    composites = Self.composites(ledger)
    let groups = ledger.update?.groups ?? ledger.skipped?.groups ?? []
    proposerReward = Self.meanReward(groups.filter { $0.role == .proposer })
    solverReward = Self.meanReward(groups.filter { $0.role == .solver && $0.problem == nil })
  }

  package var proposed: Int { kinds.reduce(0) { $0 + $1.proposed } }
  package var accepted: Int { kinds.reduce(0) { $0 + $1.accepted } }
  package var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }

  private static func kindSummary(_ kind: Kind, _ ledger: IterationLedger) -> KindSummary? {
    let proposals = ledger.proposals.filter { $0.id.kind == kind }
    let attempts = ledger.attempts.filter { $0.id.kind == kind && $0.id.purpose == .solve }
    guard !proposals.isEmpty || !attempts.isEmpty else { return nil }
    let accepted = proposals.filter { $0.verified?.problem != nil }
    var summary = KindSummary(
      kind: kind, proposed: proposals.count, accepted: accepted.count, probes: SolveCount(), learnable: 0,
      solves: SolveCount())
    for entry in accepted {
      let probes = ledger.probes(of: entry.id)
      summary.probes.attempts += probes.attempts
      summary.probes.correct += probes.correct
      if learnability(probes) > 0 { summary.learnable += 1 }
    }
    for attempt in attempts { summary.solves.count(attempt.verified?.verdict == .correct) }
    return summary
  }

  /// Seeding pays nobody, and the random control pays nothing of this.
  private static func intrinsic(_ ledger: IterationLedger, _ settings: ExperimentSettings) -> [IntrinsicShare]? {
    guard !ledger.isSeeding, settings.rewards.formula != .random else { return nil }
    let paid = ledger.proposals.flatMap { entry -> [IntrinsicReward] in
      guard let verified = entry.verified, verified.earnsIntrinsic(ledger.probes(of: entry.id)) else { return [] }
      return settings.intrinsic.rewards(of: verified)
    }
    let shares = IntrinsicPart.allCases.compactMap { part -> IntrinsicShare? in
      let values = paid.filter { $0.part == part }.map(\.value)
      guard !values.isEmpty else { return nil }
      return IntrinsicShare(part: part, samples: values.count, mean: values.reduce(0, +) / Double(values.count))
    }
    return shares.isEmpty ? nil : shares
  }

  private static func composites(_ ledger: IterationLedger) -> CompositeCount? {
    let proposed = ledger.proposals.filter { $0.made.functions != nil }
    guard !proposed.isEmpty else { return nil }
    let accepted = proposed.compactMap { $0.verified?.problem }
    return CompositeCount(
      proposed: proposed.count, accepted: accepted.count,
      forwarding: accepted.count { $0.composition?.forwards ?? false })
  }

  private static func refusals(_ ledger: IterationLedger) -> [RefusalCount] {
    Refusal.allCases.map { refusal in
      RefusalCount(refusal: refusal, count: ledger.proposals.count { $0.verified?.refusal == refusal })
    }
    .filter { $0.count > 0 }
    .sorted { ($1.count, $0.refusal.rawValue) < ($0.count, $1.refusal.rawValue) }
  }

  private static func meanReward(_ groups: [RewardGroup]) -> Double? {
    let samples = groups.reduce(0) { $0 + $1.samples }
    guard samples > 0 else { return nil }
    return groups.reduce(0) { $0 + $1.meanReward * Double($1.samples) } / Double(samples)
  }

  private static func sum(_ phases: [Phase]) -> [Phase] {
    var result: [Phase] = []
    for phase in phases {
      if let index = result.firstIndex(where: { $0.name == phase.name }) {
        result[index].seconds += phase.seconds
        result[index].tokens += phase.tokens
      } else {
        result.append(phase)
      }
    }
    return result
  }

  /// The most learnable accepted problem, the first of equals.
  private static func example(_ ledger: IterationLedger) -> Example? {
    var best: Example?
    for (id, problem) in ledger.accepted {
      let example = Example(id: id, problem: problem, probes: ledger.probes(of: id))
      guard let current = best else {
        best = example
        continue
      }
      if learnability(example.probes) > learnability(current.probes) { best = example }
    }
    return best
  }
}
