import Daemon
import Domain
import Projections
import Synchronization
import Terminal

/// Shows a run to a person: a live line per step, a table and one invented problem per iteration.
final class ConsoleReporter: RunObserver {
  private struct State {
    var step: Step?
    var began = ContinuousClock.now
    var iterationsDone = 0
    var playBegan: (at: ContinuousClock.Instant, iterations: Int)?
  }

  private let console: Console
  private let name: String
  /// How many iterations this run was asked for.
  private let iterations: Int?
  private let started = ContinuousClock.now
  private let state = Mutex(State())

  init(name: String, iterations: Int?, color: ColorChoice) {
    console = Console(color)
    self.name = name
    self.iterations = iterations
  }

  func note(_ text: String) { console.print(console.dim("\(name): \(text)")) }

  func stepBegan(_ step: Step, of experiment: Experiment) {
    state.withLock { state in
      state.step = step
      state.began = .now
      state.iterationsDone = experiment.iterationsDone
      if case .begin(let iteration) = step, iteration.iteration > 0, state.playBegan == nil {
        state.playBegan = (.now, experiment.iterationsDone)
      }
    }
    progressed(StepProgress(done: 0, total: 0, tokens: 0))
  }

  func progressed(_ progress: StepProgress) {
    guard console.isTerminal else { return }
    let line = state.withLock { state -> String in
      let seconds = (ContinuousClock.now - state.began).seconds
      var parts = ["\(state.iterationsDone + 1)", state.step?.name ?? "", bar(progress)]
      if progress.tokens > 0, seconds > 0.2 { parts.append("\(Int(Double(progress.tokens) / seconds)) tokens/s") }
      parts.append("\(Format.duration((ContinuousClock.now - started).seconds)) elapsed")
      if let left = remaining(state) { parts.append("about \(Format.duration(left)) left") }
      return parts.filter { !$0.isEmpty }.joined(separator: " · ")
    }
    console.live(line)
  }

  func stepEnded(_ measure: StepMeasure, of experiment: Experiment) {
    guard measure.seconds >= 0.05 else { return }
    let rate =
      measure.tokens > 0 ? ", \(measure.tokens) tokens, \(Int(Double(measure.tokens) / measure.seconds)) a second" : ""
    let line = "\(measure.step) \(Format.decimal(measure.seconds, 1)) s\(rate)"
    console.isTerminal ? console.live(line) : console.print(line)
  }

  func iterationEnded(_ summary: IterationSummary, of experiment: Experiment) {
    let text = SummaryText(summary: summary)
    console.print(([console.bold(text.title)] + text.lines + text.example).joined(separator: "\n"))
  }

  /// Leaves the terminal as it was.
  func close() { console.clearLive() }

  private func bar(_ progress: StepProgress) -> String {
    guard progress.total > 0 else { return "" }
    let width = 20
    let filled = min(width, width * progress.done / progress.total)
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
      + " \(progress.done)/\(progress.total)"
  }

  /// Time left by the mean of this run's iterations so far.
  private func remaining(_ state: State) -> Double? {
    guard let iterations, let began = state.playBegan else { return nil }
    let done = state.iterationsDone - began.iterations
    guard done > 0 else { return nil }
    let elapsed = (ContinuousClock.now - began.at).seconds
    return max(0, elapsed / Double(done) * Double(iterations) - elapsed)
  }
}

extension Duration {
  /// In seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
