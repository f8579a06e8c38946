import Domain
import Testing

/// What every implementation of Absolute Zero must get right (docs/conformance.md lists all of it), as far as it follows from
/// the log alone.
struct ConformanceTests {
  @Test func `learnability of k in eight is one minus the rate, and nothing at the ends`() {
    let table = (0...8).map { learnability(SolveCount(attempts: 8, correct: $0)) }
    #expect(table == [0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])
    #expect(learnability(SolveCount()) == 0)
  }

  @Test(arguments: [(2, 1), (3, 1), (4, 2), (5, 2), (10, 5), (11, 5)])
  func `half of the pairs is shown, rounded down, the rest hidden`(inputs: Int, shown: Int) {
    let problem = problem(1, kind: .induction, inputs: inputs)
    #expect(problem.shownPairs.count == shown)
    #expect(problem.hiddenPairs.count == inputs - shown)
    #expect(Array(problem.shownPairs) + Array(problem.hiddenPairs) == problem.pairs)
  }

  @Test(arguments: UInt64(1)...20)
  func `six groups are whitened each by itself`(seed: UInt64) {
    let references = AdvantagesTests()
    let (samples, tokens) = references.samples(seed)
    let ones = tokens.map { _ in 1 }
    let expected = references.reference(samples, ones) { "\($0.role) \($0.kind)" }
    let found = advantages(samples, tokenCounts: tokens, settings: AdvantageSettings())
    references.expectEqual(found.advantages, expected, "seed \(seed)")
    #expect(found.groups.reduce(0) { $0 + $1.samples } == samples.count)
  }

  @Test(
    arguments: [
      (nil, 4, 0.5), (nil, 0, 0.0), (nil, 8, 0.0), (Refusal.malformed, 0, -1.0), (.raised, 4, -1), (.forbidden, 8, -1),
    ] as [(Refusal?, Int, Double)])
  func `the composite reward of a proposal is its learnability, nothing, or that of no form`(
    refusal: Refusal?, correct: Int, reward: Double
  ) {
    let id = ProposalID(iteration: 1, kind: .deduction, slot: 0)
    let verified = ProposalVerified(
      proposal: id, problem: refusal == nil ? problem(1) : nil, refusal: refusal, detail: "")
    let probes = SolveCount(attempts: 8, correct: correct)
    #expect(RewardSettings().proposer(verified, probes: probes) == reward)
    var code = RewardSettings()
    code.unlearnable = -0.5
    #expect(code.proposer(verified, probes: probes) == (reward == 0 ? -0.5 : reward))
  }

  @Test func `the composite reward of an answer is one, half a point off, or a whole one`() {
    #expect([Verdict.correct, .incorrect, .malformed].map { RewardSettings().solver($0) } == [1, -0.5, -1])
  }

  @Test(arguments: PlaySettings.SolveFrom.allCases)
  func `what is drawn from the buffers follows from the log alone`(from: PlaySettings.SolveFrom) {
    let settings = smallSettings { ($0.play.solveFrom, $0.play.bufferMax, $0.play.eviction) = (from, 6, .reservoir) }
    var player = Player(settings)
    player.play()
    var again = Player(settings)
    var shown: [ProposalID: ([ProposalID], ProposalID?)] = [:]
    var posed: [AttemptID: ProposalID] = [:]
    for event in player.events {
      switch again.experiment.nextPlayStep {
      case .propose(let plans):
        for plan in plans { shown[plan.id] = (plan.references.map(\.id), plan.program?.id) }
      case .attempt(_, let plans): for plan in plans { posed[plan.id] = plan.problem.id }
      default: break
      }
      switch event {
      case .proposalMade(let made):
        #expect(shown[made.proposal]?.0 == made.references && shown[made.proposal]?.1 == made.program)
      case .attemptMade(let made): #expect(posed[made.attempt] == made.problem)
      default: break
      }
      again.append(event)
    }
    #expect(shown.count > 20 && posed.count > 20)
    #expect(again.experiment == player.experiment)
  }
}
