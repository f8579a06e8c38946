import Domain
import Projections

/// Who is told what a runner does, for people and for logs. Nothing a runner decides depends on it.
package protocol RunObserver: Sendable {
  /// Something worth a line: taking an experiment up, restoring weights, obeying a request.
  func note(_ text: String)
  /// A step begins.
  func stepBegan(_ step: Step, of experiment: Experiment)
  /// How far the step has come.
  func progressed(_ progress: StepProgress)
  /// The step's events are in the log.
  func stepEnded(_ measure: StepMeasure, of experiment: Experiment)
  /// An iteration ended with its update, or a seeding round with its admissions.
  func iterationEnded(_ summary: IterationSummary, of experiment: Experiment)
}

/// What a committed step took. Kept beside the append, never inside an event: it is a fact of this performance, not of the
/// experiment.
package struct StepMeasure: Hashable, Codable, Sendable {
  package var step: String
  package var seconds: Double
  /// Tokens sampled or trained.
  package var tokens: Int

  package init(step: String, seconds: Double, tokens: Int) {
    self.step = step
    self.seconds = seconds
    self.tokens = tokens
  }
}
