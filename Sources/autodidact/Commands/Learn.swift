import ArgumentParser
import Daemon
import Domain
import EventLog
import Settings
import Terminal

struct Learn: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let another learner learn from an experiment's recorded samples.",
    discussion: """
      Nothing is generated or verified. The updates are recorded in a new experiment, which plays nothing. With equal \
      settings its digests are the original's; otherwise the samples are off-policy, and each update records how far.

      EXAMPLE
        autodidact learn first --set learner.rate=3e-6 --name faster
        autodidact diff first faster
      """)
  @Argument(help: "Name of the experiment to learn from.", completion: .experiments) var source: String
  @Option(help: "Name of the new experiment; unique.") var name: String
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Change one key of the learner; may be repeated.", valueName: "learner.…=value"))
  var overrides: [String] = []
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @Flag(help: "One JSON object an update: type and body of the event.") var json = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    guard ExperimentCreator.isValid(name: name) else {
      throw ValidationError("\(ExperimentCreator.InvalidName(name: name))")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
  }

  func run() async throws {
    try await database.withLog { log in
      let record = try await log.log.requireExperiment(source)
      let experiment = try await StoredExperiment.load(record, from: log.log).experiment
      do {
        let settings = try ShadowLearner.settings(of: experiment, overrides: overrides)
        let engine = try await Workshop(log, threads: threads).engine(of: experiment, named: name)
        let shadow = ShadowLearner(log: log.log, learner: engine, surroundings: log.surroundings)
        _ = try await shadow.learn(experiment, as: name, settings: settings) { event in
          let object: JSONValue = ["type": .text(event.type), "body": JSONValue(json: event.body)]
          print(json ? object.line : Self.line(event))
        }
      } catch let error as SettingsError {
        throw Failure.usage("\(error)")
      } catch let error as ForkRefused {
        throw Failure.failed("\(error)")
      }
    }
  }

  private static func line(_ event: Event) -> String {
    switch event {
    case .weightsUpdated(let updated):
      let outcome = updated.outcome
      let policy =
        outcome.logProbabilityMismatches == 0
        ? "on-policy"
        : "off-policy: mean ratio \(Format.decimal(outcome.ratioMean, 4)), "
          + "largest distance \(Format.decimal(outcome.ratioDistanceMax, 4)), "
          + "clipped \(Format.decimal(100 * outcome.clippedShare, 1)) %"
      return "version \(updated.toVersion): loss \(Format.decimal(outcome.loss, 4)), gradient norm "
        + "\(Format.decimal(outcome.gradientNorm, 2)), weights \(outcome.weightsDigest.prefix(16))…, \(policy)"
    case .updateSkipped(let skipped): return "iteration \(skipped.iteration): skipped, \(skipped.reason)"
    default: return event.type
    }
  }
}
