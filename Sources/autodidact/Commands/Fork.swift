import ArgumentParser
import Daemon
import Domain
import EventLog
import Settings
import Terminal

struct Fork: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Begin an experiment from a place in another's history.",
    discussion: """
      The history up to there is shared, not copied. Without --set the fork repeats its parent bit for bit. It runs like \
      any other experiment.

      EXAMPLE
        autodidact fork first --at 12 --name warmer --set solver.temperature=1.2
        autodidact fork first --at @1412 --name again
      """)
  @Argument(help: "Name of the experiment to fork.", completion: .experiments) var name: String
  @Option(
    help: ArgumentHelp(
      "An iteration, after its update (0: after seeding), or @POSITION of the last event of a step.",
      valueName: "iteration|@position"))
  var at: String
  @Option(name: .customLong("name"), help: "Name of the new experiment; unique.") var new: String
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Change one key from here on; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @Flag(help: "As one JSON object.") var json = false
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    if ExperimentForker.Place(at) == nil {
      throw ValidationError("--at is '\(at)', allowed is an iteration such as 12 or a position such as @1412")
    }
    guard ExperimentCreator.isValid(name: new) else {
      throw ValidationError("\(ExperimentCreator.InvalidName(name: new))")
    }
  }

  func run() async throws {
    guard let place = ExperimentForker.Place(at) else { return }
    try await database.withLog { log in
      let fork: ExperimentForker.Fork
      do {
        let catalogue = try ModelCatalogue(home: log.home)
        fork = try await ExperimentForker(log: log.log, surroundings: log.surroundings)
          .fork(name, at: place, as: new, overrides: overrides) { settings in
            settings.model.digest = try catalogue.entry(settings.model.name).digest
          }
      } catch let error as SettingsError {
        throw Failure.usage("\(error)")
      } catch let error as ModelCatalogue.Unknown {
        throw Failure.usage("\(error)")
      } catch let error as ForkRefused {
        throw Failure.failed("\(error)")
      }
      if json {
        let value: JSONValue = [
          "experiment": .text(new), "id": .text(fork.record.id.description), "parent": .text(fork.event.parent),
          "parent_version": .integer(fork.event.parentVersion), "parent_position": .integer(fork.event.parentPosition),
          "changes": JSONValue(fork.event.changes),
        ]
        return print(value.line)
      }
      print(
        "\(new) is a fork of \(fork.event.parent) at version \(fork.event.parentVersion) (position "
          + "\(fork.event.parentPosition)); run it with: autodidact run \(new)")
      for change in fork.event.changes { print("  \(change)") }
      if fork.event.changes.isEmpty { print("  no setting changed: it will repeat its parent bit for bit") }
    }
  }
}
