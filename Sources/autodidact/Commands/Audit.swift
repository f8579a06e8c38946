import ArgumentParser
import Daemon
import Domain
import EventLog
import Terminal

struct Audit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Verify recorded proposals and answers again and list what comes out otherwise.",
    discussion: """
      The programs run under the present verifier, with the settings of the experiment. Nothing is written. Exit code 1 if \
      a verdict differs.

      EXAMPLE
        autodidact audit first --sample 200
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(help: "How many verdicts, spread evenly over the experiment. Default: all.") var sample: Int?
  @Flag(help: "The report as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    if let sample, sample < 1 { throw ValidationError("--sample is \(sample), allowed is 1 or more") }
  }

  func run() async throws {
    try await database.withLog { log in
      let record = try await log.log.requireExperiment(name)
      let experiment = try await StoredExperiment.load(record, from: log.log).experiment
      let report = try await Workshop(log, threads: nil).withVerifier(of: experiment) { environment, verifier in
        try await VerdictAudit(log: log.log, environment: environment, verifier: verifier)
          .audit(record, sample: sample)
      }
      if json { print(String(decoding: EventCoding.json(report), as: UTF8.self)) }
      let summary =
        "\(report.audited) of \(report.recorded) verdicts verified again, \(report.differences.count) differ"
      guard !report.differences.isEmpty else { return json ? () : print("\(name): \(summary)") }
      let lines = report.differences.map { difference in
        "  position \(difference.position), \(difference.subject): \(difference.difference.field): recorded "
          + "\(difference.difference.left), now \(difference.difference.right)"
      }
      throw Failure.failed("\(name): \(summary)\n" + lines.joined(separator: "\n"))
    }
  }
}
