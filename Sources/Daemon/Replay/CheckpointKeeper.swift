import Domain
import EventLog
import Foundation

/// The weights files of one experiment: which there are, which may go, and how a missing one comes back. A file can always
/// go, because the log has the samples that made it. `autodidact checkpoints` calls it.
package struct CheckpointKeeper: Sendable {
  private let log: any EventLog
  private let experiment: Experiment
  /// The experiment's own folder, then those of the experiments it was forked from.
  private let folders: [String]

  package init(log: any EventLog, experiment: Experiment, folders: [String]) {
    precondition(!folders.isEmpty, "an experiment has a folder")
    self.log = log
    self.experiment = experiment
    self.folders = folders
  }

  /// A recorded weights file.
  package struct Entry: Hashable, Codable, Sendable {
    package var checkpoint: Checkpoint
    /// Position of its `CheckpointSaved`.
    package var position: Int64
    /// Where it lies; nil if it is gone.
    package var path: String?
    /// Who wrote it: this experiment, or one that it was forked from.
    package var owner: ExperimentID
    package var isInherited: Bool

    package var policyVersion: PolicyVersion { checkpoint.policyVersion }
    package var file: String { checkpoint.file }
  }

  /// Every recorded file, oldest first.
  package func entries() async throws -> [Entry] {
    try await log.allEvents(of: experiment.id, types: ["CheckpointSaved"]).compactMap { recorded in
      guard case .checkpointSaved(let saved) = try recorded.event() else { return nil }
      let name = URL(fileURLWithPath: saved.file).lastPathComponent
      let path = folders.map { $0 + "/" + name }.first { FileManager.default.fileExists(atPath: $0) }
      return Entry(
        checkpoint: saved, position: recorded.position.rawValue, path: path, owner: recorded.experiment,
        isInherited: recorded.experiment != experiment.id)
    }
  }

  /// Removes the experiment's own files except those of every k-th version and the newest that is there.
  ///
  /// - Parameter dryRun: only say which.
  /// - Returns: what was, or would be, removed.
  package func thin(every: Int, dryRun: Bool) async throws -> [Entry] {
    precondition(every >= 1, "every \(every)")
    let present = try await entries().filter { $0.path != nil && !$0.isInherited }
    let newest = present.map(\.policyVersion).max()
    let kept = Set(present.filter { $0.policyVersion % every == 0 || $0.policyVersion == newest }.map(\.file))
    let removed = present.filter { !kept.contains($0.file) }
    for entry in removed where !dryRun {
      if let path = entry.path { try FileManager.default.removeItem(atPath: path) }
    }
    return removed
  }

  /// Brings the learner to a version and writes its weights, from the nearest checkpoint before it and the log's samples,
  /// each digest as recorded. A version that had a file gets that same file again, byte for byte.
  ///
  /// - Parameter learner: one that keeps every file, so that restoring an old version removes no new one.
  /// - Throws: `CheckpointUnknown` for a version the experiment does not have, `DigestMismatch`, the learner's errors.
  package func restore(
    _ version: PolicyVersion, with learner: any Learner, report: @escaping @Sendable (String) -> Void
  ) async throws -> Restored {
    guard (1...max(1, experiment.policyVersion)).contains(version), experiment.policyVersion > 0 else {
      throw CheckpointUnknown(name: experiment.name, version: version, last: experiment.policyVersion)
    }
    let recorded = try await entries().last { $0.policyVersion == version }
    if let recorded, let path = recorded.path {
      do {
        try await learner.load(recorded.checkpoint, experiment: recorded.owner)
        return Restored(path: path, wasPresent: true, isAsRecorded: true)
      } catch {
        report("checkpoint \(recorded.file) is not usable: \(error)")
      }
    }
    let position = try await WeightsRestorer(log: log, learner: learner)
      .restore(experiment, to: version, report: report)
    let anchors = try await anchors(before: recorded.map { Position($0.position) } ?? position.advanced(by: 1))
    var path = ""
    for anchor in anchors {
      let saved = try await learner.save(experiment: recorded?.owner ?? experiment.id, head: anchor)
      path = folders[0] + "/" + saved.file
      guard let recorded else { return Restored(path: path, wasPresent: false, isAsRecorded: false) }
      if saved.file == recorded.file { return Restored(path: path, wasPresent: false, isAsRecorded: true) }
      if anchor != anchors.last { try FileManager.default.removeItem(atPath: path) }
    }
    return Restored(path: path, wasPresent: false, isAsRecorded: false)
  }

  /// A file that is there now.
  package struct Restored: Hashable, Sendable {
    package var path: String
    package var wasPresent: Bool
    /// Whether it is a recorded file, which the experiment itself can use.
    package var isAsRecorded: Bool
  }

  /// Where the log ended when a file was written: right before its event, or a few appends of others earlier.
  private func anchors(before position: Position) async throws -> [LogAnchor] {
    let first = max(0, position.rawValue - 1 - Self.anchorsMax)
    let appends = try await log.appends(after: Position(first), limit: Int(Self.anchorsMax) + 1)
    return appends.filter { $0.last < position }.reversed().map {
      LogAnchor(position: $0.last.rawValue, hash: $0.hash.hexadecimal)
    }
  }

  /// Appends of others that may have come between reading the head and recording the file.
  private static let anchorsMax: Int64 = 8
}

/// A version of the weights that the experiment does not have.
package struct CheckpointUnknown: Error, CustomStringConvertible {
  package var name: String
  package var version: PolicyVersion
  package var last: PolicyVersion

  package var description: String {
    last == 0
      ? "\(name) has no weights of its own yet: version 0 is the base model"
      : "\(name) has no version \(version); allowed is 1 to \(last)"
  }
}
