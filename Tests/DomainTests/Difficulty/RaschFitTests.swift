import Domain
import Foundation
import Testing

/// Ratings of problems and policy versions.
struct RaschFitTests {
  private typealias Outcome = (problem: ProposalID, version: PolicyVersion, isCorrect: Bool)

  /// The records of a fold over these outcomes, which are in order of version.
  private func records(_ outcomes: [Outcome]) -> [ProblemRecord] {
    var difficulty = Difficulty()
    for problem in Set(outcomes.map(\.problem)).sorted() {
      difficulty.apply(
        .proposalVerified(
          ProposalVerified(
            proposal: problem,
            problem: Problem(kind: .deduction, program: "x", pairs: [Pair(input: "1", output: "1")]), refusal: nil,
            detail: "")))
    }
    var version = -1
    for (sample, outcome) in outcomes.enumerated() {
      if outcome.version != version {
        version = outcome.version
        difficulty.apply(
          .iterationStarted(IterationStarted(iteration: version + 1, round: 0, policyVersion: version)))
      }
      difficulty.apply(
        .attemptVerified(
          AttemptVerified(
            attempt: AttemptID(iteration: 1, purpose: .probe, kind: .deduction, slot: 0, sample: sample),
            problem: outcome.problem, verdict: outcome.isCorrect ? .correct : .incorrect, answer: "", detail: "")))
    }
    return difficulty.problems
  }

  private func id(_ iteration: Int, _ slot: Int) -> ProposalID {
    ProposalID(iteration: iteration, kind: .deduction, slot: slot)
  }

  @Test func `as many successes as failures leave both at 0`() throws {
    let fit = RaschFit(records([(id(1, 0), 0, true), (id(1, 0), 0, false)]))
    #expect(abs(try #require(fit.rating(of: id(1, 0))).value) < 1e-9)
    #expect(abs(fit.rating(ofGroup: 0).value) < 1e-9 && fit.hasConverged)
  }

  @Test func `one success satisfies the equation of the posterior's maximum, with its curvature`() throws {
    let fit = RaschFit(records([(id(1, 0), 0, true)]))
    // The first policy is the scale's 0, and b ~ N(μ, 4) with μ ~ N(0, 4) is b ~ N(0, 8): σ(b) = −b / 8, b = −1.48.
    #expect(abs(fit.rating(ofGroup: 0).value) < 1e-4)
    let problem = try #require(fit.rating(of: id(1, 0)))
    let rating = problem.value / RaschFit.points
    let chance = 1 / (1 + exp(-rating))
    #expect(abs(chance + rating / 8) < 1e-6)
    #expect(abs(rating + 1.4815) < 1e-3)
    let variance = 1 / (chance * (1 - chance) + 0.125)
    let half = (problem.high - problem.value) / RaschFit.points
    #expect(abs(half - Estimate.z * variance.squareRoot()) < 1e-6)
  }

  @Test func `400 points are odds of ten to one`() { #expect(abs(exp(400 / RaschFit.points) - 10) < 1e-9) }

  @Test func `the order of attempts within a version changes no bit`() throws {
    let outcomes: [Outcome] = (0..<60).map { (id(1, $0 % 5), $0 / 20, $0 * 7 % 3 > 0) }
    let reordered = (0..<3).flatMap { version in outcomes.filter { $0.version == version }.reversed() }
    let (one, other) = (RaschFit(records(outcomes)), RaschFit(records(reordered)))
    for slot in 0..<5 { #expect(one.rating(of: id(1, slot)) == other.rating(of: id(1, slot))) }
    #expect((0..<3).allSatisfy { one.rating(ofGroup: $0) == other.rating(ofGroup: $0) })
  }

  /// Twenty versions, each better than the one before by `gain` nats, and twenty problems an iteration, each cohort harder by
  /// `drift`; eight attempts at birth, and two later at an earlier problem for each new one.
  private func simulated(
    seed: UInt64, gain: Double, drift: Double
  ) -> (outcomes: [Outcome], difficulty: [ProposalID: Double]) {
    var stream = RandomStream(RandomKey(seed: seed, purpose: .probe, iteration: 1))
    var difficulty: [ProposalID: Double] = [:]
    var outcomes: [Outcome] = []
    for version in 0..<20 {
      let ability = gain * Double(version)
      func attempt(_ problem: ProposalID, _ count: Int) {
        for _ in 0..<count {
          let chance = 1 / (1 + exp((difficulty[problem] ?? 0) - ability))
          outcomes.append((problem, version, stream.uniform() < chance))
        }
      }
      for slot in 0..<20 {
        let problem = id(version + 1, slot)
        difficulty[problem] = drift * Double(version) + 3 * (stream.uniform() - 0.5)
        attempt(problem, 8)
        if version > 0 { for _ in 0..<2 { attempt(id(1 + stream.below(version), stream.below(20)), 2) } }
      }
    }
    return (outcomes, difficulty)
  }

  @Test(arguments: [UInt64(1), 2, 3], [(0.08, 0.0), (0.0, 0.08), (0.08, 0.08)])
  func `who became better and what became harder is found again`(seed: UInt64, truth: (Double, Double)) throws {
    let (outcomes, difficulty) = simulated(seed: seed, gain: truth.0, drift: truth.1)
    let fit = RaschFit(records(outcomes))
    let text = "seed \(seed), truth \(truth)"
    #expect(fit.hasConverged && fit.steps < 20, "\(text): \(fit.steps) steps")
    let policy = try #require(fit.abilityChange)
    let problems = try #require(
      fit.difficultyChange(
        from: difficulty.keys.filter { $0.iteration <= 5 }.sorted(),
        to: difficulty.keys.filter { $0.iteration > 15 }.sorted()))
    #expect(abs(policy.value / RaschFit.points - 19 * truth.0) < 0.9, "\(text): \(policy)")
    #expect(abs(problems.value / RaschFit.points - 15 * truth.1) < 0.6, "\(text): \(problems)")
    if truth.0 > 0 { #expect(policy.low > 0, "\(text): \(policy)") }
    if truth.1 > 0 { #expect(problems.low > 0, "\(text): \(problems)") }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `intervals of problems hold the truth about as often as they say`(seed: UInt64) throws {
    let (outcomes, difficulty) = simulated(seed: seed, gain: 0.05, drift: 0.05)
    let fit = RaschFit(records(outcomes))
    let held = try difficulty.count { problem, truth in
      let rating = try #require(fit.rating(of: problem))
      return rating.low <= truth * RaschFit.points && truth * RaschFit.points <= rating.high
    }
    #expect(held > 360, "seed \(seed): \(held) of \(difficulty.count)")
  }

  @Test func `many versions are rated in groups of neighbours`() {
    let outcomes: [Outcome] = (0..<600).map { (id(1, 0), $0, $0 % 2 == 0) }
    let fit = RaschFit(records(outcomes))
    #expect(fit.width == 8 && fit.groups.count == 75 && fit.groups.allSatisfy { $0.attempts == 8 })
    #expect(fit.links == 1 && fit.hasConverged)
  }

  @Test func `without attempts there is nothing to rate`() {
    let fit = RaschFit([ProblemRecord]())
    #expect(fit.groups.isEmpty && fit.hasConverged && fit.abilityChange == nil && fit.rating(of: id(1, 0)) == nil)
  }
}
