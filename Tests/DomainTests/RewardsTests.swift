import Domain
import Testing

/// Rewards as functions of what the log holds (paper Eq. 4–6).
struct RewardsTests {
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

  private func randomRewards(seed: UInt64) -> (proposals: [Double], solves: [Double], probes: [Double]) {
    let settings = smallSettings(seed: seed) { ($0.rewards.formula, $0.play.probes) = (.random, 4) }
    func attempt(_ purpose: Purpose, _ slot: Int, _ verdict: Verdict) -> Double {
      let id = AttemptID(iteration: 1, purpose: purpose, kind: .deduction, slot: slot, sample: 0)
      let problem = ProposalID(iteration: 1, kind: .deduction, slot: 0)
      return settings.reward(
        of: AttemptVerified(attempt: id, problem: problem, verdict: verdict, answer: "", detail: ""))
    }
    let proposals = (0..<400).map { slot in
      let id = ProposalID(iteration: 1, kind: .deduction, slot: slot)
      return settings.reward(
        of: ProposalVerified(proposal: id, problem: nil, refusal: .syntax, detail: ""), probes: SolveCount())
    }
    let solves = (0..<400).map { attempt(.solve, $0, .correct) }
    // Verdicts decide nothing.
    for (slot, reward) in solves.enumerated() {
      #expect(Verdict.allCases.allSatisfy { attempt(.solve, slot, $0) == reward }, "seed \(seed), slot \(slot)")
    }
    return (proposals, solves, (0..<400).map { attempt(.probe, $0, .incorrect) })
  }

  @Test func `random rewards follow from seed and name, whatever was verified`() {
    let rewards = randomRewards(seed: 3)
    let again = randomRewards(seed: 3)
    #expect(rewards.proposals == again.proposals && rewards.solves == again.solves && rewards.probes == again.probes)
    #expect(rewards.solves != randomRewards(seed: 4).solves && rewards.solves != rewards.probes)
  }

  @Test func `random rewards have the values of the composite formula, each as often as the others`() {
    let rewards = randomRewards(seed: 3)
    #expect(Set(rewards.proposals) == [0.25, 0.5, 0.75, 0, -0.5, -1])
    #expect(Set(rewards.solves) == [1, -0.5, -1] && Set(rewards.probes) == [1, -0.5, -1])
    // A third of 400, standard error 9.4.
    for value in [1, -0.5, -1] { #expect(abs(rewards.solves.count { $0 == value } - 133) < 48) }
  }
}
