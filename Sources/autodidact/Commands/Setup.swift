import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Settings
import Terminal

struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the database up to this version's tables.",
    discussion: """
      Migrations are numbered files, forward-only, each in its own transaction. Running it twice is harmless.

      EXAMPLE
        autodidact migrate --database postgres:///autodidact
      """)
  @Flag(help: "The files applied, as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let home = try database.home()
    let url = try DatabaseAddress.find(
      option: database.database, environment: ProcessInfo.processInfo.environment, home: home)
    let applied = try await OpenLog.migrate(url: url, home: home)
    if json { return print(JSONValue.object(["applied": JSONValue(applied)]).line) }
    print(applied.isEmpty ? "the database is up to date" : "applied " + applied.joined(separator: ", "))
  }
}

struct Create: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create an experiment from a settings file.",
    discussion: """
      The resolved settings and the prompts are recorded in the experiment's first event and never change after.

      EXAMPLE
        autodidact create configs/quickstart.yaml --name first --set seed=7 --set play.batch=12
      """)
  @Argument(help: "A YAML file of settings.") var settings: String
  @Option(help: "Name of the experiment; unique.") var name: String
  @Option(
    name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("Override one key.", valueName: "key=value"))
  var overrides: [String] = []
  @Flag(help: "Succeed without a change if the name exists.") var ifMissing = false
  @Flag(help: "Print the resolved settings and create nothing.") var dryRun = false
  @Flag(help: "What was created, or with --dry-run the settings, as one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    guard ExperimentCreator.isValid(name: name) else {
      throw Failure.usage("\(ExperimentCreator.InvalidName(name: name))")
    }
    let home = try database.home()
    var resolved: ExperimentSettings
    do {
      resolved = try SettingsFile.load(path: settings, overrides: overrides)
      resolved.model.digest = try ModelCatalogue(home: home).entry(resolved.model.name).digest
    } catch let error as SettingsError {
      throw Failure.usage("\(error)")
    } catch let error as ModelCatalogue.Unknown {
      throw Failure.usage("\(settings): \(error)")
    }
    if dryRun {
      return print(
        json ? String(decoding: EventCoding.json(resolved), as: UTF8.self) : SettingsDocument.show(resolved))
    }
    try await database.withLog { log in
      if ifMissing, let record = try await log.log.experiment(named: name) {
        return print(
          json ? Self.line(record, isNew: false) : "\(name) exists already; it is left as it is")
      }
      let record = try await ExperimentCreator(log: log.log, surroundings: log.surroundings)
        .create(name, settings: resolved)
      if json { return print(Self.line(record, isNew: true)) }
      print("created \(name) (\(record.id)) at position \(record.lastPosition); start it with: autodidact run \(name)")
    }
  }
  private static func line(_ record: ExperimentRecord, isNew: Bool) -> String {
    let value: JSONValue = [
      "experiment": .text(record.name), "id": .text(record.id.description), "created": .bool(isNew),
      "position": .integer(record.lastPosition.rawValue), "state": .text(record.state),
    ]
    return value.line
  }
}
