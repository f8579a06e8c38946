/// Why an archive file could not be written or is not what it says. Always names the file.
package enum ArchiveError: Error, Hashable, Sendable {
  /// The system refused; `what` is what was tried.
  case system(file: String, what: String, reason: String)
  /// The bytes are damaged, cut off, or not an archive. `offset` is where the bad block begins.
  case damaged(file: String, offset: Int, reason: String)
  /// The bytes are whole, but what they record contradicts itself or what was expected.
  case contradiction(file: String, position: Position?, reason: String)
  /// Written by a newer program.
  case unknownFormat(file: String, found: String, known: String)
}

extension ArchiveError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let file, let what, let reason): "\(file): \(what): \(reason)"
    case .damaged(let file, let offset, let reason): "\(file) is damaged at byte \(offset): \(reason)"
    case .contradiction(let file, let position, let reason):
      "\(file)" + (position.map { ", position \($0)" } ?? "") + ": \(reason)"
    case .unknownFormat(let file, let found, let known): "\(file) has the format \(found); this program reads \(known)"
    }
  }
}
