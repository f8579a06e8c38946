import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct Top: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Watch the experiments: a live view of the whole screen.",
    discussion: """
      State, speed, phases, rates by kind, rewards, refusals, the newest problems. Keys: arrows choose an experiment, p asks for \
      a pause, r for going on, q leaves. Without a terminal one frame is printed as text, as with --once.

      EXAMPLE
        autodidact top
        autodidact top first --interval 5
        autodidact top first --once
      """)
  @Argument(help: "The experiment to begin with. Default: one that is held, else the newest.", completion: .experiments)
  var name: String?
  @Option(help: "Seconds between frames.") var interval = 1
  @Flag(help: "Print one frame as text and leave.") var once = false
  @Flag(help: "Print one frame as JSON: the rows, and status --json of the chosen experiment.") var json = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    guard (1...3600).contains(interval) else {
      throw ValidationError("--interval is \(interval), allowed is 1 to 3600")
    }
  }

  func run() async throws {
    guard !once, !json, isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
      return try await database.withLog(as: .reader) { log in
        var reader = TopReader(log: log.log)
        let picture = try await reader.picture(of: name)
        print(json ? try await object(picture, log.log) : frame(picture))
      }
    }
    try await database.withLog { log in try await live(log) }
  }

  private func frame(_ picture: TopPicture) -> String {
    TopFrame(picture, width: 100, style: .output(database.color)).lines.joined(separator: "\n")
  }

  private func object(_ picture: TopPicture, _ log: any EventLog) async throws -> String {
    let rows = picture.rows.map { row -> JSONValue in
      [
        "name": .text(row.name), "state": .text(row.state), "priority": JSONValue(row.priority),
        "events": .integer(row.events), "tags": JSONValue(row.tags), "held_by": JSONValue(row.heldBy),
      ]
    }
    var fields: [String: JSONValue] = [
      "position": .integer(picture.position), "experiments": .list(rows), "chosen": .null,
    ]
    if let detail = picture.detail {
      let record = try await log.requireExperiment(detail.name)
      let report = try await StatusReport(record, try await StoredExperiment.load(record, from: log), log: log)
      fields["chosen"] = JSONValue(json: Data(report.json.utf8))
    }
    return JSONValue.object(fields).line
  }

  /// Until somebody leaves. An outage of the database is told and waited out.
  private func live(_ log: OpenLog) async throws {
    var reader = TopReader(log: log.log)
    // What can be refused is refused before the screen is taken.
    var picture = try await reader.picture(of: name)
    guard let terminal = RawTerminal() else { return print(frame(picture)) }
    defer { terminal.close() }
    let style = Style.output(database.color)
    var message = ""
    while true {
      picture.message = message
      let size = terminal.size
      terminal.draw(
        Array(TopFrame(picture, width: size.width, style: style).screen(height: size.height).prefix(size.height)))
      var chosen = picture.detail?.name
      if let key = await terminal.key(within: .seconds(interval)) {
        guard key != .quit else { return }
        if let moved = Self.moved(key, from: chosen, in: picture.rows) { chosen = moved }
        if let said = try await obey(key, chosen, log) { message = said }
      }
      do {
        picture = try await reader.picture(of: chosen)
        if message.hasPrefix(Self.outage) { message = "" }
      } catch {
        message = "\(Self.outage)\(error)"
      }
    }
  }

  private static let outage = "nothing newer: "

  private static func moved(_ key: RawTerminal.Key, from name: String?, in rows: [TopPicture.Row]) -> String? {
    guard key == .up || key == .down, let place = rows.firstIndex(where: { $0.name == name }) else { return nil }
    return rows[max(0, min(rows.count - 1, place + (key == .up ? -1 : 1)))].name
  }

  private func obey(_ key: RawTerminal.Key, _ name: String?, _ log: OpenLog) async throws -> String? {
    let requests: [RawTerminal.Key: ControlDesk.Request] = [.pause: .pause, .resume: .resume]
    guard let request = requests[key], let name else { return nil }
    do {
      let desk = ControlDesk(log: log.log, surroundings: log.surroundings)
      switch try await desk.request(request, of: name, reason: "asked in top") {
      case .requested: return "\(name): \(request.rawValue) requested; obeyed at the next step boundary"
      case .already(let state): return "\(name) is \(state) already"
      case .refused(let reason): return reason
      }
    } catch {
      return "\(name): \(error)"
    }
  }
}
