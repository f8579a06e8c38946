import Foundation

/// Everything a run has measured, printed as a table or as JSON.
struct Report: Codable {
  var workers: Int
  var programs: Int
  /// Load averages before and after.
  var load: Double
  var loadAfter = 0.0
  /// Layers in force.
  var layers = 0
  /// Programs a second, one figure for each round.
  var oneChild: [Double] = []
  var twoChildren: [Double] = []
  var forkServer: [Peers.Figure] = []
  var bubblewrap: [Double] = []
  /// Seconds.
  var calls: [Double] = []
  var overshoots: [Double] = []

  init(workers: Int, programs: Int, load: Double) {
    self.workers = workers
    self.programs = programs
    self.load = load
  }

  /// The table in Markdown, ready for docs/results.
  var table: String {
    let anchor = forkServer.map(\.programsPerSecond)
    var lines = [
      "\(workers) workers, \(layers) layers on, rounds of \(programs) programs; load average before \(fixed(load, 1)), after "
        + "\(fixed(loadAfter, 1)).", "",
      "| what | median (least–most) | goal | |", "|---|---|---|---|",
      rate("isolated programs a second, one child each", oneChild, atLeast: 600),
      rate("the same, each in two interpreters", twoChildren, atLeast: nil),
      rate("anchor of this run: fork server in Python, rlimits only", anchor, atLeast: nil),
    ]
    if !bubblewrap.isEmpty {
      lines.append(rate("anchor of this run: bubblewrap and a fresh Python", bubblewrap, atLeast: nil))
    }
    lines += [
      time("trivial program in both interpreters, p50", percentile(calls, 0.5), atMost: nil),
      time("trivial program in both interpreters, p99", percentile(calls, 0.99), atMost: 0.010),
      time("the fork server's programs, p99", median(forkServer.map(\.p99Ms)) / 1000, atMost: nil),
      time("endless loop, beyond its limit: median", median(overshoots), atMost: 0.050),
      time("endless loop, beyond its limit: worst of \(overshoots.count)", overshoots.max() ?? 0, atMost: 0.050),
    ]
    if bubblewrap.isEmpty { lines += ["", "bubblewrap is not installed and was left out."] }
    return lines.joined(separator: "\n")
  }

  private func rate(_ name: String, _ values: [Double], atLeast goal: Double?) -> String {
    let value = median(values)
    let spread = "\(fixed(value, 0)) (\(fixed(values.min() ?? 0, 0))–\(fixed(values.max() ?? 0, 0)))"
    return row(name, spread, goal.map { ("≥ \(fixed($0, 0))", value >= $0) })
  }

  private func time(_ name: String, _ seconds: Double, atMost goal: Double?) -> String {
    row(name, "\(fixed(seconds * 1000, 1)) ms", goal.map { ("≤ \(fixed($0 * 1000, 0)) ms", seconds <= $0) })
  }

  private func row(_ name: String, _ value: String, _ goal: (text: String, isMet: Bool)?) -> String {
    "| \(name) | \(value) | \(goal?.text ?? "") | \(goal.map { $0.isMet ? "✓" : "✗" } ?? "") |"
  }

  private func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  private func median(_ values: [Double]) -> Double { percentile(values, 0.5) }

  /// The value below which so large a share of the values lies.
  private func percentile(_ values: [Double], _ share: Double) -> Double {
    precondition(!values.isEmpty, "a percentile of nothing")
    return values.sorted()[min(values.count - 1, Int(share * Double(values.count)))]
  }
}
