import Foundation

/// Weights of problems under a strategy, seen from the difficulty so far. Made for one step, used for all its draws.
package struct Curriculum: Sendable {
  private let strategy: CurriculumSettings.Strategy
  private let settings: CurriculumSettings
  private let difficulty: Difficulty
  /// The iteration in progress.
  private let iteration: Int
  /// LP⁺ of each cell; ratings. Only where the strategy asks for them.
  private let progress: [Cell: Double]
  private let fit: RaschFit?

  package init(
    _ strategy: CurriculumSettings.Strategy, _ settings: CurriculumSettings, _ difficulty: Difficulty, iteration: Int
  ) {
    self.strategy = strategy
    self.settings = settings
    self.difficulty = difficulty
    self.iteration = iteration
    var progress: [Cell: Double] = [:]
    if strategy == .learningProgress {
      for record in difficulty.cells {
        let halves = LearningProgress.halves(record.outcomes, window: settings.progressWindow)
        progress[record.cell] = halves.excess(noise: settings.progressNoise)
      }
    }
    self.progress = progress
    fit = strategy == .eloMatched ? RaschFit(difficulty.problems) : nil
  }

  /// What problems are drawn with, in their order; they add up to 1. `uniform_share` of it is the same for all, and so is
  /// everything where the strategy gives nothing to any of them.
  package func weights(_ problems: [ProposalID]) -> [Double] {
    guard !problems.isEmpty else { return [] }
    let same = 1 / Double(problems.count)
    let priorities = problems.map(priority)
    let total = priorities.reduce(0, +)
    guard strategy != .uniform, total > 0 else { return problems.map { _ in same } }
    return priorities.map { (1 - settings.uniformShare) * ($0 / total) + settings.uniformShare * same }
  }

  /// What a strategy gives to a problem, before it is set against the others.
  package func priority(_ problem: ProposalID) -> Double {
    switch strategy {
    case .uniform: 1
    case .recency: exp2(-Double(iteration - problem.iteration) / settings.recencyHalfLife)
    case .learnability: difficulty.weighed(problem, settings).posterior.learnability
    case .targetBand:
      difficulty.weighed(problem, settings).posterior.mass(from: settings.bandLow, to: settings.bandHigh)
    case .learningProgress: difficulty.problem(problem).flatMap { progress[$0.cell] } ?? 0
    case .eloMatched: eloMatch(problem)
    }
  }

  /// A normal density around the rating that is solved with the wanted probability.
  private func eloMatch(_ problem: ProposalID) -> Double {
    guard let fit else { return 0 }
    let wanted = log(settings.targetRate / (1 - settings.targetRate))
    let distance = fit.ability(at: difficulty.policyVersion) - fit.difficulty(of: problem) - wanted
    let deviations = RaschFit.points * distance / settings.ratingWidth
    return exp(-deviations * deviations / 2)
  }

  /// How the weights spread over a pool.
  package func figures(_ pool: CurriculumChosen.Pool, _ problems: [ProposalID]) -> CurriculumChosen.PoolFigures {
    let weights = weights(problems)
    let counts = problems.map { difficulty.weighed($0, settings) }
    let rates = counts.map(\.posterior.mean)
    let squares = weights.reduce(0) { $0 + $1 * $1 }
    return CurriculumChosen.PoolFigures(
      pool: pool, candidates: problems.count, attempted: counts.count { $0.sample.attempts > 0 },
      effective: squares > 0 ? Self.rounded(1 / squares) : 0,
      solveRate: Self.rounded(zip(weights, rates).reduce(0) { $0 + $1.0 * $1.1 }),
      solveRateUniform: problems.isEmpty ? 0 : Self.rounded(rates.reduce(0, +) / Double(rates.count)))
  }

  private static func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
}
