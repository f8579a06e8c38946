import ArgumentParser
import Daemon

/// The three requests differ in their word only.
private func ask(
  _ request: ControlDesk.Request, _ name: String, reason: String?, _ database: DatabaseOptions
) async throws {
  try await database.withLog { log in
    let desk = ControlDesk(log: log.log, surroundings: log.surroundings)
    switch try await desk.request(request, of: name, reason: reason ?? "asked on the command line") {
    case .requested(let position):
      print("\(name): \(request.rawValue) requested at position \(position); obeyed at the next step boundary")
    case .already(let state): print("\(name) is \(state) already")
    case .refused(let reason): throw Failure.failed(reason)
    }
  }
}

struct Pause: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask an experiment to pause at its next step boundary.",
    discussion: """
      Appends to the log; needs no running daemon. A daemon saves the weights and says that it paused with an event.

      EXAMPLE
        autodidact pause first --reason "the machine is needed"
      """)
  @Argument(help: "Name of the experiment.") var name: String
  @Option(help: "Recorded with the request.") var reason: String?
  @OptionGroup var database: DatabaseOptions

  func run() async throws { try await ask(.pause, name, reason: reason, database) }
}

struct Resume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a paused or failed experiment go on.",
    discussion: """
      Appends to the log. A running autodidactd takes the experiment up; without one, use autodidact run NAME.

      EXAMPLE
        autodidact resume first
      """)
  @Argument(help: "Name of the experiment.") var name: String
  @Option(help: "Recorded with the request.") var reason: String?
  @OptionGroup var database: DatabaseOptions

  func run() async throws { try await ask(.resume, name, reason: reason, database) }
}

struct Stop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "End an experiment for good, at its next step boundary.",
    discussion: """
      A stopped experiment stays in the log and can be read, but not resumed.

      EXAMPLE
        autodidact stop first --reason "learned enough"
      """)
  @Argument(help: "Name of the experiment.") var name: String
  @Option(help: "Recorded with the request.") var reason: String?
  @OptionGroup var database: DatabaseOptions

  func run() async throws { try await ask(.stop, name, reason: reason, database) }
}
