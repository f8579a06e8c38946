import Crypto
import FoundationEssentials

/// A range of positions that events and generations are kept in together: sealed with a root, exported to a file, and
/// detached from the database when it is full and no longer needed (`log.segments`).
package struct SegmentRecord: Hashable, Sendable {
  package let number: Int
  package let first: Position
  /// Of an open segment: what will be.
  package let last: Position
  package let state: SegmentState
  /// Root of the Merkle tree over its events (`EventLeaf`); nil while open.
  package let root: Data?
  /// Where it was exported to, with the digest and the size of that file.
  package let file: String?
  package let fileDigest: Data?
  package let fileBytes: Int64?

  package init(
    number: Int, first: Position, last: Position, state: SegmentState, root: Data?, file: String? = nil,
    fileDigest: Data? = nil, fileBytes: Int64? = nil
  ) {
    self.number = number
    self.first = first
    self.last = last
    self.state = state
    self.root = root
    self.file = file
    self.fileDigest = fileDigest
    self.fileBytes = fileBytes
  }

  package func contains(_ position: Position) -> Bool { (first...last).contains(position) }
}

/// How far a segment has come on its way out of the database.
package enum SegmentState: String, Hashable, Sendable, CaseIterable {
  case open, sealed, exported, detached
}

/// A fold as it was at some version of an experiment: `read.snapshots`. Discardable; `verify` folds again and compares.
package struct FoldSnapshot: Hashable, Sendable {
  /// Name and version of the fold's code.
  package let fold: String
  package let version: Int64
  package let position: Position
  package let bytes: Data
  /// sha256 of the bytes as it was when they were saved.
  package let digest: Data

  /// - Parameter digest: as it was kept; nil takes that of the bytes.
  package init(fold: String, version: Int64, position: Position, bytes: Data, digest: Data? = nil) {
    self.fold = fold
    self.version = version
    self.position = position
    self.bytes = bytes
    self.digest = digest ?? Data(SHA256.hash(data: bytes))
  }

  /// Whether the bytes are still those that were saved.
  package var isWhole: Bool { Data(SHA256.hash(data: bytes)) == digest }
}
