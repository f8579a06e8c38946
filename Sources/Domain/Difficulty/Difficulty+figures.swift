import Foundation

/// Attempts that count, each by how old the policy is that made it.
package struct WeightedCount: Hashable, Sendable {
  package var attempts = 0.0
  package var correct = 0.0
  /// Attempts behind them that count at all.
  package var sample = SolveCount()

  package init() {}

  package var posterior: BetaPosterior { BetaPosterior(correct: min(correct, attempts), attempts: attempts) }
  package var wilson: Estimate { Estimate.wilson(correct: min(correct, attempts), of: attempts) }
}

extension CurriculumSettings {
  /// Counts as they are seen from a policy version: `version_half_life` and `versions_max`.
  package func weigh(_ counts: [VersionCount], at version: PolicyVersion) -> WeightedCount {
    var result = WeightedCount()
    for count in counts.reversed() {
      let age = version - count.version
      if versionsMax > 0, age >= versionsMax { break }
      let weight = versionHalfLife > 0 ? exp2(-Double(age) / versionHalfLife) : 1
      result.attempts += weight * Double(count.solves.attempts)
      result.correct += weight * Double(count.solves.correct)
      result.sample.attempts += count.solves.attempts
      result.sample.correct += count.solves.correct
    }
    return result
  }
}

extension Difficulty {
  /// What counts of a problem's attempts now.
  package func weighed(_ id: ProposalID, _ settings: CurriculumSettings) -> WeightedCount {
    problem(id).map { settings.weigh($0.counts, at: policyVersion) } ?? WeightedCount()
  }

  /// Progress in a cell, by halves (RIAC).
  package func progress(in cell: Cell, _ settings: CurriculumSettings) -> LearningProgress? {
    self.cell(cell).map { LearningProgress.halves($0.outcomes, window: settings.progressWindow) }
  }

  /// Progress at a problem, against its nearest earlier one (ALP-GMM). nil where it has none, it has fewer than six earlier
  /// problems, or one of the two was not attempted.
  package func progress(at problem: ProblemRecord) -> LearningProgress? {
    guard let novelty = problem.novelty, novelty.compared > 5, let nearest = self.problem(novelty.nearest) else {
      return nil
    }
    return LearningProgress.neighbours(problem.solves, nearest.solves)
  }
}
