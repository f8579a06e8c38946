import Crypto
import FoundationEssentials

/// The digest of one append: sha256 over length-prefixed canonical bytes of its events and their generations.
///
/// A writer computes it before it sends; an auditor computes it again from what it reads back. Bodies enter as the exact
/// bytes the writer gave, which is why the log keeps them exactly.
package struct AppendDigest {
  private var hasher = SHA256()
  private var buffer = CanonicalBytes()
  private var nextVersion: Int64

  /// Starts the digest of an append whose first event gets `firstVersion`.
  package init(experiment: ExperimentID, firstVersion: Int64, count: Int) {
    nextVersion = firstVersion
    buffer.add(text: "autodidact.append.1")
    buffer.add(experiment: experiment)
    buffer.add(integer: firstVersion)
    buffer.add(integer: Int64(count))
  }

  /// Adds the next event, as its writer gave it.
  package mutating func add(_ event: NewEvent) {
    buffer.add(integer: nextVersion)
    nextVersion += 1
    buffer.add(event)
    flush()
  }

  /// The digest, 32 bytes.
  package mutating func finish() -> Data {
    flush()
    return Data(hasher.finalize())
  }

  /// The digest of a whole append.
  package static func of(_ events: [NewEvent], experiment: ExperimentID, firstVersion: Int64) -> Data {
    var digest = AppendDigest(experiment: experiment, firstVersion: firstVersion, count: events.count)
    for event in events { digest.add(event) }
    return digest.finish()
  }

  private mutating func flush() {
    hasher.update(data: buffer.bytes)
    buffer.removeAll()
  }
}

/// The hash chain over appends: each hash covers the one before, so the head's hash covers the whole log.
package enum HashChain {
  /// The hash before the first append.
  package static let genesis = Data(repeating: 0, count: 32)

  /// The hash of one append. `log.append` in SQL computes the same bytes.
  package static func hash(
    previous: Data, digest: Data, first: Position, last: Position, epoch: Int64?, recordedAt: Timestamp, key: String
  ) -> Data {
    var bytes = Array(previous) + Array(digest)
    for integer in [first.rawValue, last.rawValue, epoch ?? -1, recordedAt.rawValue] {
      withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }
    bytes.append(contentsOf: key.utf8)
    return Data(SHA256.hash(data: bytes))
  }
}

extension Array where Element == Int32 {
  /// The bytes `log.generations.tokens` holds.
  package var littleEndianBytes: [UInt8] { map(\.littleEndian).withUnsafeBytes { [UInt8]($0) } }

  /// - Throws: `.corrupt` if the length is no multiple of 4.
  package init(littleEndianBytes bytes: some Collection<UInt8>) throws(EventLogError) {
    self = try words(bytes).map { Int32(bitPattern: $0) }
  }
}

extension Array where Element == Float {
  /// The bytes `log.generations.log_probabilities` holds: bit patterns, so that every value survives, NaN too.
  package var littleEndianBytes: [UInt8] { map(\.bitPattern.littleEndian).withUnsafeBytes { [UInt8]($0) } }

  /// - Throws: `.corrupt` if the length is no multiple of 4.
  package init(littleEndianBytes bytes: some Collection<UInt8>) throws(EventLogError) {
    self = try words(bytes).map { Float(bitPattern: $0) }
  }
}

private func words(_ bytes: some Collection<UInt8>) throws(EventLogError) -> [UInt32] {
  guard bytes.count.isMultiple(of: 4) else {
    throw .corrupt("\(bytes.count) bytes where 4-byte words are kept")
  }
  var words = [UInt32](repeating: 0, count: bytes.count / 4)
  words.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
  return words.map(UInt32.init(littleEndian:))
}
