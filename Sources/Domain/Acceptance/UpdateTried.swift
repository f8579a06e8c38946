/// A training step was tried on archived problems before it was kept: old and new weights had the same attempts with the same
/// draws. Recorded before the `WeightsUpdated` or `UpdateSkipped` that it led to, in one append with it.
///
/// Counts are facts; what was gained and lost and whether the step is kept follows from them and the settings, and is
/// recorded because it is a decision. Whoever folds the log again must find the same (`Experiment.objection`).
package struct UpdateTried: Hashable, Codable, Sendable {
  package var iteration: Int
  /// Digest of the weights that were tried.
  package var weightsDigest: String
  package var trials: [Trial]
  /// Problems that were unsolved by the old weights and are solved by the new ones; and the other way round.
  package var gained: [ProposalID]
  package var lost: [ProposalID]
  package var isAccepted: Bool

  /// One problem before and after.
  package struct Trial: Hashable, Codable, Sendable {
    package var problem: ProposalID
    package var before: SolveCount
    package var after: SolveCount

    package init(problem: ProposalID, before: SolveCount, after: SolveCount) {
      self.problem = problem
      self.before = before
      self.after = after
    }
  }

  /// Decides by the trials.
  package init(iteration: Int, weightsDigest: String, trials: [Trial], settings: AcceptanceSettings) {
    self.iteration = iteration
    self.weightsDigest = weightsDigest
    self.trials = trials
    func moved(_ from: AcceptanceSettings.Standing, _ to: AcceptanceSettings.Standing) -> [ProposalID] {
      trials.filter { settings.standing($0.before) == from && settings.standing($0.after) == to }.map(\.problem)
    }
    gained = moved(.unsolved, .solved)
    lost = moved(.solved, .unsolved)
    isAccepted = gained.count >= settings.gainedMin && lost.count <= settings.lostMax
  }

  /// In words, for the event that says the step was not kept.
  package var sentence: String {
    "of \(trials.count) archived problems \(gained.count) became solved and \(lost.count) unsolved"
  }
}
