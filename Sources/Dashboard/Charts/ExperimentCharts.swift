/// The charts about what is learnt.
enum LearningCharts {
  static func solving(_ table: KindTable) -> Chart {
    Chart(
      name: "solving", title: "Solved, of the problems trained on",
      note: "Share of right answers among the attempts that are trained on, by kind of problem.",
      unit: .share, x: table.x, series: table.curves { Share(part: $0.solvesCorrect, whole: $0.solves) })
  }

  static func probing(_ table: KindTable) -> Chart {
    Chart(
      name: "probing", title: "Solved, of the problems just proposed",
      note: "Share of right answers among the probes of new problems. It falls when the proposer makes harder ones.",
      unit: .share, x: table.x, series: table.curves { Share(part: $0.probesCorrect, whole: $0.probes) })
  }

  static func rewards(_ table: UpdateTable) -> Chart {
    Chart(
      name: "rewards", title: "Reward",
      note: "Mean reward of proposals and of the attempts that are trained on, as the learner used it.",
      unit: .number, x: table.proposer.x,
      series: [
        Chart.Series(name: "proposer", color: 5, values: table.proposer.values),
        Chart.Series(name: "solver", color: 6, values: table.solver.values),
      ])
  }

  static func validity(_ table: KindTable) -> Chart {
    Chart(
      name: "validity", title: "Valid proposals",
      note: "Share of proposals that became problems, by kind; the rest is refused.",
      unit: .share, x: table.x, series: table.curves { Share(part: $0.accepted, whole: $0.proposals) })
  }
}

/// The charts about the problems it makes.
enum ProblemCharts {
  private static let bandTitles = [
    "no probe right", "up to a quarter", "to a half", "to three quarters", "more, not all", "all right",
  ]

  /// How difficult its problems are for the policy that proposed them, in bands of their solve rate.
  static func bands(_ rows: [ProbeRow]) -> Chart {
    var x: [Int] = []
    var counts: [[Int]] = []
    for row in rows {
      if x.last != row.iteration {
        x.append(row.iteration)
        counts.append(Array(repeating: 0, count: bandTitles.count))
      }
      counts[counts.count - 1][band(row)] += row.problems
    }
    return Chart(
      name: "bands", title: "Solve rate of new problems",
      note:
        "New problems by the share of their probes that was right: from those nobody solved to those always solved.",
      shape: .stacked, unit: .share, x: x,
      series: bandTitles.indices.map { index in
        Chart.Series(
          name: bandTitles[index], color: 11 + index,
          values: counts.map { Share(part: $0[index], whole: $0.reduce(0, +)).value })
      }, limit: 1)
  }

  private static func band(_ row: ProbeRow) -> Int {
    if row.correct == 0 { return 0 }
    if row.correct == row.probes { return 5 }
    return min(4, 1 + (row.correct * 4 - 1) / row.probes)
  }

  static func learnable(_ table: KindTable) -> Chart {
    Chart(
      name: "learnable", title: "Learnable problems",
      note: "Share of the probed problems that some probes solved and others did not, by kind.",
      unit: .share, x: table.x, series: table.curves { Share(part: $0.learnable, whole: $0.probed) })
  }

  /// The commonest reasons get a colour each, the others one together.
  static func refusals(_ rows: [RefusalRow]) -> Chart {
    let totals = Dictionary(grouping: rows, by: \.refusal).mapValues { $0.reduce(0) { $0 + $1.proposals } }
    let order = totals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    let shown = Array(order.prefix(5))
    let names = shown + (order.count > shown.count ? ["other"] : [])
    let x = rows.reduce(into: [Int]()) { if $0.last != $1.iteration { $0.append($1.iteration) } }
    var counts = Dictionary(uniqueKeysWithValues: names.map { ($0, Array(repeating: 0, count: x.count)) })
    let places = Dictionary(uniqueKeysWithValues: x.enumerated().map { ($1, $0) })
    for row in rows {
      guard let place = places[row.iteration] else { continue }
      counts[shown.contains(row.refusal) ? row.refusal : "other"]?[place] += row.proposals
    }
    return Chart(
      name: "refusals", title: "Refused proposals",
      note: "How many proposals were refused, by reason; iteration 0 is seeding.",
      shape: .stacked, unit: .number, x: x,
      series: names.enumerated().map { index, name in
        Chart.Series(
          name: name.replacing("_", with: " "), color: name == "other" ? 8 : index + 1,
          values: (counts[name] ?? []).map(Double.init))
      })
  }
}

/// The charts about the updates of the weights.
enum HealthCharts {
  static func entropy(_ table: UpdateTable) -> Chart {
    Chart(
      name: "entropy", title: "Entropy",
      note: "Mean entropy over the trained tokens, in nats. Towards zero the policy always says the same.",
      unit: .number, x: table.entropy.x, series: [Chart.Series(name: "entropy", color: 5, values: table.entropy.values)]
    )
  }

  static func ratio(_ table: UpdateTable) -> Chart {
    let words =
      table.mismatches == 0
      ? "No token’s log-probability differed" : "\(table.mismatches) tokens’ log-probability differed"
    return Chart(
      name: "ratio", title: "Importance ratio",
      note:
        "Largest distance of a ratio from 1, and the share that was clipped. \(words) from the sampled one in any bit.",
      unit: .number, x: table.x,
      series: [
        Chart.Series(name: "distance from 1", color: 5, values: table.ratioDistance),
        Chart.Series(name: "share clipped", color: 6, values: table.clipped),
      ])
  }

  static func gradient(_ table: UpdateTable) -> Chart {
    Chart(
      name: "gradient", title: "Gradient", note: "L2 norm of the gradient before clipping.",
      unit: .number, x: table.gradient.x, series: [Chart.Series(name: "norm", color: 5, values: table.gradient.values)])
  }

  static func loss(_ table: UpdateTable) -> Chart {
    Chart(
      name: "loss", title: "Loss",
      note: "Policy-gradient loss in nats per token. It need not fall: rewards say how it goes.",
      unit: .number, x: table.loss.x, series: [Chart.Series(name: "loss", color: 5, values: table.loss.values)])
  }
}

/// The charts about time.
enum TimeCharts {
  static func phases(_ table: PhaseTable) -> Chart {
    Chart(
      name: "phases", title: "Time by phase",
      note: "Seconds of the steps of each iteration; waits between them are not in it.",
      shape: .stacked, unit: .seconds, x: table.x,
      series: PhaseTable.phases.enumerated().map { index, phase in
        Chart.Series(name: phase, color: index + 1, values: table.seconds(phase))
      }.filter { $0.values.contains { ($0 ?? 0) > 0 } })
  }

  static func speed(_ table: PhaseTable) -> Chart {
    Chart(
      name: "speed", title: "Tokens per second", note: "Sampling, and training.", unit: .number, x: table.x,
      series: [
        Chart.Series(name: "sampled", color: 5, values: table.speed(["propose", "probe", "solve"])),
        Chart.Series(name: "trained", color: 6, values: table.speed(["update"])),
      ])
  }
}

/// What self-play suffers from, or did.
struct ConditionList: Sendable {
  private let rows: [ConditionRow]

  init(_ rows: [ConditionRow]) { self.rows = rows }

  var html: HTML {
    guard !rows.isEmpty else { return "<p class=\"note\">No condition of its health has been recorded.</p>" }
    return """
      <ul class="conditions">\(rows.html { row in
        let isOver = row.iterationEnded != nil
        let until = row.iterationEnded.map { "until iteration \($0)" } ?? "and still"
        return """
          <li class="\(isOver ? "over" : "holds")"><b>\(row.condition.replacing("_", with: " "))</b> from iteration \(row.iteration ?? 0) \
          \(until): \(Format.short(row.value)), judged against \(Format.short(row.threshold))</li>
          """
      })</ul>
      """
  }
}
