import ArgumentParser
import Daemon
import Domain
import EventLog
import Terminal

/// The three requests differ in their word only.
private func ask(
  _ request: ControlDesk.Request, _ name: String, reason: String?, json: Bool, _ database: DatabaseOptions
) async throws {
  try await database.withLog { log in
    let desk = ControlDesk(log: log.log, surroundings: log.surroundings)
    let answer = try await desk.request(request, of: name, reason: reason ?? "asked on the command line")
    if case .refused(let reason) = answer { throw Failure.failed(reason) }
    print(json ? line(request, name, answer) : text(request, name, answer))
  }
}

private func text(_ request: ControlDesk.Request, _ name: String, _ answer: ControlDesk.Answer) -> String {
  switch answer {
  case .requested(let position):
    "\(name): \(request.rawValue) requested at position \(position); obeyed at the next step boundary"
  case .already(let state): "\(name) is \(state) already"
  case .refused(let reason): reason
  }
}

/// `position` is null where nothing had to be asked; `state` then says why.
private func line(_ request: ControlDesk.Request, _ name: String, _ answer: ControlDesk.Answer) -> String {
  var fields: [String: JSONValue] = [
    "experiment": .text(name), "request": .text(request.rawValue), "position": .null, "state": .null,
  ]
  switch answer {
  case .requested(let position): fields["position"] = .integer(position.rawValue)
  case .already(let state), .refused(let state): fields["state"] = .text(state)
  }
  return JSONValue.object(fields).line
}

struct Pause: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask an experiment to pause at its next step boundary.",
    discussion: """
      Appends to the log; needs no running daemon. A daemon saves the weights and says that it paused with an event.

      EXAMPLE
        autodidact pause first --reason "the machine is needed"
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(help: "Recorded with the request.") var reason: String?
  @Flag(help: "The answer as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws { try await ask(.pause, name, reason: reason, json: json, database) }
}

struct Resume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a paused or failed experiment go on.",
    discussion: """
      Appends to the log. A running autodidactd takes the experiment up; without one, use autodidact run NAME.

      EXAMPLE
        autodidact resume first
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(help: "Recorded with the request.") var reason: String?
  @Flag(help: "The answer as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws { try await ask(.resume, name, reason: reason, json: json, database) }
}

struct Stop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "End an experiment for good, at its next step boundary.",
    discussion: """
      A stopped experiment stays in the log and can be read, but not resumed.

      EXAMPLE
        autodidact stop first --dry-run
        autodidact stop first --reason "learned enough"
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(help: "Recorded with the request.") var reason: String?
  @Flag(help: "Say what would end, and ask for nothing.") var dryRun = false
  @Flag(help: "The answer as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    guard dryRun else { return try await ask(.stop, name, reason: reason, json: json, database) }
    try await database.withLog(as: .reader) { log in
      let experiment = try await StoredExperiment.load(
        try await log.log.requireExperiment(name), from: log.log
      ).experiment
      let isOver = ["stopped", "stopping"].contains(experiment.life.name)
      if json {
        let value: JSONValue = [
          "experiment": .text(name), "request": .text("stop"), "dry_run": .bool(true),
          "state": .text(experiment.stateName),
          "iterations": JSONValue(experiment.iterationsDone),
          "iterations_max": JSONValue(experiment.settings.iterations),
          "would_stop": .bool(!isOver),
        ]
        return print(value.line)
      }
      print(
        isOver
          ? "\(name) is \(experiment.life.name) already; nothing would be asked"
          : "\(name) (\(experiment.stateName), iteration \(experiment.iterationsDone) of "
            + "\(experiment.settings.iterations)) would be ended for good at its next step boundary")
    }
  }
}
