/// A choice of the curriculum: the strategy that the draws of a step were weighed by, the digest of the difficulty they were
/// weighed with, and what the weights came to. Appended with the step's own events, before them; uniform draws have none.
///
/// Recorded because it is a decision. Whoever folds the log again computes it again and must find the same
/// (`Experiment.curriculumChosen(for:)`).
package struct CurriculumChosen: Hashable, Codable, Sendable {
  package var iteration: Int
  package var use: CurriculumUse
  package var strategy: CurriculumSettings.Strategy
  /// Version of the fold, and digest of its state (`Difficulty.digest`).
  package var difficultyVersion: Int
  package var difficultyDigest: String
  package var pools: [PoolFigures]

  package init(
    iteration: Int, use: CurriculumUse, strategy: CurriculumSettings.Strategy, difficultyVersion: Int,
    difficultyDigest: String, pools: [PoolFigures]
  ) {
    self.iteration = iteration
    self.use = use
    self.strategy = strategy
    self.difficultyVersion = difficultyVersion
    self.difficultyDigest = difficultyDigest
    self.pools = pools
  }

  /// Problems that were drawn from together, and how the weights spread over them. Numbers are rounded to six decimals, so
  /// that the last bits of a mathematics library do not show.
  package struct PoolFigures: Hashable, Codable, Sendable {
    package var pool: Pool
    package var candidates: Int
    /// Candidates with an attempt that counts.
    package var attempted: Int
    /// 1 / Σw²: by how many candidates of equal weight a draw would be as uncertain; 0 without candidates.
    package var effective: Double
    /// Expected solve rate of a draw, and of a uniform one.
    package var solveRate: Double
    package var solveRateUniform: Double

    package init(
      pool: Pool, candidates: Int, attempted: Int, effective: Double, solveRate: Double, solveRateUniform: Double
    ) {
      self.pool = pool
      self.candidates = candidates
      self.attempted = attempted
      self.effective = effective
      self.solveRate = solveRate
      self.solveRateUniform = solveRateUniform
    }
  }

  /// The problems of a kind, or those whose programs induction is proposed for.
  package enum Pool: String, Codable, Sendable, CaseIterable {
    case deduction, abduction, induction, programs

    package init(_ kind: Kind) {
      switch kind {
      case .deduction: self = .deduction
      case .abduction: self = .abduction
      case .induction: self = .induction
      }
    }
  }

  /// The first field in which a choice computed again differs from this recorded one; nil if none does.
  package func difference(from found: CurriculumChosen) -> (field: String, recorded: String, found: String)? {
    if use != found.use { return ("use", use.rawValue, found.use.rawValue) }
    if iteration != found.iteration { return ("iteration", "\(iteration)", "\(found.iteration)") }
    if strategy != found.strategy { return ("strategy", strategy.rawValue, found.strategy.rawValue) }
    if difficultyVersion != found.difficultyVersion {
      return ("difficulty_version", "\(difficultyVersion)", "\(found.difficultyVersion)")
    }
    if difficultyDigest != found.difficultyDigest {
      return ("difficulty_digest", difficultyDigest, found.difficultyDigest)
    }
    guard pools.count == found.pools.count else { return ("pools", "\(pools.count)", "\(found.pools.count)") }
    for (index, (one, other)) in zip(pools, found.pools).enumerated() {
      guard let inner = one.difference(from: other) else { continue }
      return ("pools[\(index)].\(inner.field)", inner.recorded, inner.found)
    }
    return nil
  }
}

extension CurriculumChosen.PoolFigures {
  fileprivate func difference(from found: Self) -> (field: String, recorded: String, found: String)? {
    let fields: [(String, String, String)] = [
      ("pool", pool.rawValue, found.pool.rawValue), ("candidates", "\(candidates)", "\(found.candidates)"),
      ("attempted", "\(attempted)", "\(found.attempted)"), ("effective", "\(effective)", "\(found.effective)"),
      ("solve_rate", "\(solveRate)", "\(found.solveRate)"),
      ("solve_rate_uniform", "\(solveRateUniform)", "\(found.solveRateUniform)"),
    ]
    return fields.first { $0.1 != $0.2 }
  }
}
