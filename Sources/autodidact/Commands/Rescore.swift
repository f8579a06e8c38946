import ArgumentParser
import Daemon
import Domain
import EventLog
import Terminal

extension RewardFormula: ExpressibleByArgument {}

struct Rescore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rewards and advantages of an experiment under another formula, beside the recorded ones.",
    discussion: """
      A fold over the log: nothing is computed on the model and nothing is written.

      EXAMPLE
        autodidact rescore first --formula azr-code/1
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(help: "A registered formula.") var formula: RewardFormula
  @Flag(help: "As one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      let record = try await log.log.requireExperiment(name)
      let experiment = try await StoredExperiment.load(record, from: log.log).experiment
      let report = try await Rescoring(log: log.log).rescore(experiment, under: formula)
      print(json ? String(decoding: EventCoding.json(report), as: UTF8.self) : Self.text(report))
    }
  }

  private static func text(_ report: Rescoring.Report) -> String {
    var rows = [
      [
        "iteration", "samples", "proposer", "solver", "rewards changed", "signs changed", "advantage distance",
        "update",
      ]
    ]
    for iteration in report.iterations {
      func both(_ role: Role) -> String {
        [iteration.recordedGroups, iteration.groups].map { Format.signed(mean($0, role)) }.joined(separator: " → ")
      }
      rows.append([
        "\(iteration.iteration)", "\(iteration.samples)", both(.proposer), both(.solver), "\(iteration.rewardsChanged)",
        "\(iteration.signsChanged)", Format.decimal(iteration.advantageDistance, 4),
        iteration.teachesOtherwise ? "comes or goes" : "as recorded",
      ])
    }
    return
      (["\(report.experiment): \(report.recorded.rawValue) → \(report.formula.rawValue)"] + TextTable(rows: rows).lines)
      .joined(separator: "\n")
  }

  /// Mean reward of a role over its groups; nil if it has no samples.
  private static func mean(_ groups: [RewardGroup], _ role: Role) -> Double? {
    let groups = groups.filter { $0.role == role }
    let samples = groups.reduce(0) { $0 + $1.samples }
    return samples == 0 ? nil : groups.reduce(0) { $0 + $1.meanReward * Double($1.samples) } / Double(samples)
  }
}
