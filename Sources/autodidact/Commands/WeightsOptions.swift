import ArgumentParser
import Daemon
import Domain
import Engine
import EventLog
import Foundation
import Terminal

/// Whose weights a command takes: an experiment's at a version, or a model's.
struct WeightsOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A model of the catalogue or of the models folder, a path with a slash to a GGUF file or a Hugging Face folder, or an "
        + "experiment, in this order.",
      valueName: "name"), completion: .experiments)
  var name: String
  @Option(help: "Policy version of an experiment; 0 is its base model. Default: the newest.") var version: Int?
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    if let version, version < 0 { throw ValidationError("--version is \(version), allowed is 0 or more") }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
  }

  var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

  /// Finds and reads the weights. What takes time is told on standard error.
  func find() async throws -> WeightsFinder.Found {
    let finder = WeightsFinder(home: try database.home(), threads: threads)
    if let found = try finder.model(name) {
      if let version, version > 0 {
        throw Failure.usage("--version is \(version), but \(name) is a model, not an experiment")
      }
      return found
    }
    do {
      return try await database.withLog { log in
        try await finder.experiment(name, version: version, log: log.log) { Console.error($0) }
      }
    } catch let error as WeightsFinder.UnknownVersion {
      throw Failure.usage("\(error)")
    } catch let error as UnknownExperiment {
      throw Failure.notFound("\(error); nor is a model: the catalogue is configs/models.tsv, a path needs a slash")
    }
  }
}
