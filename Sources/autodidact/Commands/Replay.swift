import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct Replay: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Perform a recorded experiment again and compare every digest.",
    discussion: """
      Without --resample the updates are trained again from the recorded samples; nothing is generated or verified. With it \
      everything is performed again and the first event that comes out otherwise is reported. Nothing is written to the log. \
      Exit code 1 if something differs.

      EXAMPLE
        autodidact replay first
        autodidact replay first --from 20 --to 25 --json
        autodidact replay first --resample --to 2
        autodidact replay --file first.adlog
      """)
  @Argument(help: "Name of the experiment; none with --file.", completion: .experiments) var name: String?
  @Option(help: "Replay an exported file instead (export NAME --log FILE), in memory; no database is needed.")
  var file: String?
  @Option(
    help: "Begin with the weights of this version, from a checkpoint if there is one. Default: 0, the base model.")
  var from: Int?
  @Option(help: "The last version; with --resample the last iteration. Default: all.") var to: Int?
  @Flag(help: "Generate and verify again too, against a scratch log in memory.") var resample = false
  @Flag(help: "The report as one JSON object.") var json = false
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    guard (name == nil) != (file == nil) else {
      throw ValidationError("give either the name of an experiment or --file with an exported one")
    }
    for (option, value) in [("--from", from), ("--to", to)] {
      if let value, value < 0 { throw ValidationError("\(option) is \(value), allowed is 0 or more") }
    }
    if resample, from != nil {
      throw ValidationError("--from cannot be given with --resample, which begins at the beginning")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
  }

  func run() async throws {
    if let file {
      let (log, record) = try await OpenLog.offline(file, home: try database.home())
      try await replay(record, log)
    } else if let name {
      try await database.withLog { log in try await replay(try await log.log.requireExperiment(name), log) }
    }
  }

  private func replay(_ record: ExperimentRecord, _ log: OpenLog) async throws {
    let experiment = try await StoredExperiment.load(record, from: log.log).experiment
    let workshop = Workshop(log, threads: threads)
    if resample {
      try await sampled(record, experiment, log, workshop)
    } else {
      try await trained(experiment, log, workshop)
    }
  }

  private func trained(_ experiment: Experiment, _ log: OpenLog, _ workshop: Workshop) async throws {
    let engine = try await workshop.engine(of: experiment)
    let replayer = Replayer(log: log.log, learner: engine, surroundings: log.surroundings)
    let isQuiet = json
    let report: ReplayReport
    do {
      report = try await replayer.replay(experiment, from: from ?? 0, to: to) { update in
        if !isQuiet { print(ReplayText.line(update)) }
      } report: {
        if !isQuiet { print($0) }
      }
    } catch let error as ReplayRange {
      throw Failure.usage("\(error)")
    }
    if json { print(String(decoding: EventCoding.json(report), as: UTF8.self)) }
    if let difference = report.difference { throw Failure.failed(ReplayText.difference(difference, report.experiment)) }
    if !json { print(ReplayText.end(report)) }
  }

  private func sampled(
    _ record: ExperimentRecord, _ experiment: Experiment, _ log: OpenLog, _ workshop: Workshop
  ) async throws {
    let isQuiet = json
    let last = to
    let report = try await workshop.withParts(of: experiment) { parts in
      let resampler = Resampler(log: log.log, parts: parts, surroundings: log.surroundings)
      return try await resampler.resample(record, to: last) { step in
        if !isQuiet { print("  \(step.name): as recorded") }
      }
    }
    if json { print(String(decoding: EventCoding.json(report), as: UTF8.self)) }
    if let divergence = report.divergence {
      throw Failure.failed(ReplayText.divergence(divergence, report))
    }
    if !json {
      print(
        "\(report.experiment): no divergence in \(report.iterations) iterations, \(report.events) events, "
          + "\(report.tokens) tokens sampled and trained")
    }
  }
}

/// What a replay says on a terminal.
enum ReplayText {
  static func line(_ update: ReplayedUpdate) -> String {
    let head = "iteration \(update.iteration) → version \(update.version): "
    switch update.verdict {
    case .equal:
      return head + "equal, \(update.samples) samples, \(update.tokens) tokens, \(Format.decimal(update.seconds, 1)) s"
    case .skipped: return head + "skipped again"
    case .different: return head + "DIFFERENT"
    case .withinTolerance:
      let distance = update.distance
      return head + "recorded as \"\(update.recordedProfile)\"; within the tolerance: loss by "
        + "\(distance?.loss ?? 0), gradient norm by \(distance?.gradientNorm ?? 0), ratio by \(distance?.ratio ?? 0)"
    }
  }

  static func end(_ report: ReplayReport) -> String {
    let span = "\(report.experiment): versions \(report.fromVersion) to \(report.toVersion)"
    let seconds = Format.decimal(report.updates.reduce(0) { $0 + $1.seconds }, 1)
    if report.isEqual { return "\(span): every batch, weights and optimizer digest is as recorded; \(seconds) s" }
    return
      "\(span): recorded on another numerics profile than \"\(report.numericsProfile)\"; every figure is within the "
      + "tolerance of \(ReplayDistance.tolerance), which is not equality; \(seconds) s"
  }

  static func difference(_ difference: ReplayDifference, _ experiment: String) -> String {
    let subject =
      difference.isOfCurriculum
      ? "the choice of iteration \(difference.iteration) under version \(difference.version)"
      : "the update of iteration \(difference.iteration) to version \(difference.version)"
    var lines = [
      "\(experiment): \(subject), at position \(difference.position), does not come out as recorded",
      "  \(difference.what): recorded \(difference.recorded)", "  \(difference.what): found    \(difference.found)",
    ]
    if !difference.isOfCurriculum { lines.append("  batch digest now \(difference.batchDigest)") }
    if let sample = difference.sample {
      let place = sample.token.map { "token \($0)" } ?? "which cannot be evaluated"
      let values = sample.recorded.map { ": log-probability recorded \($0), found \(sample.found ?? .nan)" } ?? ""
      lines.append("  first differing sample: \(sample.sample) at position \(sample.position), \(place)\(values)")
    }
    if let tensor = difference.tensor {
      lines.append(
        "  first differing tensor: \(tensor.tensor), element \(tensor.element): checkpoint \(tensor.recorded), found "
          + "\(tensor.found); \(tensor.count) of its elements, \(tensor.tensors) tensors in all")
    }
    return (lines + ["  cause: \(difference.cause)"]).joined(separator: "\n")
  }

  static func divergence(_ divergence: ResampleReport.Divergence, _ report: ResampleReport) -> String {
    let difference = divergence.difference
    let token = difference.token.map { ", token \($0)" } ?? ""
    var lines = [
      "\(report.experiment) diverges at position \(divergence.position) (version \(divergence.version)): "
        + "\(divergence.type) \(divergence.subject)",
      "  \(difference.field)\(token): recorded \(difference.left)",
      "  \(difference.field)\(token): found    \(difference.right)",
      "  cause: \(difference.cause)",
      "  as recorded before it: \(report.events) events, \(report.iterations) iterations",
    ]
    if !report.isSameProfile {
      lines.append(
        "  it was recorded as \"\(report.recordedProfiles.joined(separator: "\", \""))\", this machine is "
          + "\"\(report.numericsProfile)\": equal bits are promised on one profile only")
    }
    return lines.joined(separator: "\n")
  }
}
