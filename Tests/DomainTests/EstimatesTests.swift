import Domain
import Testing

@Suite("Estimates with intervals")
struct EstimatesTests {
  private static func stream(_ seed: UInt64) -> RandomStream {
    RandomStream(RandomKey(seed: seed, purpose: .evaluate, iteration: 1))
  }

  // The published ones are in Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  @Test(
    "Wilson's interval is the published one",
    arguments: [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)])
  func wilson(correct: Int, total: Int, low: Double, high: Double) {
    let estimate = Estimate.share(correct, of: total)
    #expect(estimate.value == Double(correct) / Double(total))
    #expect(abs(estimate.low - low) < 5e-5 && abs(estimate.high - high) < 5e-5, "\(estimate)")
  }

  @Test("Wilson's interval is symmetric and stays within 0 and 1")
  func wilsonEnds() {
    for total in 1...40 {
      for correct in 0...total {
        let (left, right) = (Estimate.share(correct, of: total), Estimate.share(total - correct, of: total))
        #expect(abs(left.low + right.high - 1) < 1e-12)
        #expect(0 <= left.low && left.low <= left.value && left.value <= left.high && left.high <= 1)
      }
    }
  }

  @Test("pass@k is what counting all choices of k answers gives")
  func passAtKByCounting() {
    #expect(abs(passAtK(correct: 2, samples: 5, k: 2) - 0.7) < 1e-12)
    for samples in 1...8 {
      for correct in 0...samples {
        for k in 1...samples {
          // Answers are bits; the right ones are the lowest.
          let choices = (0..<1 << samples).filter { $0.nonzeroBitCount == k }
          let good = choices.count { $0 & ((1 << correct) - 1) != 0 }
          let expected = Double(good) / Double(choices.count)
          #expect(abs(passAtK(correct: correct, samples: samples, k: k) - expected) < 1e-12)
        }
      }
    }
  }

  @Test(
    "McNemar's exact test is the sum of a binomial's tails, computed by hand",
    arguments: [(6, 0, 0.03125), (5, 1, 0.21875), (3, 3, 1.0), (0, 0, 1.0), (1, 9, 0.021484375)])
  func mcNemarByHand(gained: Int, lost: Int, expected: Double) {
    #expect(abs(mcNemar(gained: gained, lost: lost) - expected) < 1e-12)
    #expect(abs(mcNemar(gained: lost, lost: gained) - expected) < 1e-12)
  }

  @Test("McNemar's test of many pairs is finite and small where it must be")
  func mcNemarOfMany() {
    let p = mcNemar(gained: 5200, lost: 4800)
    #expect(p > 5e-5 && p < 8e-5, "\(p)")
  }

  @Test("the bootstrap's interval of a share is near the normal one, and the same for the same draws")
  func bootstrap() {
    let values = (0..<400).map { $0 % 5 == 0 ? 1.0 : 0.0 }
    let estimate = Estimate.mean(values, stream: Self.stream(3), resamples: 4000)
    #expect(abs(estimate.value - 0.2) < 1e-12)
    #expect(abs(estimate.low - (0.2 - 1.96 * 0.02)) < 0.005 && abs(estimate.high - (0.2 + 1.96 * 0.02)) < 0.005)
    #expect(estimate == Estimate.mean(values, stream: Self.stream(3), resamples: 4000))
    let fractions = (0..<50).map { 1 / Double(1 + $0) }
    let draws = [3, 4].map { Estimate.mean(fractions, stream: Self.stream($0), resamples: 400) }
    #expect(draws[0] != draws[1] && draws[0].value == draws[1].value)
  }

  @Test("equal values have an interval of no width")
  func bootstrapOfEqualValues() {
    let estimate = Estimate.mean([0.25, 0.25], stream: Self.stream(1))
    #expect(estimate == Estimate(value: 0.25, low: 0.25, high: 0.25))
  }
}

@Suite("The score of an evaluation")
struct EvaluationScoreTests {
  private func answers(_ correct: [Bool], samples: Int = 1) -> [AnswerEvaluated] {
    correct.enumerated().map { index, isRight in
      let problem = index / samples
      return AnswerEvaluated(
        problem: "\(problem)", group: problem % 2 == 0 ? "b" : "a", level: 1 + problem % 3, sample: index % samples,
        verdict: isRight ? .correct : .incorrect, answer: "", detail: "")
    }
  }

  @Test("problems are counted by group in the suite's order, by level, and together")
  func parts() {
    let score = EvaluationScore(answers([true, true, false, true, false, false]))
    #expect(score.groups == ["b", "a"] && score.levels == [1, 2, 3])
    #expect(score.pass(1, of: score.tallies(group: "a"))?.value == 2.0 / 3)
    #expect(score.pass(1, of: score.tallies(level: 1))?.value == 1)
    #expect(score.pass(1, of: score.tallies(group: "b", level: 2))?.value == 0)
    #expect(score.pass(1, of: score.tallies)?.value == 0.5)
    #expect(score.pass(1, of: score.tallies(group: "c")) == nil)
    #expect(score.verdicts == [.correct: 3, .incorrect: 3])
  }

  @Test("pass@k of several answers a problem is the mean of the problems' unbiased estimates")
  func samples() {
    let score = EvaluationScore(answers([true, false, false, false, false, false, true, true, true], samples: 3))
    #expect(score.tallies.map(\.correct) == [1, 0, 3])
    #expect(abs((score.pass(2, of: score.tallies)?.value ?? 0) - (2.0 / 3 + 0 + 1) / 3) < 1e-12)
  }

  @Test("a difference counts the problems both have, those gained and those lost")
  func difference() throws {
    let before = EvaluationScore(answers([true, false, false, false, true, false, false, false]))
    let after = EvaluationScore(answers([false, true, true, true, true, false]))
    let difference = try #require(before.difference(to: after))
    #expect(difference.problems == 6 && difference.gained == 3 && difference.lost == 1)
    #expect(abs(difference.difference.value - 2.0 / 6) < 1e-12)
    #expect(difference.difference.low < 0 && !difference.difference.excludesZero)
    #expect(abs(difference.mcNemarP - 0.625) < 1e-12)
    #expect(before.difference(to: EvaluationScore([])) == nil)
  }

  @Test("a gain on most problems excludes zero")
  func clearGain() throws {
    let before = EvaluationScore(answers(Array(repeating: false, count: 40)))
    let after = EvaluationScore(answers((0..<40).map { $0 % 4 > 0 }))
    #expect(try #require(before.difference(to: after)).difference.excludesZero)
  }
}
