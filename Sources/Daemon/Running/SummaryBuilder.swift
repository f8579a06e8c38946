import Domain
import Projections

/// Collects the measures of an iteration's steps and makes its summary when it ends. Steps between iterations, such as a
/// checkpoint, belong to none.
struct SummaryBuilder: Sendable {
  private var measures: [StepMeasure] = []
  /// Seeding rounds and iterations that had ended before.
  private var ended: Int

  init(_ experiment: Experiment) { ended = Self.ended(experiment) }

  /// Takes a committed step. Returns the summary if the step ended an iteration or a seeding round.
  mutating func take(_ measure: StepMeasure, _ stored: StoredExperiment) -> IterationSummary? {
    let experiment = stored.experiment
    let hasEnded = Self.ended(experiment) != ended
    if hasEnded || experiment.ledger != nil { measures.append(measure) }
    guard hasEnded, let last = stored.history.last else { return nil }
    defer { measures = [] }
    ended = Self.ended(experiment)
    return IterationSummary(
      last.ledger, settings: experiment.settings,
      phases: measures.map { IterationSummary.Phase(name: $0.step, seconds: $0.seconds, tokens: $0.tokens) },
      difficulty: experiment.difficulty)
  }

  private static func ended(_ experiment: Experiment) -> Int {
    experiment.iterationsDone + experiment.seedingRoundsDone
  }
}
