import Crypto
import FoundationEssentials

/// A text as one number, for comparing many: the first eight bytes of the SHA-256 of its UTF-8, big-endian, as a signed number.
/// `projection.text_key` is the same in SQL. Two different texts among a million share one with a probability of 3 in 10⁸.
package enum TextKey {
  /// Separates parts of a text, none of which has it.
  package static let separator: UInt8 = 1

  package static func key(_ text: some Sequence<UInt8>) -> Int64 {
    var hash = SHA256()
    hash.update(data: Array(text))
    return hash.finalize().prefix(8).reduce(0) { $0 << 8 | Int64($1) }
  }

  package static func key(_ text: String) -> Int64 { key(text.utf8) }
}
