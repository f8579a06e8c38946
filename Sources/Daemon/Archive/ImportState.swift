import Domain
import EventLog

/// The words that an import leaves in an experiment's row beside those of `Experiment.stateName`. A daemon leaves such
/// experiments alone.
package enum ImportState {
  /// A part of the file is here. Nobody may append anything until the same file has been imported to its end: what is
  /// appended now would come before what the file still has.
  package static let unfinished = "importing"
  /// The whole part that an imported fork shares is here. The experiment waits to be run by name, or for its own file.
  package static let shared = "shared"

  package static let all = [unfinished, shared]

  /// What the keys of imported appends begin with; the append's hash in the file follows.
  static let keyPrefix = "import/"

  /// Refuses an experiment whose import has not ended.
  /// - Throws: `UnfinishedImport`, the log's errors.
  static func requireWhole(_ experiment: ExperimentID, in log: any EventLog) async throws {
    guard let record = try await log.experiment(experiment), record.state == unfinished else { return }
    throw UnfinishedImport(name: record.name)
  }
}

/// Something was to be appended to an experiment of which only the beginning has been imported.
package struct UnfinishedImport: Error, Hashable, Sendable, CustomStringConvertible {
  package var name: String
  package var description: String {
    "\(name) was imported in part; import its file again, which adds what is missing (autodidact import FILE)"
  }
}
