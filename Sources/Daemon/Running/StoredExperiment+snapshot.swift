import Domain
import EventLog
import Foundation

// Snapshots of the fold: start-up reads what happened since the newest one, not the whole history. They can all be deleted;
// `verify` folds from the beginning and compares.
extension StoredExperiment {
  /// Name and version of this fold. The number grows whenever the code of the fold or its encoding changes what comes out:
  /// older snapshots are not found any more then.
  package static let fold = "experiment/4"

  /// A snapshot is saved when so many events have come since the last one, at the end of an iteration.
  package static let snapshotEvents: Int64 = 10_000

  /// Canonical bytes: JSON with sorted keys.
  package var encoded: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return try encoder.encode(self) } catch {
      preconditionFailure("\(experiment.name) cannot be encoded: \(error)")
    }
  }

  /// The newest usable snapshot. One that cannot be read, or that is of something else, is as good as none.
  static func snapshot(of record: ExperimentRecord, in log: any EventLog) async throws -> StoredExperiment? {
    guard
      let snapshot = try await log.snapshot(of: fold, experiment: record.id, notAfter: record.version),
      snapshot.isWhole,
      var stored = try? JSONDecoder().decode(StoredExperiment.self, from: snapshot.bytes),
      stored.experiment.id == record.id, stored.experiment.version == snapshot.version,
      stored.position == snapshot.position
    else { return nil }
    stored.snapshotVersion = snapshot.version
    return stored
  }

  /// Saves a snapshot now.
  package mutating func saveSnapshot(in log: any EventLog) async throws(EventLogError) {
    try await log.save(
      FoldSnapshot(fold: Self.fold, version: experiment.version, position: position, bytes: encoded),
      of: experiment.id)
    snapshotVersion = experiment.version
  }

  /// Saves a snapshot if none is there of the last `snapshotEvents` events. The runner calls it at the end of an iteration.
  package mutating func saveSnapshotIfDue(in log: any EventLog) async throws(EventLogError) {
    guard experiment.version - snapshotVersion >= Self.snapshotEvents else { return }
    try await saveSnapshot(in: log)
  }
}
