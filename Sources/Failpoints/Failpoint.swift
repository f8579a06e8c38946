/// The named places where a process can be made to die, freeze, fail or wait, so that a test can do it exactly there.
///
/// `AUTODIDACT_FAILPOINT=name[:n][:action]` arms one of them in a program; without it every point is a no-op that costs
/// one atomic load. The list is closed: `autodidactd --failpoints` prints it and `ops/fault-test` kills at each.
package enum Failpoint: String, CaseIterable, Sendable {
  case epochRaised = "epoch.raised"
  case weightsRestored = "weights.restored"
  case appendBefore = "append.before"
  case appendCommitted = "append.committed"
  case appendEvolved = "append.evolved"
  case learnerRead = "learner.read"
  case learnerUpdated = "learner.updated"
  case fileCreated = "file.created"
  case fileWritten = "file.written"
  case fileSynced = "file.synced"
  case fileRenamed = "file.renamed"
  case fileDurable = "file.durable"
  case checkpointSaved = "checkpoint.saved"
  case epochReleasing = "epoch.releasing"

  /// What is true at this point, for people.
  package var meaning: String {
    switch self {
    case .epochRaised: "the writer epoch is ours, nothing is appended under it"
    case .weightsRestored: "the weights are those of the log's policy version, the first step has not begun"
    case .appendBefore: "a step is performed, nothing of it is in the log"
    case .appendCommitted: "the step's events are in the log, the fold in memory does not know them"
    case .appendEvolved: "the step's events are in the log and in the fold, nobody has been told"
    case .learnerRead: "the learner has read its batch from the log, the weights are untouched"
    case .learnerUpdated: "the weights in memory have moved, the update is not in the log"
    case .fileCreated: "a weights file exists under its temporary name, empty"
    case .fileWritten: "the temporary file is written, not synced"
    case .fileSynced: "the temporary file is synced, not renamed"
    case .fileRenamed: "the file has its name, the folder is not synced"
    case .fileDurable: "the file is durable, older ones are not yet removed, nothing is recorded"
    case .checkpointSaved: "the file is durable, older ones are removed, CheckpointSaved is not in the log"
    case .epochReleasing: "the run is over, its epoch is not released"
    }
  }

  /// Does nothing unless this point is armed and its turn has come. Called by the code that is to be tested, once at
  /// each place.
  /// - Throws: `FailpointError.failed` if the armed action is `fail`.
  package func pass() throws(FailpointError) {
    guard Armament.isArmed, let action = Armament.action(at: self) else { return }
    try action.perform(at: self)
  }
}

/// What a failpoint does, or why a specification of one was refused.
package enum FailpointError: Error, Hashable, Sendable, CustomStringConvertible {
  case failed(Failpoint)
  case unknown(String)
  case malformed(String)

  package var description: String {
    switch self {
    case .failed(let point): "failpoint \(point.rawValue)"
    case .unknown(let name):
      "AUTODIDACT_FAILPOINT names '\(name)'; there are: "
        + Failpoint.allCases.map(\.rawValue).joined(separator: ", ")
    case .malformed(let text):
      "AUTODIDACT_FAILPOINT is '\(text)', allowed is name[:n][:action] with n from 1 and the actions kill, stop, fail "
        + "and delay=MILLISECONDS"
    }
  }
}
