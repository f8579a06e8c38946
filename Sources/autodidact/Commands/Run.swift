import ArgumentParser
import Daemon
import Domain
import EventLog

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run an experiment in the foreground, from where its log ends.",
    discussion: """
      Ctrl-C once pauses at the next step boundary, twice stops now; what is committed is never lost. A paused experiment \
      is resumed: running it is asking for that.

      EXAMPLE
        autodidact run first --iterations 2
      """)
  @Argument(help: "Name of the experiment.") var name: String
  @Option(help: "Leave after this many more iterations.") var iterations: Int?
  @Flag(help: "Take the experiment from another process that holds it.") var takeOver = false
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @Flag(
    help: "Offer verification jobs to workers on other hosts (autodidact-verifier --lease) instead of doing them here.")
  var leasedVerifiers = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations is \(iterations), allowed is 1 or more")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
  }

  func run() async throws {
    let end = try await database.withLog { log in
      let record = try await log.log.requireExperiment(name)
      let reporter = ConsoleReporter(name: name, iterations: iterations)
      let foreground = ForegroundRun(
        log: log, threads: threads, leasesVerifiers: leasedVerifiers, observer: reporter)
      defer { reporter.close() }
      return try await foreground.run(record, iterations: iterations, takeOver: takeOver)
    }
    switch end {
    case .iterationsDone: print("done: \(iterations ?? 0) iterations; autodidact status \(name)")
    case .finished: print("\(name) is finished: all iterations of its settings are done")
    case .paused(let reason): print("\(name) is paused (\(reason)); go on with: autodidact run \(name)")
    case .stopped(let reason): print("\(name) is stopped (\(reason))")
    case .failed(let reason):
      throw Failure.failed("\(name) failed: \(reason)\nmend the cause, then: autodidact resume \(name)")
    case .shutDown: print("\(name) was left at a step boundary; go on with: autodidact run \(name)")
    }
  }
}
