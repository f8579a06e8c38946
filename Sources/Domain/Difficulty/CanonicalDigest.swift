import Crypto
import Foundation

/// Bytes of a fold's state in a fixed order and form, hashed as they come: whole numbers as eight little-endian bytes, texts
/// with their length before them. Much faster than encoding JSON for it.
struct CanonicalDigest {
  private var hash = SHA256()
  private var bytes: [UInt8] = []

  private static let chunk = 1 << 16

  mutating func add(_ number: Int) {
    withUnsafeBytes(of: Int64(number).littleEndian) { bytes.append(contentsOf: $0) }
    if bytes.count >= Self.chunk { flush() }
  }

  mutating func add(_ text: String) {
    add(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func add(_ id: ProposalID) {
    add(id.iteration)
    add(Int(id.kind.randomTag))
    add(id.slot)
  }

  mutating func add(_ counts: [VersionCount]) {
    add(counts.count)
    for count in counts {
      add(count.version)
      add(count.solves.attempts)
      add(count.solves.correct)
    }
  }

  private mutating func flush() {
    hash.update(data: bytes)
    bytes.removeAll(keepingCapacity: true)
  }

  /// SHA-256 in hexadecimal.
  mutating func finalize() -> String {
    flush()
    return hash.finalize().hexadecimal
  }
}
