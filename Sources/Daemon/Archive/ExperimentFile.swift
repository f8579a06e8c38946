import EventLog
import Foundation

/// One experiment in one file, to be taken to another machine: events, generations, settings, prompts and digests, of a fork
/// with what it shares of its parents' history. `export --log` and `certificate --export` write it; `import` and
/// `replay --file` read it.
package struct ExperimentFile: Sendable {
  package let path: String
  package let header: ArchiveHeader
  package let trailer: ArchiveTrailer
  /// Digest of what the experiment computed; equal wherever the file is imported.
  package let digest: ExperimentDigest
  /// The experiments of the stream, root first, the exported one last.
  package let parts: [Part]

  /// One experiment's part of the stream.
  package struct Part: Hashable, Sendable {
    package var id: ExperimentID
    package var name: String
    /// Of the last of its events that is in the file.
    package var version: Int64
    package var lastPosition: Position
  }

  /// What was asked of a file cannot be.
  package struct Refusal: Error, CustomStringConvertible {
    package let description: String
  }

  /// Name of the experiment where it was exported.
  package var name: String { parts[parts.count - 1].name }

  /// Writes an experiment's file. It is read back and checked completely before it gets its name, so that a damaged log is
  /// not exported.
  ///
  /// - Parameter force: replace a file that is there.
  /// - Throws: `Refusal` for a file that exists, `UnknownExperiment`, `ArchiveError`, the log's errors.
  package static func export(
    _ name: String, of log: any EventLog, to path: String, software: String, force: Bool
  ) async throws -> ExperimentFile {
    guard force || !FileManager.default.fileExists(atPath: path) else {
      throw Refusal(description: "\(path) exists already; --force replaces it")
    }
    let record = try await log.requireExperiment(name)
    var checked: ExperimentFile?
    _ = try await ArchiveExport.write(record, of: log, to: path, software: software) { checked = try check($0) }
    guard let checked else { preconditionFailure("\(path) got its name unchecked") }
    return ExperimentFile(
      path: path, header: checked.header, trailer: checked.trailer, digest: checked.digest, parts: checked.parts)
  }

  /// Reads a whole file and checks everything in it: bytes, chain, digests of events and generations, root, and that it is
  /// the whole stream of one experiment whose events this program knows, may follow each other, and fit in a log.
  ///
  /// - Throws: `ArchiveError`, `Refusal`.
  package static func check(_ path: String) throws -> ExperimentFile {
    var stream = StreamCheck(path: path)
    let report = try ArchiveAudit.audit(path: path) { try stream.take($0) }
    try stream.end()
    guard let experiment = report.header.experiment else {
      throw Refusal(description: "\(path) is a segment of a log, not an experiment; see: autodidact archive restore")
    }
    guard report.previousHash == HashChain.genesis else {
      throw Refusal(description: "\(path) does not begin with its log: the chain before its first append is missing")
    }
    let named = report.header.experiments
    guard stream.parts.last?.id == experiment, stream.parts.map(\.id) == named.map(\.id) else {
      throw Refusal(description: "\(path): its events are not those of the experiments its header names")
    }
    for (part, named) in zip(stream.parts, named) where part.name != named.name {
      throw Refusal(
        description: "\(path): its header calls experiment \(part.id) '\(named.name)', its events '\(part.name)'")
    }
    return ExperimentFile(
      path: path, header: report.header, trailer: report.trailer, digest: stream.digest, parts: stream.parts)
  }

  private init(
    path: String, header: ArchiveHeader, trailer: ArchiveTrailer, digest: ExperimentDigest, parts: [Part]
  ) {
    self.path = path
    self.header = header
    self.trailer = trailer
    self.digest = digest
    self.parts = parts
  }
}
