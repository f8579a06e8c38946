import Domain
import Testing

/// Which groups could teach, and where a gradient came from.
struct AttributionTests {
  /// Iterations of a played experiment whose updates were made, each as it was then.
  private func ledgers(_ settings: ExperimentSettings) -> [IterationLedger] {
    var player = Player(settings)
    var ledgers: [IterationLedger] = []
    while true {
      let before = player.experiment.ledger
      let count = player.events.count
      guard let step = player.step() else { return ledgers }
      guard case .update = step, var ledger = before else { continue }
      for event in player.events[count...] { ledger.apply(event, at: 0) }
      ledgers.append(ledger)
    }
  }

  private func probed(_ outcomes: [[Verdict]]) -> IterationLedger {
    var ledger = IterationLedger(IterationStarted(iteration: 9, round: 0, policyVersion: 4))
    for (slot, verdicts) in outcomes.enumerated() {
      let id = ProposalID(iteration: 9, kind: .deduction, slot: slot)
      ledger.apply(.proposalMade(ProposalMade(proposal: id, references: [], program: nil)), at: 1)
      ledger.apply(
        .proposalVerified(ProposalVerified(proposal: id, problem: problem(slot), refusal: nil, detail: "")), at: 2)
      for (sample, verdict) in verdicts.enumerated() {
        let attempt = AttemptID(iteration: 9, purpose: .probe, kind: .deduction, slot: slot, sample: sample)
        ledger.apply(.attemptMade(AttemptMade(attempt: attempt, problem: id)), at: 3)
        ledger.apply(
          .attemptVerified(AttemptVerified(attempt: attempt, problem: id, verdict: verdict, answer: "", detail: "")),
          at: 4)
      }
    }
    return ledger
  }

  @Test func `groups with mixed outcomes are counted among those that were probed`() {
    let groups = GroupShare(probed([[.correct, .incorrect], [.correct, .correct], [.raised, .malformed], []]))
    #expect((groups.mixedProblems, groups.problems) == (1, 3))
    #expect(groups.ratio == 1.0 / 3)
    #expect(GroupShare(probed([])).ratio == nil)
  }

  @Test func `baselines whose rewards differ are counted among the update's`() {
    for ledger in ledgers(smallSettings()) {
      let groups = ledger.update?.groups ?? ledger.skipped?.groups ?? []
      let share = GroupShare(ledger)
      #expect(share.baselines == groups.count && share.mixedBaselines == groups.count { $0.deviation > 0 })
    }
  }

  @Test func `the shares of a gradient add up to 1 over all its samples`() throws {
    for seed in UInt64(1)...4 {
      for ledger in ledgers(smallSettings(seed: seed) { $0.play.reuseProbes = true }) where ledger.update != nil {
        let settings = smallSettings(seed: seed) { $0.play.reuseProbes = true }
        let rows = try #require(ledger.attribution(settings) { _ in nil })
        #expect(abs(rows.reduce(0) { $0 + $1.share } - 1) < 1e-9, "seed \(seed)")
        #expect(rows.reduce(0) { $0 + $1.samples } == ledger.update?.consumed.count, "seed \(seed)")
        #expect(rows.contains { $0.role == .proposer && $0.age == .new })
      }
    }
  }

  @Test func `a sample counts by the size of its advantage, under its problem's difficulty and age`() {
    var ledger = probed([[.correct, .incorrect], [.correct, .correct]])
    let old = ProposalID(iteration: 2, kind: .abduction, slot: 0)
    let attempt = AttemptID(iteration: 9, purpose: .solve, kind: .abduction, slot: 0, sample: 0)
    ledger.apply(.attemptMade(AttemptMade(attempt: attempt, problem: old)), at: 5)
    let rows = ledger.attribution(
      [("9.deduction.0", 1.5), ("9.deduction.1", -0.5), (attempt.description, -2)],
      solves: { $0 == old ? SolveCount(attempts: 4, correct: 1) : nil })
    #expect(rows.map(\.role) == [.proposer, .proposer, .solver])
    #expect(rows.map(\.kind) == [.deduction, .deduction, .abduction])
    #expect(rows.map(\.difficulty) == [.toHalf, .always, .toQuarter])
    #expect(rows.map(\.age) == [.new, .new, .to15])
    #expect(rows.map(\.share) == [0.375, 0.125, 0.5])
  }

  @Test func `a proposal that was refused has no difficulty`() {
    var ledger = IterationLedger(IterationStarted(iteration: 1, round: 0, policyVersion: 0))
    let id = ProposalID(iteration: 1, kind: .deduction, slot: 0)
    ledger.apply(.proposalMade(ProposalMade(proposal: id, references: [], program: nil)), at: 1)
    ledger.apply(
      .proposalVerified(ProposalVerified(proposal: id, problem: nil, refusal: .syntax, detail: "")), at: 2)
    #expect(ledger.attribution([(id.description, 1)]) { _ in nil }.map(\.difficulty) == [.refused])
  }

  @Test func `whitening by tokens cannot be attributed without the tokens`() {
    let settings = smallSettings { $0.advantages.whitening = .token }
    for ledger in ledgers(settings) { #expect(ledger.attribution(settings) { _ in nil } == nil) }
  }

  @Test(
    arguments: [
      (0, 4, .never), (1, 4, .toQuarter), (2, 4, .toHalf), (3, 4, .toThreeQuarters), (7, 8, .underAlways),
      (4, 4, .always), (0, 0, .unknown),
    ] as [(Int, Int, RateBucket)])
  func `solve rates have buckets with closed upper ends`(correct: Int, attempts: Int, bucket: RateBucket) {
    #expect(RateBucket(SolveCount(attempts: attempts, correct: correct)) == bucket)
  }
}
