import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct Consumers: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consumer",
    abstract: "Who reads the log and how far; pause and resume one.",
    discussion: """
      A paused consumer acknowledges nothing more until it is resumed; so does one that failed. Everything else goes on.

      EXAMPLE
        autodidact consumer list
        autodidact consumer pause learner --experiment first
        autodidact consumer resume learner --experiment first
      """,
    subcommands: [Show.self, Pause.self, Resume.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the consumers.", discussion: "EXAMPLE\n  autodidact consumer list")
    @Flag(help: "One JSON object per line.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await database.withLog(as: .reader) { log in
        let head = try await log.log.head().position
        let experiments = try await log.log.experiments()
        let lines = try await log.log.consumers().map { record in
          let experiment = experiments.first { $0.id == record.consumer.experiment }
          return ConsumerLine(record, experiment: experiment, head: experiment?.lastPosition ?? head)
        }
        if json { return lines.forEach { print(jsonText($0)) } }
        var rows = [["consumer", "version", "experiment", "state", "position", "lag", "failure"]]
        rows += lines.map { line in
          [
            line.consumer, "\(line.version)", line.experiment ?? "all", line.state, "\(line.position)", "\(line.lag)",
            line.failure ?? "–",
          ]
        }
        print(TextTable(rows: rows).lines.joined(separator: "\n"))
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Pause a consumer.", discussion: "EXAMPLE\n  autodidact consumer pause learner --experiment first")
    @OptionGroup var which: ConsumerOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws { try await which.set(.paused, database) }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a paused or failed consumer go on.",
      discussion: "EXAMPLE\n  autodidact consumer resume learner --experiment first")
    @OptionGroup var which: ConsumerOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws { try await which.set(.running, database) }
  }
}

/// Names one consumer.
struct ConsumerOptions: ParsableArguments {
  @Argument(help: "Name of the consumer.") var consumer: String
  @Option(help: "Version of its code; the newest if left out.") var version: Int?
  @Option(help: "The experiment it reads; left out, one that reads all.", completion: .experiments) var experiment:
    String?
  @Flag(help: "The consumer as one JSON object.") var json = false

  /// Changes its state.
  func set(_ state: ConsumerState, _ database: DatabaseOptions) async throws {
    try await database.withLog { log in
      let id: ExperimentID? = if let experiment { try await log.log.requireExperiment(experiment).id } else { nil }
      let known = try await log.log.consumers()
      let found = known.last {
        $0.consumer.name == consumer && $0.consumer.experiment == id
          && (version ?? $0.consumer.version) == $0.consumer.version
      }
      guard let found else {
        let names = Set(known.map(\.consumer.name)).sorted().joined(separator: ", ")
        throw Failure.notFound(
          "no consumer \(consumer) of \(experiment ?? "all experiments"); there are: \(names.isEmpty ? "none" : names)")
      }
      try await log.log.setState(state, of: found.consumer, failure: nil)
      if json {
        let value: JSONValue = [
          "consumer": .text(consumer), "version": JSONValue(found.consumer.version),
          "experiment": JSONValue(experiment),
          "state": .text(state.rawValue), "position": .integer(found.position.rawValue),
        ]
        return print(value.line)
      }
      print("\(consumer) is \(state.rawValue), at position \(found.position)")
    }
  }
}

/// A consumer as one JSON object.
private struct ConsumerLine: Encodable {
  var consumer, state: String
  var experiment, failure: String?
  var version: Int
  var position, lag: Int64

  init(_ record: ConsumerRecord, experiment: ExperimentRecord?, head: Position) {
    consumer = record.consumer.name
    state = record.state.rawValue
    self.experiment = experiment?.name
    failure = record.failure
    version = record.consumer.version
    position = record.position.rawValue
    lag = max(0, head.rawValue - record.position.rawValue)
  }
}
