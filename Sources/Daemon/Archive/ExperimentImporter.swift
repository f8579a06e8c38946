import Domain
import EventLog
import Foundation

/// Takes an experiment's file into a log (`autodidact import`, `replay --file`).
///
/// The file is checked completely before anything is written. Its appends become appends here, one by one and in order:
/// an import that was interrupted goes on where it stopped, because what is there already is compared and not written
/// again. Ids, versions, bodies, generations and measures are kept. Positions, times, writer epochs, append keys and so
/// hashes are this log's own; causes are carried over to the new positions.
package struct ExperimentImporter: Sendable {
  private let log: any EventLog

  package init(log: any EventLog) { self.log = log }

  /// What an import did.
  package struct Outcome: Sendable {
    package var record: ExperimentRecord
    /// Events of the file, and how many of them were appended now; the others were there.
    package var events: Int
    package var appended: Int
    /// Digest of the file's experiment; the log's has been compared with it if the log has no further events.
    package var digest: ExperimentDigest
  }

  /// - Parameter name: another name for the experiment than where it was exported; nil to keep that.
  /// - Throws: `ArchiveError` and `ExperimentFile.Refusal` for a file that is not whole, names that are taken, and an
  ///   experiment that went on otherwise here; the log's errors.
  package func `import`(_ path: String, name: String? = nil) async throws -> Outcome {
    let file = try ExperimentFile.check(path)
    let names = try await names(file, name)
    var stream = ImportStream(log: log, file: file, names: names)
    do {
      try await stream.run(try ArchiveReader(path: path))
      await stream.release()
    } catch {
      await stream.release()
      throw error
    }
    guard let part = file.parts.last, let record = try await log.experiment(part.id) else {
      preconditionFailure("\(path) was imported without a record")
    }
    if record.version == part.version {
      let found = try await ExperimentDigest.of(record.id, in: log)
      guard found == file.digest else {
        throw EventLogError.corrupt(
          "\(record.name) was imported with digest \(found.hexadecimal), the file's is \(file.digest.hexadecimal)")
      }
    }
    return Outcome(record: record, events: file.trailer.events, appended: stream.appended, digest: file.digest)
  }

  /// What the experiments are called here: as they are already, as asked for, or as in the file.
  private func names(_ file: ExperimentFile, _ new: String?) async throws -> [ExperimentID: String] {
    if let new, !ExperimentCreator.isValid(name: new) { throw ExperimentCreator.InvalidName(name: new) }
    var names: [ExperimentID: String] = [:]
    for (index, part) in file.parts.enumerated() {
      let isExported = index == file.parts.count - 1
      let wanted = isExported ? new ?? part.name : part.name
      if let record = try await log.experiment(part.id) {
        if isExported, let new, record.name != new {
          throw ExperimentFile.Refusal(
            description: "\(file.path): experiment \(part.id) is in the log already, as \(record.name); it cannot be "
              + "imported a second time under a new id, because the digests of its appends cover the id")
        }
        names[part.id] = record.name
      } else if let other = try await log.experiment(named: wanted) {
        throw ExperimentFile.Refusal(
          description: "\(file.path): the name \(wanted) is taken here by experiment \(other.id)"
            + (isExported ? "; --name gives another" : ", and it is that of a parent in the file, which keeps its name")
        )
      } else {
        names[part.id] = wanted
      }
    }
    return names
  }
}
