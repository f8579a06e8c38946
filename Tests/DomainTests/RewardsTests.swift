import Domain
import Testing

/// Rewards as functions of what the log holds (paper Eq. 4–6).
struct RewardsTests {
  @Test func `learnability of k in eight is one minus the rate, and nothing at the ends`() {
    let table = (0...8).map { learnability(SolveCount(attempts: 8, correct: $0)) }
    #expect(table == [0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])
    #expect(learnability(SolveCount()) == 0)
  }

  @Test(arguments: [
    (Verdict.correct, 1.0), (.malformed, -1), (.incorrect, -0.5), (.raised, -0.5), (.timedOut, -0.5),
    (.outOfMemory, -0.5), (.nondeterministic, -0.5), (.forbidden, -0.5),
  ])
  func `a solver is paid by its verdict`(verdict: Verdict, reward: Double) {
    #expect(RewardSettings().solver(verdict) == reward)
  }

  private func proposal(_ refusal: Refusal?) -> ProposalVerified {
    ProposalVerified(
      proposal: ProposalID(iteration: 1, kind: .deduction, slot: 0), problem: refusal == nil ? problem(1) : nil,
      refusal: refusal, detail: "")
  }

  @Test(arguments: Refusal.allCases)
  func `a refused proposal is paid as malformed, a duplicate by its own price`(refusal: Refusal) {
    var settings = RewardSettings()
    settings.malformed = -0.9
    settings.duplicate = -0.3
    let reward = settings.proposer(proposal(refusal), probes: SolveCount(attempts: 8, correct: 4))
    #expect(reward == (refusal == .duplicate ? -0.3 : -0.9))
  }

  @Test(arguments: [(0, -0.2), (1, 0.875), (4, 0.5), (7, 0.125), (8, -0.2)])
  func `an accepted proposal is paid its learnability, or the price of none`(correct: Int, reward: Double) {
    var settings = RewardSettings()
    settings.unlearnable = -0.2
    #expect(settings.proposer(proposal(nil), probes: SolveCount(attempts: 8, correct: correct)) == reward)
  }

  @Test(arguments: [(0, -0.5), (1, 0.875), (4, 0.5), (7, 0.125), (8, -0.5)])
  func `the published code's formula has its own price for what teaches nothing`(correct: Int, reward: Double) {
    var settings = RewardSettings()
    settings.formula = .azrCode
    settings.unlearnable = -0.2
    #expect(settings.proposer(proposal(nil), probes: SolveCount(attempts: 8, correct: correct)) == reward)
    #expect(settings.proposer(proposal(.syntax), probes: SolveCount()) == settings.malformed)
    #expect(settings.solver(.correct) == 1 && settings.solver(.incorrect) == settings.incorrect)
  }

  @Test(arguments: [(2, 1), (3, 1), (4, 2), (5, 2), (10, 5), (11, 5)])
  func `half of the pairs is shown, rounded down, the rest hidden`(inputs: Int, shown: Int) {
    let problem = problem(1, kind: .induction, inputs: inputs)
    #expect(problem.shownPairs.count == shown)
    #expect(problem.hiddenPairs.count == inputs - shown)
    #expect(Array(problem.shownPairs) + Array(problem.hiddenPairs) == problem.pairs)
  }
}
