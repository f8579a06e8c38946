import Domain
import Projections

/// Collects the measures of an iteration's steps and makes its summary when it ends.
struct SummaryBuilder: Sendable {
  private var measures: [StepMeasure] = []
  private var seen = 0
  private var rounds = 0

  /// Takes a committed step. Returns the summary if the step ended an iteration or a seeding round.
  mutating func take(_ measure: StepMeasure, _ stored: StoredExperiment) -> IterationSummary? {
    measures.append(measure)
    let experiment = stored.experiment
    defer {
      seen = experiment.iterationsDone
      rounds = experiment.seedingRoundsDone
    }
    let ended =
      experiment.ledger == nil
      && (measure.step == "update" || measure.step == "admit" || measure.step == "verify proposals")
    guard ended, let last = stored.history.last else { return nil }
    let phases = measures
    measures = []
    return IterationSummary(
      last.ledger, settings: experiment.settings,
      phases: phases.map { IterationSummary.Phase(name: $0.step, seconds: $0.seconds, tokens: $0.tokens) })
  }
}
