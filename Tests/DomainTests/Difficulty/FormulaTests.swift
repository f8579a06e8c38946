import Domain
import Testing

/// The formulas of difficulty against values computed by hand.
struct FormulaTests {
  private func isNear(_ left: Double, _ right: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(left - right) <= tolerance
  }

  @Test func `the posterior of one success in two is Beta(2, 2)`() {
    let posterior = BetaPosterior(correct: 1, attempts: 2)
    #expect(posterior.mean == 0.5)
    #expect(isNear(posterior.learnability, 0.2))
    // The distribution function of Beta(2, 2) is 3x² − 2x³.
    #expect(isNear(incompleteBeta(0.25, 2, 2), 0.15625))
    #expect(isNear(posterior.mass(from: 0.25, to: 0.75), 0.6875))
    #expect(isNear(incompleteBeta(posterior.estimate.low, 2, 2), 0.025))
    #expect(isNear(posterior.estimate.low, 1 - posterior.estimate.high))
  }

  @Test func `without attempts the posterior is uniform and its learnability a sixth`() {
    let posterior = BetaPosterior(correct: 0, attempts: 0)
    #expect(isNear(posterior.learnability, 1.0 / 6))
    #expect(isNear(posterior.mass(from: 0.2, to: 0.5), 0.3))
    #expect(isNear(posterior.estimate.low, 0.025) && isNear(posterior.estimate.high, 0.975))
  }

  @Test func `the incomplete beta function has its closed forms`() {
    for step in 1..<10 {
      let x = Double(step) / 10
      #expect(isNear(incompleteBeta(x, 2, 1), x * x, 1e-12))
      #expect(isNear(incompleteBeta(x, 1, 3), 1 - (1 - x) * (1 - x) * (1 - x), 1e-12))
      #expect(isNear(incompleteBeta(x, 3.5, 7.25), 1 - incompleteBeta(1 - x, 7.25, 3.5), 1e-12))
    }
    // Beta(501, 501) is nearly normal with standard deviation 0.01579.
    #expect(isNear(BetaPosterior(correct: 500, attempts: 1000).estimate.high, 0.5309, 2e-4))
  }

  @Test func `Wilson's interval of a weighed count is that of a plain one`() {
    let (weighed, plain) = (Estimate.wilson(correct: 8, of: 10), Estimate.share(8, of: 10))
    #expect(isNear(weighed.low, plain.low) && isNear(weighed.high, plain.high))
    #expect(isNear(weighed.low, 0.4901625, 1e-6) && isNear(weighed.high, 0.9433178, 1e-6))
    #expect(Estimate.wilson(correct: 0, of: 0) == Estimate(value: 0.5, low: 0, high: 1))
  }

  @Test func `halves are compared over the last outcomes, and chance is taken off`() {
    let outcomes: [UInt8] = [0, 0, 0, 0, 1, 1, 1, 1]
    let whole = LearningProgress.halves(outcomes, window: 200)
    #expect(whole.outcomes == 8 && whole.change == 1)
    // √(4 · ½ · ½ / 8)
    #expect(isNear(whole.deviation, 0.353553, 1e-6))
    #expect(isNear(whole.excess(noise: 1), 0.646447, 1e-6))
    #expect(LearningProgress.halves(outcomes, window: 4).change == 0)
    #expect(LearningProgress.halves(Array(outcomes.reversed()), window: 8).excess(noise: 1) == whole.excess(noise: 1))
  }

  @Test func `an odd outcome too many is the oldest, and two are too few`() {
    let odd = LearningProgress.halves([1, 0, 0, 1, 1], window: 200)
    #expect(odd.outcomes == 4 && odd.change == 1 && isNear(odd.deviation, 0.5))
    #expect(LearningProgress.halves([0, 1], window: 200).change == 0)
    #expect(LearningProgress.halves([UInt8](), window: 200).outcomes == 0)
  }

  @Test func `the toss of a coin has a noise floor of 0.22 over twenty outcomes`() {
    let coin: [UInt8] = [0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]
    let progress = LearningProgress.halves(coin, window: 20)
    #expect(isNear(progress.deviation, 0.223607, 1e-6) && progress.excess(noise: 1) == 0)
  }

  @Test func `progress at a problem is against its neighbour, with the chance of two shares`() throws {
    let progress = try #require(
      LearningProgress.neighbours(SolveCount(attempts: 4, correct: 3), SolveCount(attempts: 4, correct: 1)))
    #expect(progress.change == 0.5 && progress.outcomes == 8)
    // √(½ · ½ · (¼ + ¼))
    #expect(isNear(progress.deviation, 0.353553, 1e-6))
    #expect(LearningProgress.neighbours(SolveCount(), SolveCount(attempts: 4, correct: 1)) == nil)
  }

  @Test func `attempts of older policies count less, or not at all`() {
    let counts = [
      VersionCount(version: 0, solves: SolveCount(attempts: 4, correct: 2)),
      VersionCount(version: 2, solves: SolveCount(attempts: 8, correct: 6)),
    ]
    var settings = CurriculumSettings()
    #expect(settings.weigh(counts, at: 4).attempts == 12)
    settings.versionHalfLife = 2
    let weighed = settings.weigh(counts, at: 4)
    // A quarter of the first and half of the second.
    #expect(isNear(weighed.attempts, 5) && isNear(weighed.correct, 3.5))
    #expect(weighed.sample == SolveCount(attempts: 12, correct: 8))
    settings.versionsMax = 3
    #expect(settings.weigh(counts, at: 4).sample == SolveCount(attempts: 8, correct: 6))
    #expect(isNear(settings.weigh(counts, at: 4).attempts, 4))
  }
}
