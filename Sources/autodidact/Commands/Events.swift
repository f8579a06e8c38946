import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct Events: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the events of an experiment.",
    discussion: """
      EXAMPLE
        autodidact events first --type WeightsUpdated --json
        autodidact events first --after 1200 --follow
      """,
    aliases: ["logs"])
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(parsing: .singleValue, help: "Only this type; may be repeated.") var type: [String] = []
  @Option(help: "Only events after this position.") var after: Int64 = 0
  @Flag(help: "Go on with new events until Ctrl-C.") var follow = false
  @Flag(help: "One JSON object per line.") var json = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    for type in type where !EventCoding.types.contains(type) {
      throw ValidationError(
        "--type is '\(type)', allowed are: \(EventCoding.types.joined(separator: ", "))")
    }
    if after < 0 { throw ValidationError("--after is \(after), allowed is 0 or more") }
  }

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      let record = try await log.log.requireStream(name)
      var position = Position(after)
      while true {
        let page = try await log.log.read(
          experiment: record.id, after: position, types: type.isEmpty ? nil : type, limit: 1000)
        for event in page { print(json ? Self.json(event) : Self.line(event)) }
        if let last = page.last { position = last.position }
        if page.count == 1000 { continue }
        guard follow else { return }
        fflush(nil)
        await log.log.wait(after: max(position, try await log.log.head().position), timeout: .seconds(3600))
      }
    }
  }

  /// Position, time, type and body on one line.
  private static func line(_ event: RecordedEvent) -> String {
    "\(event.position)  \(date(event.recordedAt))  \(event.type)  \(String(decoding: event.body, as: UTF8.self))"
  }

  /// The envelope with the body as recorded.
  private static func json(_ event: RecordedEvent) -> String {
    var fields = [
      "\"position\":\(event.position)", "\"version\":\(event.version)", "\"type\":\"\(event.type)\"",
      "\"schema_version\":\(event.schemaVersion)", "\"recorded_at\":\"\(date(event.recordedAt))\"",
    ]
    if let iteration = event.iteration { fields.append("\"iteration\":\(iteration)") }
    if let version = event.policyVersion { fields.append("\"policy_version\":\(version)") }
    if let cause = event.cause { fields.append("\"cause\":\(cause)") }
    fields.append("\"body\":" + String(decoding: event.body, as: UTF8.self))
    return "{" + fields.joined(separator: ",") + "}"
  }
}
