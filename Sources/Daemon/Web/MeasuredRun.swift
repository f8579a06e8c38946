import Domain
import Metrics
import Projections

/// Counts what a runner does, and tells another observer. Names are in docs/metrics.md.
struct MeasuredRun: RunObserver {
  let next: any RunObserver

  func note(_ text: String) { next.note(text) }
  func stepBegan(_ step: Step, of experiment: Experiment) { next.stepBegan(step, of: experiment) }
  func progressed(_ progress: StepProgress) { next.progressed(progress) }

  func stepEnded(_ measure: StepMeasure, of experiment: Experiment) {
    let step = [("step", measure.step)]
    Counter(label: "autodidact_steps_total", dimensions: step).increment()
    Metrics.Timer(label: "autodidact_step_duration_seconds", dimensions: step).recordSeconds(measure.seconds)
    if measure.tokens > 0 {
      Counter(label: "autodidact_tokens_total", dimensions: [("phase", measure.step)]).increment(by: measure.tokens)
    }
    next.stepEnded(measure, of: experiment)
  }

  func iterationEnded(_ summary: IterationSummary, of experiment: Experiment) {
    Counter(label: "autodidact_iterations_total").increment()
    next.iterationEnded(summary, of: experiment)
  }
}
