import Crypto
import Foundation

/// What a token allows. `operate` includes `read`.
package enum Scope: String, Codable, Sendable, CaseIterable, Comparable {
  case read, operate

  package static func < (left: Scope, right: Scope) -> Bool { left == .read && right == .operate }
}

/// A bearer token as its owner holds it: `ad_ID_SECRET`. Shown once, when it is made; only its hash is kept.
///
/// The id is no secret: it finds the entry, names the token in lists and in the reasons of requests.
package struct AccessToken: Sendable {
  package let id: String
  /// 32 random bytes in hexadecimal.
  package let secret: String

  /// What is typed and sent.
  package var text: String { "ad_\(id)_\(secret)" }

  /// - Parameter random: as many random bytes as asked for; the system's generator outside tests.
  package init(random: (Int) -> [UInt8]) {
    id = Self.hexadecimal(random(4))
    secret = Self.hexadecimal(random(32))
  }

  /// Reads `text`; nil for anything that cannot be a token.
  package init?(_ text: String) {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "ad", Self.isHexadecimal(parts[1], digits: 8),
      Self.isHexadecimal(parts[2], digits: 64)
    else { return nil }
    id = String(parts[1])
    secret = String(parts[2])
  }

  /// SHA-256 of salt and secret. One round is enough: the secret is 256 random bits, which nobody guesses however quick the
  /// hash is; slow hashes are for passwords that people choose.
  package func hash(salt: String) -> String {
    Self.hexadecimal(Array(SHA256.hash(data: Data("\(salt):\(secret)".utf8))))
  }

  package static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static func isHexadecimal(_ text: Substring, digits: Int) -> Bool {
    text.utf8.count == digits && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// Compares without saying, by the time it takes, where the difference is.
  static func isEqual(_ left: String, _ right: String) -> Bool {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// What is kept of a token.
package struct TokenEntry: Codable, Hashable, Sendable {
  package var id: String
  /// What its owner calls it, such as `grafana`.
  package var name: String
  package var scope: Scope
  package var salt: String
  package var hash: String
  /// Seconds since 1970.
  package var createdAt: Int64

  /// Whether this is the token's entry.
  package func admits(_ token: AccessToken) -> Bool {
    id == token.id && AccessToken.isEqual(hash, token.hash(salt: salt))
  }
}
