import Foundation
import Logging

/// The one thing of a daemon that can be read again while it runs: its log level, one word in a file. Read at the start where
/// `--log-level` is not given, and whenever SIGHUP comes.
package struct LogLevelFile: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  /// `$AUTODIDACT_HOME/log-level`.
  package init(home: Home) { self.init(path: home.state.appendingPathComponent("log-level").path) }

  /// The words that are levels here.
  package static let levels = ["debug", "info", "warning", "error"]

  /// nil if there is no such file, or nothing in it.
  /// - Throws: `Malformed`.
  package func read() throws(Malformed) -> Logger.Level? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    let word = String(decoding: data.prefix(100), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard !word.isEmpty else { return nil }
    guard Self.levels.contains(word), let level = Logger.Level(rawValue: word) else {
      throw Malformed(path: path, found: word)
    }
    return level
  }

  /// The file says something else.
  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package var path: String
    package var found: String

    package init(path: String, found: String) {
      self.path = path
      self.found = found
    }

    package var description: String {
      "\(path) says '\(found)', allowed are \(LogLevelFile.levels.joined(separator: ", "))"
    }
  }
}
