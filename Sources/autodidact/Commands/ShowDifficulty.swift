import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct ShowDifficulty: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "difficulty",
    abstract: "How difficult problems are: solve rates with intervals, ratings of problems and policies, progress.",
    discussion: """
      Computed from the log whatever the curriculum is. Intervals are 95 %; ratings are Elo points on one scale. JSON has a \
      row for every problem too. docs/curriculum.md says how to read it.

      EXAMPLE
        autodidact difficulty first
        autodidact difficulty first --json | jq .rating
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Flag(help: "As one JSON object, with every problem.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      let record = try await log.log.requireExperiment(name)
      let experiment = try await StoredExperiment.load(record, from: log.log).experiment
      let report = DifficultyReport(experiment.difficulty, experiment.settings.curriculum)
      print(json ? String(decoding: EventCoding.json(report), as: UTF8.self) : Self.text(report, experiment))
    }
  }

  private static func text(_ report: DifficultyReport, _ experiment: Experiment) -> String {
    let curriculum = experiment.settings.curriculum
    var lines = [
      "\(experiment.name): iteration \(report.iteration), policy version \(report.policyVersion)",
      "  drawn by    references \(curriculum.references.rawValue), problems \(curriculum.problems.rawValue)",
      "  difficulty  version \(report.version), digest \(report.digest.prefix(16))…", "",
    ]
    lines += cells(report) + [""] + ratings(report)
    lines += [
      "", "  \(report.rating.links) of \(report.rating.problems) attempted problems were attempted by several versions",
      "  " + report.answer,
    ]
    return lines.joined(separator: "\n")
  }

  private static func cells(_ report: DifficultyReport) -> [String] {
    var rows = [
      ["cell (tokens)", "problems", "solved", "rate", "95 % Wilson", "progress", "95 %", "beyond chance", "of"]
    ]
    for cell in report.cells {
      rows.append([
        "\(cell.kind.rawValue) \(cell.size)", "\(cell.problems)", "\(cell.solves.correct)/\(cell.solves.attempts)",
        Format.decimal(cell.posterior.value, 2), interval(cell.wilson, 2),
        cell.progressOutcomes > 0 ? Format.signed(cell.progress.value) : "–",
        cell.progressOutcomes > 0 ? interval(cell.progress, 2) : "–", Format.decimal(cell.progressExcess, 2),
        "\(cell.progressOutcomes)",
      ])
    }
    return TextTable(rows: rows).lines.map { "  " + $0 }
  }

  /// Cohorts and policies in two tables, at most `shownMax` rows each: the first, the last, and some between.
  private static func ratings(_ report: DifficultyReport) -> [String] {
    var cohorts = [["problems of iteration", "problems", "links", "rating", "95 %"]]
    for row in spread(report.cohorts) {
      cohorts.append([
        "\(row.iteration)", "\(row.problems)", "\(row.links)", Format.decimal(row.rating.value, 0),
        interval(row.rating, 0),
      ])
    }
    var policies = [["policy version", "attempts", "rating", "95 %"]]
    for row in spread(report.policies) {
      let versions =
        row.firstVersion == row.lastVersion ? "\(row.firstVersion)" : "\(row.firstVersion)–\(row.lastVersion)"
      policies.append([versions, "\(row.attempts)", Format.decimal(row.rating.value, 0), interval(row.rating, 0)])
    }
    var lines = TextTable(rows: cohorts).lines + [""] + TextTable(rows: policies).lines
    for (name, change) in [("problems", report.rating.problemsChange), ("policy", report.rating.policyChange)] {
      guard let change else { continue }
      lines += [
        "\(name): \(change.value >= 0 ? "+" : "")\(Format.decimal(change.value, 0)) points, \(interval(change, 0))"
      ]
    }
    return lines.map { "  " + $0 }
  }

  private static let shownMax = 12

  private static func spread<Row>(_ rows: [Row]) -> [Row] {
    guard rows.count > shownMax else { return rows }
    return (0..<shownMax).map { rows[$0 * (rows.count - 1) / (shownMax - 1)] }
  }

  private static func interval(_ estimate: Estimate, _ digits: Int) -> String {
    "\(Format.decimal(estimate.low, digits)) to \(Format.decimal(estimate.high, digits))"
  }
}
