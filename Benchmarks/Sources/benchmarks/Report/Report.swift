import MachineLimits

/// Everything a run has measured, printed as a table or as JSON.
struct Report: Codable {
  var machine: String
  var threads: Int
  /// The best of the run with one thread, and with all.
  var limitsOfOneThread: MachineLimits?
  var limits: MachineLimits?
  var rows: [Row] = []
  var notes: [String] = []
  /// Scenarios that could not be measured, and why.
  var failures: [String] = []

  /// Takes in what a scenario has measured. The limits are measured more than once; the best counts.
  mutating func add(_ scenario: Scenario, _ outcome: Outcome, peers: [PeerFigure]) {
    if outcome.limits.count == 2 {
      limitsOfOneThread = limitsOfOneThread?.best(outcome.limits[0]) ?? outcome.limits[0]
      limits = limits?.best(outcome.limits[1]) ?? outcome.limits[1]
    }
    notes += outcome.notes
    for (index, figure) in outcome.figures.enumerated() {
      rows.append(
        Row(scenario: scenario, figure: figure, peers: index == 0 ? peers : [], peakBytes: outcome.peakBytes))
    }
    if Goal.memory(scenario, peakBytes: outcome.peakBytes) != nil {
      let name = scenario == .round ? "SmolLM2" : "Qwen 0.5B"
      let peak = Figure(
        name: "peak memory, sampling and full training, \(name)", unit: "GiB", runs: [gibibytes(outcome.peakBytes)])
      rows.append(Row(scenario: scenario, figure: peak, peakBytes: outcome.peakBytes))
    }
  }

  /// Judges every row, once the limits of the whole run are known.
  mutating func judge() {
    for index in rows.indices {
      let row = rows[index]
      let goal =
        Goal.memory(row.scenario, peakBytes: row.peakBytes)
        ?? Goal.of(row.scenario, row.figure, peer: row.peers.first, sgemm: limits?.sgemm)
      (rows[index].goal, rows[index].isMet) = (goal?.text, goal?.isMet)
    }
  }

  /// The table in Markdown, ready for docs/results.
  var table: String {
    var lines = ["Machine: \(machine); \(threads) threads.", ""]
    if let limitsOfOneThread, let limits {
      lines += ["| limit, best of the run | 1 thread | \(threads) threads |", "|---|---|---|"]
      func line(_ name: String, _ value: (MachineLimits) -> Double) {
        lines.append("| \(name) | \(fixed(value(limitsOfOneThread), 1)) | \(fixed(value(limits), 1)) |")
      }
      line("AVX2 multiply-adds on registers, GFLOP/s") { $0.fusedMultiplyAdd }
      line("OpenBLAS sgemm 2048³ on our slices, GFLOP/s") { $0.sgemm }
      line("reading memory, GB/s") { $0.read }
      lines.append("")
    }
    lines += [
      "| benchmark | median (least–most) | goal | | GFLOP/s, of sgemm | weights read, of memory | peers of the run | ratio | peak GiB |",
      "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += rows.map { $0.line(limits) }
    if !notes.isEmpty { lines += [""] + notes.map { "- \($0)" } }
    if !failures.isEmpty { lines += ["", "Failed:"] + failures.map { "- \($0)" } }
    return lines.joined(separator: "\n")
  }
}

extension Row {
  fileprivate func line(_ limits: MachineLimits?) -> String {
    let digits = figure.value < 10 ? 2 : figure.value < 100 ? 1 : 0
    let spread =
      figure.runs.count < 2
      ? "" : " (\(fixed(figure.runs.min() ?? 0, digits))–\(fixed(figure.runs.max() ?? 0, digits)))"
    let cells = [
      figure.name, "\(fixed(figure.value, digits)) \(figure.unit)\(spread)", goal ?? "",
      isMet.map { $0 ? "✓" : "✗" } ?? "", share(figure.gigaflops, of: limits?.sgemm),
      share(figure.gigabytes, of: limits?.read),
      peers.map { "\($0.software): \(fixed($0.tokensPerSecond, 0)) tok/s" }.joined(separator: "; "),
      peers.map { fixed(figure.value / $0.tokensPerSecond, 2) }.joined(separator: "; "), fixed(gibibytes(peakBytes), 2),
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }

  private func share(_ value: Double?, of limit: Double?) -> String {
    guard let value else { return "" }
    guard let limit else { return fixed(value, 0) }
    return "\(fixed(value, 0)), \(percent(value / limit))"
  }
}
