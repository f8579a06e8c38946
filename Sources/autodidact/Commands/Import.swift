import ArgumentParser
import Daemon
import Foundation

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take an experiment's exported file into this log.",
    discussion: """
      The whole file is checked before anything is written. The experiment keeps its id, versions, events and generations, and \
      comes out with the same digest; positions and times are this log's. Importing again adds what is missing: an interrupted \
      import goes on, and a newer export of the same experiment adds what has happened since. Weights are trained again from \
      the log when they are needed; the base model has to be here (ops/fetch-model).

      EXAMPLE
        autodidact import first.adlog
        autodidact import first.adlog --name first-from-lab
      """)
  @Argument(help: "A file that `export NAME --log FILE` wrote.") var file: String
  @Option(help: "Name of the experiment here. Default: the one it had.") var name: String?
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      let outcome: ExperimentImporter.Outcome
      do {
        outcome = try await ExperimentImporter(log: log.log).import(file, name: name)
      } catch let error as ExperimentCreator.InvalidName {
        throw Failure.usage("\(error)")
      }
      let there = outcome.events - outcome.appended
      print(
        "\(outcome.record.name): \(outcome.appended) of \(outcome.events) events appended"
          + (there > 0 ? ", \(there) were here" : "") + "; digest \(outcome.digest.hexadecimal)")
    }
  }
}
