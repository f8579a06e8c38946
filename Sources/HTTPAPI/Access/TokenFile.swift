import Foundation
import Glibc

/// The tokens of an installation: a file of mode 0600 in its state folder (docs/decisions/0010-http.md says why not a table).
///
/// It is replaced whole, so that a reader sees the old or the new one. The server looks at it for each request that carries a
/// token: a revoked token is refused at once.
package struct TokenFile: Sendable {
  private let path: String
  /// More are refused: a list nobody can oversee.
  package static let entriesMax = 1000

  /// - Parameter folder: the state folder of the installation.
  package init(folder: URL) { path = folder.appendingPathComponent("tokens.json").path }

  /// All tokens in the order they were made; none without a file.
  /// - Throws: `TokenError` for a file that others can read, or that cannot be read.
  package func entries() throws(TokenError) -> [TokenEntry] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { return [] }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & 0o077 == 0 else { throw .exposed(path: path, mode: Int(status.st_mode & 0o777)) }
    do {
      return try JSONDecoder().decode([TokenEntry].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .unreadable(path: path, reason: "not a list of tokens")
    }
  }

  /// Makes a token and keeps its hash.
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - random: random bytes.
  package func create(
    _ name: String, scope: Scope, now: Int64, random: (Int) -> [UInt8]
  ) throws(TokenError) -> AccessToken {
    guard (1...64).contains(name.utf8.count), name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
    else {
      throw .invalidName(name)
    }
    let token = AccessToken(random: random)
    let salt = AccessToken.hexadecimal(random(16))
    try change { (entries: inout [TokenEntry]) throws(TokenError) in
      guard entries.count < Self.entriesMax else { throw .tooMany(Self.entriesMax) }
      guard !entries.contains(where: { $0.name == name }) else { throw .nameTaken(name) }
      entries.append(
        TokenEntry(id: token.id, name: name, scope: scope, salt: salt, hash: token.hash(salt: salt), createdAt: now))
    }
    return token
  }

  /// Removes the token with this id or name.
  /// - Returns: what was removed.
  package func revoke(_ idOrName: String) throws(TokenError) -> TokenEntry {
    var removed: TokenEntry?
    try change { (entries: inout [TokenEntry]) throws(TokenError) in
      guard let index = entries.firstIndex(where: { $0.id == idOrName || $0.name == idOrName }) else {
        throw .unknown(idOrName, known: entries.map(\.name))
      }
      removed = entries.remove(at: index)
    }
    guard let removed else { throw .unknown(idOrName, known: []) }
    return removed
  }

  /// One change at a time, whatever the number of processes.
  private func change(_ body: (inout [TokenEntry]) throws(TokenError) -> Void) throws(TokenError) {
    let lock = open(path + ".lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX) == 0 else { throw failure() }
    defer { close(lock) }
    var entries = try entries()
    try body(&entries)
    try write(entries)
  }

  private func write(_ entries: [TokenEntry]) throws(TokenError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    guard let bytes = try? encoder.encode(entries) else { throw .unreadable(path: path, reason: "cannot be encoded") }
    let temporary = path + ".new"
    unlink(temporary)
    let file = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure() }
    let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    let isSafe = written == bytes.count && fsync(file) == 0
    close(file)
    guard isSafe, rename(temporary, path) == 0 else { throw failure() }
  }

  private func failure() -> TokenError { .unreadable(path: path, reason: String(cString: strerror(errno))) }
}

/// Why a token cannot be made, found or removed. Never holds a secret.
package enum TokenError: Error, Hashable, Sendable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  /// The file can be read by others.
  case exposed(path: String, mode: Int)
  case invalidName(String)
  case nameTaken(String)
  case unknown(String, known: [String])
  case tooMany(Int)

  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .exposed(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)), allowed is 600: others may have read it; revoke its tokens and chmod 600 it"
    case .invalidName(let name): "'\(name)' cannot name a token: allowed are 1 to 64 bytes without control characters"
    case .nameTaken(let name): "a token is named '\(name)' already"
    case .unknown(let name, let known):
      "no token has the id or name '\(name)'" + (known.isEmpty ? "" : "; there are: \(known.joined(separator: ", "))")
    case .tooMany(let limit): "there are \(limit) tokens, and no more are kept; revoke some"
    }
  }
}
