/// The rows of the difficulty fold: every figure with its sample size and 95 % interval. `autodidact difficulty` shows them;
/// ratings are in Elo points.
package struct DifficultyReport: Hashable, Codable, Sendable {
  /// Of the fold.
  package var version: Int
  package var digest: String
  package var iteration: Int
  package var policyVersion: PolicyVersion
  package var cells: [CellRow]
  package var problems: [ProblemRow]
  /// Problems by the iteration that proposed them; 0 is seeding and what was given.
  package var cohorts: [CohortRow]
  /// Policy versions, in groups where there are many.
  package var policies: [PolicyRow]
  package var rating: RatingSummary

  package struct CellRow: Hashable, Codable, Sendable {
    package var environment: String
    package var kind: Kind
    /// Tokens of the program, as a range.
    package var size: String
    package var problems: Int
    /// Attempts that count, and their number after old ones are weighed down.
    package var solves: SolveCount
    package var effectiveAttempts: Double
    package var posterior: Estimate
    package var wilson: Estimate
    package var progress: Estimate
    package var progressOutcomes: Int
    /// Progress beyond chance: LP⁺.
    package var progressExcess: Double
  }

  package struct ProblemRow: Hashable, Codable, Sendable {
    package var problem: ProposalID
    package var size: String
    package var solves: SolveCount
    package var effectiveAttempts: Double
    package var posterior: Estimate
    package var wilson: Estimate
    package var learnability: Double
    /// nil without attempts.
    package var rating: Estimate?
    package var progress: Estimate?
    package var progressOutcomes: Int?
    package var novelty: Novelty?
  }

  package struct CohortRow: Hashable, Codable, Sendable {
    package var iteration: Int
    /// Attempted problems, and those of them that more than one group of versions attempted.
    package var problems: Int
    package var links: Int
    package var rating: Estimate
  }

  package struct PolicyRow: Hashable, Codable, Sendable {
    package var firstVersion: PolicyVersion
    package var lastVersion: PolicyVersion
    package var attempts: Int
    package var rating: Estimate
  }

  /// Are the problems getting harder, or the policy better?
  package struct RatingSummary: Hashable, Codable, Sendable {
    package var problems: Int
    /// Problems that compare versions with each other.
    package var links: Int
    package var attempts: Int
    package var newtonSteps: Int
    package var hasConverged: Bool
    /// Mean rating of the newest quarter of cohorts above that of the oldest; nil with fewer than two cohorts.
    package var problemsChange: Estimate?
    /// Rating of the newest policy above that of the oldest.
    package var policyChange: Estimate?
  }
}

extension DifficultyReport {
  package init(_ difficulty: Difficulty, _ settings: CurriculumSettings) {
    let fit = RaschFit(difficulty.problems)
    version = Difficulty.version
    digest = difficulty.digest
    iteration = difficulty.iteration
    policyVersion = difficulty.policyVersion
    cells = difficulty.cells.map { Self.row($0, difficulty, settings) }
    problems = difficulty.problems.map { Self.row($0, difficulty, settings, fit) }
    let attempted = difficulty.problems.filter { !$0.counts.isEmpty }
    let byIteration = Dictionary(grouping: attempted) { $0.id.iteration }
    let iterations = byIteration.keys.sorted()
    cohorts = iterations.compactMap { iteration in
      let members = byIteration[iteration] ?? []
      return fit.meanRating(of: members.map(\.id)).map {
        CohortRow(
          iteration: iteration, problems: members.count,
          links: members.count { Set($0.counts.map { $0.version / fit.width }).count > 1 }, rating: $0)
      }
    }
    policies = fit.groups.enumerated().map { index, group in
      PolicyRow(
        firstVersion: group.firstVersion, lastVersion: group.lastVersion, attempts: group.attempts,
        rating: fit.rating(ofGroup: index))
    }
    rating = RatingSummary(
      problems: fit.problems, links: fit.links, attempts: fit.attempts, newtonSteps: fit.steps,
      hasConverged: fit.hasConverged, problemsChange: Self.problemsChange(attempted.map(\.id), fit),
      policyChange: fit.abilityChange)
  }

  /// The newest quarter of cohorts against the oldest. Given problems are nobody's proposals.
  private static func problemsChange(_ attempted: [ProposalID], _ fit: RaschFit) -> Estimate? {
    let proposed = attempted.filter { $0 != Experiment.zero($0.kind) }
    let iterations = Set(proposed.map(\.iteration)).sorted()
    guard iterations.count > 1 else { return nil }
    let quarter = max(1, iterations.count / 4)
    let (old, new) = (Set(iterations.prefix(quarter)), Set(iterations.suffix(quarter)))
    return fit.difficultyChange(
      from: proposed.filter { old.contains($0.iteration) }, to: proposed.filter { new.contains($0.iteration) })
  }

  private static func row(
    _ record: CellRecord, _ difficulty: Difficulty, _ settings: CurriculumSettings
  ) -> CellRow {
    let count = settings.weigh(record.counts, at: difficulty.policyVersion)
    let progress = LearningProgress.halves(record.outcomes, window: settings.progressWindow)
    return CellRow(
      environment: record.cell.environment, kind: record.cell.kind, size: record.cell.size.name,
      problems: record.problems, solves: count.sample, effectiveAttempts: count.attempts,
      posterior: count.posterior.estimate, wilson: count.wilson, progress: progress.estimate,
      progressOutcomes: progress.outcomes, progressExcess: progress.excess(noise: settings.progressNoise))
  }

  private static func row(
    _ record: ProblemRecord, _ difficulty: Difficulty, _ settings: CurriculumSettings, _ fit: RaschFit
  ) -> ProblemRow {
    let count = settings.weigh(record.counts, at: difficulty.policyVersion)
    let progress = difficulty.progress(at: record)
    return ProblemRow(
      problem: record.id, size: record.cell.size.name, solves: count.sample, effectiveAttempts: count.attempts,
      posterior: count.posterior.estimate, wilson: count.wilson, learnability: count.posterior.learnability,
      rating: fit.rating(of: record.id), progress: progress?.estimate, progressOutcomes: progress?.outcomes,
      novelty: record.novelty)
  }

  /// The answer in words, as far as the intervals give one.
  package var answer: String {
    func says(_ change: Estimate?, _ up: String, _ down: String) -> String? {
      change.map { $0.excludesZero ? ($0.value > 0 ? up : down) : "unclear" }
    }
    guard let policy = says(rating.policyChange, "better", "worse"),
      let problems = says(rating.problemsChange, "harder", "easier")
    else { return "too little: ratings compare two policy versions and two cohorts of problems at least" }
    let caution =
      rating.links * 10 < rating.problems
      ? "; few problems were attempted by more than one version, so the two are told apart by assumption mostly" : ""
    func text(_ word: String, _ unclear: String) -> String { word == "unclear" ? unclear : word }
    return "the policy is \(text(policy, "not clearly better or worse")), the problems are "
      + "\(text(problems, "not clearly harder or easier"))\(caution)"
  }
}
