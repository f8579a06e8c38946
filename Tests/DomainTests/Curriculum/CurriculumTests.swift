import Domain
import Foundation
import Testing

/// What each strategy gives to a problem, and how often it is drawn then.
struct CurriculumTests {
  /// Four problems of iterations 1 to 4 with 0, 1, 3 and 4 of 4 solved, by version 0; and one that nobody attempted.
  private static let problems = (0..<5).map { ProposalID(iteration: $0 + 1, kind: .deduction, slot: $0) }

  private static let difficulty: Difficulty = {
    var difficulty = Difficulty()
    for (slot, id) in problems.enumerated() {
      difficulty.apply(
        .proposalVerified(
          ProposalVerified(proposal: id, problem: problem(slot), refusal: nil, detail: "")))
    }
    for (slot, correct) in [0, 1, 3, 4].enumerated() {
      for sample in 0..<4 {
        difficulty.apply(
          .attemptVerified(
            AttemptVerified(
              attempt: AttemptID(iteration: 1, purpose: .probe, kind: .deduction, slot: slot, sample: sample),
              problem: problems[slot], verdict: sample < correct ? .correct : .incorrect, answer: "", detail: "")))
      }
    }
    return difficulty
  }()

  private func curriculum(
    _ strategy: CurriculumSettings.Strategy, iteration: Int = 5, _ change: (inout CurriculumSettings) -> Void = { _ in }
  ) -> Curriculum {
    var settings = CurriculumSettings()
    change(&settings)
    return Curriculum(strategy, settings, Self.difficulty, iteration: iteration)
  }

  private func isNear(_ left: [Double], _ right: [Double]) -> Bool {
    left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) < 1e-9 }
  }

  @Test func `recency halves with every half-life`() {
    let curriculum = curriculum(.recency) { $0.recencyHalfLife = 2 }
    let ages: [Double] = [4, 3, 2, 1, 0]
    let found = Self.problems.map { curriculum.priority($0) }
    #expect(isNear(found, ages.map { exp2(-$0 / 2) }))
  }

  @Test func `learnability is the posterior's expected p(1 − p)`() {
    // ab / ((a+b)(a+b+1)) of Beta(1, 5), (2, 4), (4, 2), (5, 1) and (1, 1).
    let expected: [Double] = [5.0 / 42, 8.0 / 42, 8.0 / 42, 5.0 / 42, 7.0 / 42]
    let learnability = curriculum(.learnability)
    let found = Self.problems.map { learnability.priority($0) }
    #expect(isNear(found, expected))
  }

  @Test func `the target band is the posterior's mass in it`() {
    let band = curriculum(.targetBand) { ($0.bandLow, $0.bandHigh) = (0, 0.5) }
    // P(p ≤ ½): 1 − ½⁵, then 1 − (½)⁵(1 + 5), their mirror images, and ½.
    let expected: [Double] = [0.96875, 0.8125, 0.1875, 0.03125, 0.5]
    let found = Self.problems.map { band.priority($0) }
    #expect(isNear(found, expected))
  }

  @Test func `learning progress is that of the cell, beyond chance`() {
    // Outcomes 0000 1000 | 1110 1111: 1/8 against 7/8, pooled ½, chance √(4 · ¼ / 16) = ¼.
    let priority = curriculum(.learningProgress) { $0.progressNoise = 2 }.priority(Self.problems[0])
    #expect(abs(priority - 0.25) < 1e-9)
    #expect(curriculum(.learningProgress) { $0.progressNoise = 3 }.priority(Self.problems[0]) == 0)
  }

  @Test func `Elo-matched is a bell around the wanted rating`() throws {
    let fit = RaschFit(Self.difficulty.problems)
    let ability = fit.rating(ofGroup: 0).value
    let expected = try Self.problems.map { id -> Double in
      // Nobody attempted the last one: it is rated as its cohort would be, which is as the newest one is.
      guard id != Self.problems[4] else { return 0 }
      let rating = try #require(fit.rating(of: id)).value
      let wanted = RaschFit.points * log(0.75 / 0.25)
      let deviations: Double = (ability - rating - wanted) / 100
      return exp(-deviations * deviations / 2)
    }
    let curriculum = curriculum(.eloMatched) { ($0.targetRate, $0.ratingWidth) = (0.75, 100) }
    let found = Self.problems.map { curriculum.priority($0) }
    #expect(isNear(Array(found.prefix(4)), Array(expected.prefix(4))))
    #expect(curriculum.priority(Self.problems[4]) > 0)
    #expect(expected[2] == expected.max())
  }

  @Test func `weights add up to 1, with the uniform share in each`() {
    for strategy in CurriculumSettings.Strategy.allCases {
      let weights = curriculum(strategy) { $0.uniformShare = 0.25 }.weights(Self.problems)
      #expect(abs(weights.reduce(0, +) - 1) < 1e-12 && weights.allSatisfy { $0 >= 0.05 - 1e-12 }, "\(strategy)")
    }
    let none = curriculum(.learningProgress) { $0.progressNoise = 10 }.weights(Self.problems)
    #expect(isNear(none, [0.2, 0.2, 0.2, 0.2, 0.2]))
    #expect(curriculum(.recency).weights([]).isEmpty)
  }

  @Test(arguments: CurriculumSettings.Strategy.allCases)
  func `the first draw follows the weights`(strategy: CurriculumSettings.Strategy) {
    let weights = curriculum(strategy) { $0.uniformShare = 0.1 }.weights(Self.problems)
    let draw = WeightedDraw(weights)
    let draws = 20_000
    var counts = [Int](repeating: 0, count: weights.count)
    for number in 0..<draws {
      var stream = RandomStream(RandomKey(seed: 5, purpose: .references, iteration: number))
      counts[draw.distinct(1, stream: &stream)[0]] += 1
    }
    for (count, weight) in zip(counts, weights) {
      let deviation = (Double(draws) * weight * (1 - weight)).squareRoot()
      #expect(abs(Double(count) - Double(draws) * weight) < 4 * deviation, "seed 5, \(strategy): \(counts), \(weights)")
    }
  }

  @Test func `a second draw follows the weights of what is left`() {
    let weights = [0.1, 0.2, 0.3, 0.4]
    let draw = WeightedDraw(weights)
    let draws = 20_000
    var counts = [Int](repeating: 0, count: 4)
    for number in 0..<draws {
      var stream = RandomStream(RandomKey(seed: 6, purpose: .problems, iteration: number))
      counts[draw.distinct(2, stream: &stream)[1]] += 1
    }
    for place in 0..<4 {
      let others = (0..<4).filter { $0 != place }
      let chance: Double = others.reduce(0.0) { $0 + weights[$1] * weights[place] / (1 - weights[$1]) }
      let deviation = (Double(draws) * chance * (1 - chance)).squareRoot()
      #expect(abs(Double(counts[place]) - Double(draws) * chance) < 4 * deviation, "seed 6: \(counts)")
    }
  }

  @Test func `draws are distinct, and what weighs nothing comes last`() {
    for number in 0..<200 {
      var stream = RandomStream(RandomKey(seed: 7, purpose: .problems, iteration: number))
      let drawn = WeightedDraw([0, 1, 0, 1e-9, 5, 0]).distinct(9, stream: &stream)
      #expect(drawn.sorted() == Array(0..<6), "seed 7, iteration \(number)")
      #expect(Set(drawn.prefix(3)) == [1, 3, 4], "seed 7, iteration \(number): \(drawn)")
      var again = RandomStream(RandomKey(seed: 7, purpose: .problems, iteration: number))
      #expect(WeightedDraw([0, 1, 0, 1e-9, 5, 0]).distinct(9, stream: &again) == drawn)
    }
    var stream = RandomStream(RandomKey(seed: 7, purpose: .problems, iteration: 0))
    #expect(WeightedDraw([]).distinct(3, stream: &stream).isEmpty)
    #expect(Set(WeightedDraw([0, 0]).distinct(2, stream: &stream)) == [0, 1])
  }

  @Test func `the figures say how the weights spread and what a draw is expected to be solved by`() {
    let figures = curriculum(.uniform).figures(.deduction, Self.problems)
    #expect(figures.candidates == 5 && figures.attempted == 4 && figures.effective == 5)
    // Means 1/6, 2/6, 4/6, 5/6 and 1/2.
    #expect(figures.solveRate == 0.5 && figures.solveRateUniform == 0.5)
    let newest = curriculum(.recency) { ($0.recencyHalfLife, $0.uniformShare) = (0.1, 0) }.figures(
      .deduction, Self.problems)
    #expect(abs(newest.effective - 1.001955) < 1e-4 && newest.solveRate > 0.5)
    let none = curriculum(.recency).figures(.deduction, [])
    #expect(none.candidates == 0 && none.effective == 0)
  }
}
