import ArgumentParser
import Daemon
import Domain
import EventLog
import Terminal

struct Diff: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare two experiments: settings, the first event where they part, learning curves.",
    discussion: """
      Times, hosts and pauses are not compared. Exit code 0 whether they differ or not.

      EXAMPLE
        autodidact diff first warmer
        autodidact diff first warmer --json | jq .divergence
      """)
  @Argument(help: "Name of the one experiment.", completion: .experiments) var left: String
  @Argument(help: "Name of the other.", completion: .experiments) var right: String
  @Flag(help: "As one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      let report = try await ExperimentComparison(log: log.log).compare(
        try await log.log.requireExperiment(left), try await log.log.requireExperiment(right))
      print(json ? String(decoding: EventCoding.json(report), as: UTF8.self) : DiffText(report: report).text)
    }
  }
}

/// A comparison as people read it.
struct DiffText {
  var report: ExperimentComparison.Report

  var text: String { (settings + parting + [""] + curves).joined(separator: "\n") }

  private var settings: [String] {
    guard !report.settings.isEmpty else { return ["settings: the same"] }
    return ["settings (\(report.left) → \(report.right)):"]
      + report.settings.map { "  \($0.key): \($0.left) → \($0.right)" }
  }

  private var parting: [String] {
    let shared = report.sharedVersion.map { "shared up to version \($0), then " } ?? ""
    let what = report.isOfUpdatesOnly ? "updates" : "events of the play"
    guard let divergence = report.divergence else {
      let longer = report.longer.map { "; \($0) goes on from there" } ?? ""
      return ["events: \(shared)\(report.equalEvents) \(what) are the same, none differs\(longer)"]
    }
    let difference = divergence.difference
    let token = difference.token.map { ", token \($0)" } ?? ""
    return [
      "events: \(shared)\(report.equalEvents) \(what) are the same; they part at \(divergence.type) "
        + "\(divergence.subject), iteration \(divergence.iteration ?? 0), positions \(divergence.leftPosition) and "
        + "\(divergence.rightPosition)",
      "  \(difference.field)\(token): \(report.left): \(difference.left)",
      "  \(difference.field)\(token): \(report.right): \(difference.right)", "  cause: \(difference.cause)",
    ]
  }

  /// One row an iteration, the left experiment's figure before the right one's.
  private var curves: [String] {
    let (left, right) = (report.leftCurve.points, report.rightCurve.points)
    var rows = [["iteration", "accepted", "probes solved", "solved", "proposer", "solver", "loss"]]
    for index in 0..<max(left.count, right.count) {
      let points = [left, right].map { index < $0.count ? $0[index] : nil }
      func both(_ figure: (LearningCurve.Point) -> String) -> String {
        points.map { $0.map(figure) ?? "–" }.joined(separator: " | ")
      }
      rows.append([
        "\(points[0]?.iteration ?? points[1]?.iteration ?? 0)", both { Format.share($0.accepted, $0.proposals) },
        both { Format.share($0.probes.correct, $0.probes.attempts) },
        both { Format.share($0.solves.correct, $0.solves.attempts) }, both { Format.signed($0.proposerReward) },
        both { Format.signed($0.solverReward) }, both { $0.loss.map { Format.decimal($0, 4) } ?? "skipped" },
      ])
    }
    return ["learning curves (\(report.left) | \(report.right)):"] + TextTable(rows: rows).lines.map { "  " + $0 }
  }
}
