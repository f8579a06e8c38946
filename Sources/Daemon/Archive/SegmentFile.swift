import Crypto
import EventLog
import Foundation

/// The archive file of a segment on disk: where it lies, and whether it is whole.
package enum SegmentFile {
  /// The file is not that of the segment.
  package struct Mismatch: Error, CustomStringConvertible {
    package let file: String
    package let reason: String
    package var description: String { "\(file): \(reason)" }
  }

  /// Its name in a folder.
  package static func name(of segment: SegmentRecord) -> String {
    "segment-\(segment.number)-\(segment.first)-\(segment.last).adlog"
  }

  /// sha256 and size of a file, read in pieces.
  package static func digest(_ path: String) throws -> (digest: Data, bytes: Int64) {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    var hasher = SHA256()
    var bytes: Int64 = 0
    while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
      hasher.update(data: piece)
      bytes += Int64(piece.count)
    }
    return (Data(hasher.finalize()), bytes)
  }

  /// Reads the whole file: digest, every record's links and digests, range, root.
  ///
  /// - Throws: `Mismatch`, `ArchiveError`.
  package static func check(_ path: String, of segment: SegmentRecord) throws {
    if let expected = segment.fileDigest {
      let found = try digest(path).digest
      guard found == expected else {
        throw Mismatch(file: path, reason: "its sha256 is \(found.hexadecimal), \(expected.hexadecimal) was recorded")
      }
    }
    let report = try ArchiveAudit.audit(path: path)
    guard report.header.experiment == nil, report.header.firstPosition == segment.first,
      report.header.lastPosition == segment.last
    else {
      throw Mismatch(
        file: path,
        reason: "it holds positions \(report.header.firstPosition)...\(report.header.lastPosition), not "
          + "\(segment.first)...\(segment.last)")
    }
    guard report.trailer.root == segment.root?.hexadecimal else {
      throw Mismatch(
        file: path, reason: "its root is \(report.trailer.root), the segment's \(segment.root?.hexadecimal ?? "none")")
    }
  }
}
