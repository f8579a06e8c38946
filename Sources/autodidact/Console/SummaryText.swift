import Domain
import Projections
import Terminal

/// The table of one iteration, as `run` and `status` print it.
struct SummaryText {
  var summary: IterationSummary

  var title: String {
    if let round = summary.seedingRound { return "seeding round \(round + 1)" }
    return "iteration \(summary.iteration) · policy version \(summary.policyVersion)"
  }

  /// The numbers, without title and example.
  var lines: [String] {
    var lines = kinds
    if !summary.refusals.isEmpty {
      let reasons = summary.refusals.map { "\($0.refusal.rawValue) \($0.count)" }
      lines.append("refused    " + reasons.joined(separator: ", "))
    }
    if let composites = summary.composites {
      lines.append(
        "composite  \(Format.share(composites.accepted, composites.proposed)) accepted, "
          + "\(Format.share(composites.forwarding, composites.accepted)) of them only forward")
    }
    lines += learning
    if !summary.phases.isEmpty { lines.append("seconds    " + phases) }
    return lines.map { "  " + $0 }
  }

  private var kinds: [String] {
    var rows = [["", "accepted", "learnable", "probes solved", "solved"]]
    for kind in summary.kinds {
      rows.append([
        kind.kind.rawValue, Format.share(kind.accepted, kind.proposed), "\(kind.learnable)",
        Format.share(kind.probes.correct, kind.probes.attempts),
        Format.share(kind.solves.correct, kind.solves.attempts),
      ])
    }
    rows.append([
      "all", Format.share(summary.accepted, summary.proposed), "\(summary.kinds.reduce(0) { $0 + $1.learnable })",
      Format.share(
        summary.kinds.reduce(0) { $0 + $1.probes.correct }, summary.kinds.reduce(0) { $0 + $1.probes.attempts }),
      Format.share(
        summary.kinds.reduce(0) { $0 + $1.solves.correct }, summary.kinds.reduce(0) { $0 + $1.solves.attempts }),
    ])
    return TextTable(rows: rows).lines
  }

  private var learning: [String] {
    guard summary.seedingRound == nil else { return [] }
    var lines = [
      "reward     proposer \(Format.signed(summary.proposerReward)), solver \(Format.signed(summary.solverReward))"
    ]
    if let intrinsic = summary.intrinsic {
      let parts = intrinsic.map { "\($0.part.rawValue) \(Format.signed($0.mean)) (\($0.samples))" }
      lines.append("intrinsic  " + parts.joined(separator: ", "))
    }
    if let groups = summary.groups, groups.problems > 0 {
      lines.append(
        "groups     \(Format.share(groups.mixedProblems, groups.problems)) of the probed problems are solved sometimes")
    }
    if let outcome = summary.outcome {
      lines.append(
        "update     loss \(Format.decimal(outcome.loss, 4)), gradient norm \(Format.decimal(outcome.gradientNorm, 2)), "
          + "\(outcome.tokens) tokens of \(outcome.sequences) samples, "
          + "ratio mismatches \(outcome.logProbabilityMismatches)")
    } else if let skipped = summary.skipped {
      lines.append("update     skipped: \(skipped)")
    }
    if let rows = summary.attribution { lines.append("gradient   " + attribution(rows)) }
    return lines
  }

  /// Shares of the gradient by role, by difficulty and by age, the largest first.
  private func attribution(_ rows: [AttributionRow]) -> String {
    func shares(_ name: (AttributionRow) -> String) -> String {
      var sums: [(name: String, share: Double)] = []
      for row in rows {
        let name = name(row)
        if let place = sums.firstIndex(where: { $0.name == name }) {
          sums[place].share += row.share
        } else {
          sums.append((name, row.share))
        }
      }
      let shown = sums.filter { $0.share >= 0.005 }.sorted { ($1.share, $0.name) < ($0.share, $1.name) }
      return shown.map { "\($0.name) \(Int(($0.share * 100).rounded())) %" }.joined(separator: ", ")
    }
    return [
      shares { "\($0.role.rawValue) \($0.kind.rawValue)" }, "solve rate " + shares { $0.difficulty.rawValue },
      "age " + shares { $0.age.rawValue },
    ].joined(separator: "; ")
  }

  private var phases: String {
    let parts = summary.phases.filter { $0.seconds >= 0.05 }.map { phase in
      let rate = phase.tokens > 0 ? " (\(Int(Double(phase.tokens) / phase.seconds)) tokens/s)" : ""
      return "\(phase.name) \(Format.decimal(phase.seconds, 1))\(rate)"
    }
    return parts.joined(separator: ", ") + "; all \(Format.decimal(summary.seconds, 1))"
  }

  /// The problem of the iteration, as it would be attempted.
  var example: [String] {
    guard let example = summary.example else { return [] }
    let problem = example.problem
    let solved = example.probes.attempts > 0 ? ", solved \(example.probes.correct) of \(example.probes.attempts)" : ""
    var lines = ["  problem \(example.id)\(solved)"]
    lines += problem.program.split(separator: "\n", omittingEmptySubsequences: false).map { "    │ \($0)" }
    for pair in problem.pairs.prefix(3) { lines.append("    │ f(\(pair.input)) → \(pair.output)") }
    if !problem.message.isEmpty { lines.append("    │ “\(problem.message)”") }
    return lines
  }
}
