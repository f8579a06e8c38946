import Daemon
import Domain
import EventLog
import Foundation
import Projections
import Terminal

/// Tells a run to a program: `run --json`. One object a line, each with `kind`: note, iteration, end.
struct JSONReporter: RunObserver {
  let name: String

  func note(_ text: String) { write(["kind": .text("note"), "experiment": .text(name), "text": .text(text)]) }
  func stepBegan(_ step: Step, of experiment: Experiment) {}
  func progressed(_ progress: StepProgress) {}
  func stepEnded(_ measure: StepMeasure, of experiment: Experiment) {}

  func iterationEnded(_ summary: IterationSummary, of experiment: Experiment) {
    write([
      "kind": .text("iteration"), "experiment": .text(name), "version": .integer(experiment.version),
      "summary": JSONValue(json: EventCoding.json(summary)),
    ])
  }

  /// How the run ended.
  static func line(_ end: ExperimentRunner.End, name: String) -> String {
    let (word, reason): (String, String?) =
      switch end {
      case .iterationsDone: ("iterations_done", nil)
      case .finished: ("finished", nil)
      case .paused(let reason): ("paused", reason)
      case .stopped(let reason): ("stopped", reason)
      case .failed(let reason): ("failed", reason)
      case .shutDown: ("left", nil)
      }
    let value: JSONValue = [
      "kind": .text("end"), "experiment": .text(name), "end": .text(word), "reason": JSONValue(reason),
    ]
    return value.line
  }

  private func write(_ value: JSONValue) {
    FileHandle.standardOutput.write(Data((value.line + "\n").utf8))
  }
}
