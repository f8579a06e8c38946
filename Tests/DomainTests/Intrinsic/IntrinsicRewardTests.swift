import Domain
import Testing

/// Intrinsic rewards (paper App. D.4) on figures worked out by hand.
struct IntrinsicRewardTests {
  /// Learnable: 3 of 8 solved, 1 − 3/8 = 0.625.
  private let probes = SolveCount(attempts: 8, correct: 3)

  private func verified(
    _ kind: Kind = .deduction, measures: ProgramMeasures? = nil, earlier: EarlierValues? = nil,
    unformatted: Bool? = nil
  ) -> ProposalVerified {
    ProposalVerified(
      proposal: ProposalID(iteration: 1, kind: kind, slot: 0),
      problem: problem(1, kind: kind, inputs: kind == .induction ? 2 : 1), refusal: nil, detail: "",
      unformatted: unformatted, measures: measures, earlier: earlier)
  }

  private let measures = ProgramMeasures(
    cognitive: 3, cyclomatic: 4, volume: 100_000, effort: 2_000_000, distance: 400_000)

  private func reward(
    _ verified: ProposalVerified, _ change: (inout ExperimentSettings) -> Void
  ) -> Double { smallSettings(change).reward(of: verified, probes: probes) }

  private func smallSettings(_ change: (inout ExperimentSettings) -> Void) -> ExperimentSettings {
    DomainTests.smallSettings { change(&$0) }
  }

  @Test func `complexity is paid by fifteenths, distance as a share, Halstead's mix by its three parts`() {
    // 3/15 = 0.2; 0.4; 0.5·(2000/10000) + 0.3·(4/10) + 0.2·(100/500) = 0.1 + 0.12 + 0.04 = 0.26.
    let settings = smallSettings {
      $0.intrinsic.complexityCoefficient = 0.5
      $0.intrinsic.editDistanceCoefficient = 0.25
      $0.intrinsic.halsteadCoefficient = 1
    }
    let parts = settings.intrinsic.rewards(of: verified(measures: measures))
    #expect(parts.map(\.part) == [.complexity, .editDistance, .halstead])
    for (part, expected) in zip(parts, [0.1, 0.1, 0.26]) { #expect(abs(part.value - expected) < 1e-12, "\(part)") }
    #expect(abs(settings.reward(of: verified(measures: measures), probes: probes) - 1.085) < 1e-12)
  }

  @Test func `none is more than its maximum`() {
    let dear = reward(verified(measures: measures)) {
      $0.intrinsic.complexityCoefficient = 100
      $0.intrinsic.complexityMax = 0.25
    }
    #expect(dear == 0.625 + 0.25)
    let huge = ProgramMeasures(
      cognitive: 1, cyclomatic: 99, volume: 9_000_000, effort: 99_000_000, distance: nil)
    #expect(
      reward(verified(measures: huge)) { ($0.intrinsic.halsteadCoefficient, $0.intrinsic.halsteadMax) = (1, 9) }
        == 1.625)
  }

  @Test func `an answer is paid for by how seldom it was there before, on its own side of the problem`() {
    let earlier = EarlierValues(
      inputs: EarlierValues.Counts(seen: 8, equal: [2]), outputs: EarlierValues.Counts(seen: 4, equal: [3]))
    func answer(_ kind: Kind, _ earlier: EarlierValues) -> Double {
      reward(verified(kind, earlier: earlier)) {
        $0.intrinsic.answerDiversityCoefficient = 1
        $0.intrinsic.answerDiversityMax = 1
      }
    }
    #expect(answer(.deduction, earlier) == 0.625 + 0.25)
    #expect(answer(.abduction, earlier) == 0.625 + 0.75)
    #expect(answer(.deduction, EarlierValues(outputs: EarlierValues.Counts(seen: 0, equal: [0]))) == 1.625)
  }

  @Test func `induction is paid for the mean over its inputs and its outputs, and for nothing it did not write`() {
    let earlier = EarlierValues(
      inputs: EarlierValues.Counts(seen: 4, equal: [0, 1]), outputs: EarlierValues.Counts(seen: 4, equal: [4, 2]))
    let settings = smallSettings {
      $0.intrinsic.complexityCoefficient = 1
      $0.intrinsic.answerDiversityCoefficient = 1
      $0.intrinsic.inputDiversityCoefficient = 1
      $0.intrinsic.inputDiversityMax = 1
      $0.intrinsic.outputDiversityCoefficient = 1
    }
    let parts = settings.intrinsic.rewards(of: verified(.induction, earlier: earlier))
    #expect(
      parts == [
        IntrinsicReward(part: .inputDiversity, value: 0.875), IntrinsicReward(part: .outputDiversity, value: 0.25),
      ])
  }

  @Test(arguments: [
    (IntrinsicSettings.Combination.sum, 0.625 + 0.75), (.multiply, 0.625 * 0.125), (.sumMultiply, 0.625 + 0.125),
    (.multiplySum, 0.625 * 0.75),
  ])
  func `they join learnability as the settings say`(combination: IntrinsicSettings.Combination, expected: Double) {
    let earlier = EarlierValues(outputs: EarlierValues.Counts(seen: 2, equal: [1]))
    let fifteen = ProgramMeasures(cognitive: 15, cyclomatic: 1, volume: 0, effort: 0, distance: nil)
    let found = reward(verified(measures: fifteen, earlier: earlier)) {
      $0.intrinsic.complexityCoefficient = 0.25
      $0.intrinsic.answerDiversityCoefficient = 1
      $0.intrinsic.combination = combination
    }
    #expect(found == expected)
  }

  @Test(arguments: IntrinsicSettings.Combination.allCases)
  func `a kind without a part that is on is paid its learnability`(combination: IntrinsicSettings.Combination) {
    let found = reward(verified(.induction, earlier: EarlierValues())) {
      $0.intrinsic.complexityCoefficient = 1
      $0.intrinsic.combination = combination
    }
    #expect(found == 0.625)
  }

  @Test func `what is refused, not of the form, or not learnable is paid nothing of them`() {
    let settings = smallSettings {
      $0.intrinsic.complexityCoefficient = 1
      $0.rewards.unlearnable = -0.25
    }
    #expect(settings.reward(of: verified(measures: measures, unformatted: true), probes: probes) == -1)
    for correct in [0, 8] {
      let reward = settings.reward(
        of: verified(measures: measures), probes: SolveCount(attempts: 8, correct: correct))
      #expect(reward == -0.25)
    }
    var random = settings
    random.rewards.formula = .random
    var plain = random
    plain.intrinsic = IntrinsicSettings()
    #expect(
      random.reward(of: verified(measures: measures), probes: probes)
        == plain.reward(of: verified(measures: measures), probes: probes))
  }

  @Test func `earlier values are those of the iterations before, the same for all slots of one`() throws {
    var player = Player(
      DomainTests.smallSettings(seed: 5) {
        $0.play.batch = 8
        $0.play.duplicates = .allow
        $0.intrinsic.answerDiversityCoefficient = 0.5
        $0.intrinsic.outputDiversityCoefficient = 0.5
      })
    player.play()
    var before: [Kind: [String]] = [:]
    var current: [Problem] = []
    var repeated = 0
    func side(_ problem: Problem) -> [String] {
      problem.pairs.map { problem.kind == .abduction ? $0.input : $0.output }
    }
    for event in player.events {
      switch event {
      case .iterationStarted:
        for problem in current { before[problem.kind, default: []] += side(problem) }
        current = []
      case .proposalVerified(let verified):
        guard let problem = verified.problem else {
          #expect(verified.earlier == nil)
          continue
        }
        current.append(problem)
        let counts = try #require(problem.kind == .abduction ? verified.earlier?.inputs : verified.earlier?.outputs)
        let seen = before[problem.kind] ?? []
        #expect(counts.seen == seen.count)
        #expect(
          counts.equal == side(problem).map { value in seen.count { $0 == value } }, "seed 5, \(verified.proposal)")
        #expect((problem.kind == .abduction ? verified.earlier?.outputs : verified.earlier?.inputs) == nil)
        repeated += counts.equal.reduce(0, +)
      default: break
      }
    }
    #expect(repeated > 0)
  }

  @Test func `counts that the events before do not give are objected to`() throws {
    var player = Player(DomainTests.smallSettings(seed: 6) { $0.intrinsic.answerDiversityCoefficient = 0.5 })
    var folded = player.experiment
    player.play()
    var forged = 0
    for (index, event) in player.events.enumerated() {
      if case .proposalVerified(var verified) = event, verified.earlier?.outputs != nil {
        #expect(folded.objection(to: event) == nil)
        verified.earlier?.outputs?.seen += 1
        #expect(folded.objection(to: .proposalVerified(verified))?.contains("earlier values") == true)
        forged += 1
      }
      folded.evolve(event, version: Int64(index + 2), position: 102 + Int64(index))
    }
    #expect(forged > 0)
  }
}
