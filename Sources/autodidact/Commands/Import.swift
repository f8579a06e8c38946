import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take an experiment's exported file into this log.",
    discussion: """
      The whole file is checked before anything is written. The experiment keeps its id, versions, events and generations, and \
      comes out with the same digest; positions and times are this log's. Importing again adds what is missing: an interrupted \
      import goes on, and a newer export of the same experiment adds what has happened since. Weights are trained again from \
      the log when they are needed; the base model has to be here (ops/fetch-model). One that was running when it was exported \
      is running here: a daemon takes it up.

      EXAMPLE
        autodidact import first.adlog
        autodidact import first.adlog --name first-from-lab
      """)
  @Argument(help: "A file that `export NAME --log FILE` wrote.") var file: String
  @Option(help: "Name of the experiment here. Default: the one it had.") var name: String?
  @Flag(help: "The outcome as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog { log in
      do {
        let outcome = try await ExperimentImporter(log: log.log).import(file, name: name)
        print(json ? Self.line(outcome) : Self.text(outcome))
      } catch let error as ExperimentCreator.InvalidName {
        throw Failure.usage("\(error)")
      }
    }
  }

  private static func text(_ outcome: ExperimentImporter.Outcome) -> String {
    let there = outcome.events - outcome.appended
    return "\(outcome.record.name) (\(outcome.record.state)): \(outcome.appended) of \(outcome.events) events appended"
      + (there > 0 ? ", \(there) were here" : "") + "; digest \(outcome.digest.hexadecimal)"
  }

  private static func line(_ outcome: ExperimentImporter.Outcome) -> String {
    struct Line: Encodable {
      var id, name, state, digest: String
      var events, appended: Int
    }
    let line = Line(
      id: outcome.record.id.description, name: outcome.record.name, state: outcome.record.state,
      digest: outcome.digest.hexadecimal, events: outcome.events, appended: outcome.appended)
    return String(decoding: EventCoding.json(line), as: UTF8.self)
  }
}
