import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Logging
import Terminal
import Traces

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run an experiment in the foreground, from where its log ends.",
    discussion: """
      Ctrl-C once pauses at the next step boundary, twice stops now; what is committed is never lost. A paused experiment \
      is resumed: running it is asking for that. While the database is away the experiment stands still and goes on when \
      it is back. Exit code 3: another process took the experiment over.

      EXAMPLE
        autodidact run first --iterations 2
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(help: "Leave after this many more iterations.") var iterations: Int?
  @Flag(help: "Take the experiment from another process that holds it.") var takeOver = false
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @Flag(
    help: "Offer verification jobs to workers on other hosts (autodidact-verifier --lease) instead of doing them here.")
  var leasedVerifiers = false
  @Option(help: "Leave when the database has been away for so many seconds.") var outageMax = 86_400
  @Option(help: "Seconds without a word after which a connection to the database is given up.") var replyTimeout = 90
  @Flag(help: "One JSON object for every note and iteration, and one for the end.") var json = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    guard (0...31_536_000).contains(outageMax) else {
      throw ValidationError("--outage-max is \(outageMax), allowed is 0 to 31536000")
    }
    guard (3...3600).contains(replyTimeout) else {
      throw ValidationError("--reply-timeout is \(replyTimeout), allowed is 3 to 3600")
    }
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations is \(iterations), allowed is 1 or more")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
  }

  func run() async throws {
    let collector = try CollectorSettings(
      environment: ProcessInfo.processInfo.environment, program: "autodidact")
    let end = try await database.withLog(manner: .writer(replySeconds: replyTimeout)) { log in
      let record = try await log.log.requireExperiment(name)
      let reporter = json ? nil : ConsoleReporter(name: name, iterations: iterations, color: database.color)
      let foreground = ForegroundRun(
        log: log, threads: threads, leasesVerifiers: leasedVerifiers, observer: reporter ?? JSONReporter(name: name),
        patience: Patience(outageMax: .seconds(outageMax)))
      defer { reporter?.close() }
      return try await withTraces(
        to: collector, program: "autodidact", version: softwareVersion,
        logger: Logger(label: "autodidact") { StreamLogHandler.standardError(label: $0) }
      ) {
        try await foreground.run(record, iterations: iterations, takeOver: takeOver)
      }
    }
    if json {
      print(JSONReporter.line(end, name: name))
    } else {
      tell(end)
    }
    if case .failed(let reason) = end {
      throw Failure.failed("\(name) failed: \(reason)\nmend the cause, then: autodidact resume \(name)")
    }
  }

  private func tell(_ end: ExperimentRunner.End) {
    switch end {
    case .iterationsDone: print("done: \(iterations ?? 0) iterations; autodidact status \(name)")
    case .finished: print("\(name) is finished: all iterations of its settings are done")
    case .paused(let reason): print("\(name) is paused (\(reason)); go on with: autodidact run \(name)")
    case .stopped(let reason): print("\(name) is stopped (\(reason))")
    case .failed: break
    case .shutDown: print("\(name) was left at a step boundary; go on with: autodidact run \(name)")
    }
  }
}
