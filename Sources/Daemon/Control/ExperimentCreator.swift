import Domain
import EventLog
import Foundation

/// Creates experiments: one event with everything that is needed to play them.
package struct ExperimentCreator: Sendable {
  private let log: any EventLog
  private let surroundings: Surroundings

  package init(log: any EventLog, surroundings: Surroundings) {
    self.log = log
    self.surroundings = surroundings
  }

  /// Names are one to sixty-four letters, digits, dots, dashes and underscores, and begin with a letter or digit, so that
  /// they need no quoting in a shell and can name a folder.
  package static func isValid(name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      (48...57 ~= byte) || (65...90 ~= byte) || (97...122 ~= byte)
    }
    return isWord(first) && name.utf8.allSatisfy { isWord($0) || $0 == 45 || $0 == 46 || $0 == 95 }
  }

  /// - Parameters:
  ///   - settings: resolved, with the model's digest filled in.
  ///   - parent: name of the experiment whose samples it learns from, if it is a shadow learner.
  /// - Throws: `InvalidName`, `EventLogError.nameTaken` and the log's other errors.
  package func create(
    _ name: String, settings: ExperimentSettings, parent: String? = nil
  ) async throws -> ExperimentRecord {
    guard Self.isValid(name: name) else { throw InvalidName(name: name) }
    let id = ExperimentID(surroundings.makeID())
    var templates = settings.prompts
    templates.name = ""  // a file that was only moved has the same prompts
    let event = Event.experimentCreated(
      ExperimentCreated(
        name: name, settings: settings, promptsDigest: sha256(EventCoding.json(templates)), parent: parent))
    _ = try await log.createExperiment(
      id, name: name, state: parent == nil ? "running" : "stopped",
      events: [
        NewEvent(event, policyVersion: 0)
      ],
      key: "create/\(id)")
    return try await log.requireExperiment(name)
  }

  package struct InvalidName: Error, CustomStringConvertible {
    package var name: String
    package init(name: String) { self.name = name }
    package var description: String {
      "'\(name)' cannot name an experiment: allowed are 1 to 64 letters, digits, '.', '-' and '_', the first a letter or digit"
    }
  }
}
