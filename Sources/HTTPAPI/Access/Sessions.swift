import Crypto
import Foundation
import Synchronization

/// The browsers that have logged in. In memory: a restart logs everybody out, and nothing has to be protected on disk.
///
/// The cookie holds a random number that means nothing elsewhere; the token itself is in no cookie.
final class Sessions: Sendable {
  private struct Session {
    var token: String
    var expires: Double
  }

  /// Older ones make room.
  private static let sessionsMax = 1000
  /// Seconds until the login page comes again.
  static let life = 12.0 * 3600
  static let cookie = "autodidact_session"

  private let key: SymmetricKey
  private let now: @Sendable () -> Double
  private let random: @Sendable (Int) -> [UInt8]
  private let sessions = Mutex<[String: Session]>([:])

  /// - Parameters:
  ///   - now: seconds of a monotonic clock.
  ///   - random: random bytes.
  init(now: @escaping @Sendable () -> Double, random: @escaping @Sendable (Int) -> [UInt8]) {
    self.now = now
    self.random = random
    key = SymmetricKey(data: random(32))
  }

  /// Begins a session of a token and returns what the cookie is to hold.
  func begin(token id: String) -> String {
    let value = AccessToken.hexadecimal(random(32))
    let time = now()
    sessions.withLock { sessions in
      sessions = sessions.filter { $0.value.expires > time }
      if sessions.count >= Self.sessionsMax, let oldest = sessions.min(by: { $0.value.expires < $1.value.expires }) {
        sessions[oldest.key] = nil
      }
      sessions[value] = Session(token: id, expires: time + Self.life)
    }
    return value
  }

  /// The id of the token that a cookie's session was begun with; nil if it is over or never was.
  func token(of value: String) -> String? {
    let time = now()
    return sessions.withLock { $0[value].flatMap { $0.expires > time ? $0.token : nil } }
  }

  func end(_ value: String) { sessions.withLock { $0[value] = nil } }

  /// What the forms of a session carry; another site cannot know it. Without a session, where none is needed, it belongs to
  /// this process.
  func csrfToken(of session: String?) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: Data("csrf:\(session ?? "local")".utf8), using: key)
    return AccessToken.hexadecimal(Array(code))
  }
}
