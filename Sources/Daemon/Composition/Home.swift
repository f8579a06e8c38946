import Foundation

/// Where things are on this machine: the state of an installation, and the files that come with the software.
package struct Home: Sendable {
  /// State: models, checkpoints, the private database cluster. `$AUTODIDACT_HOME`, else `.autodidact` beside the software.
  package var state: URL
  /// The folder that holds `migrations` and `configs`.
  package var share: URL

  package init(state: URL, share: URL) {
    self.state = state
    self.share = share
  }

  /// Finds both for a running executable.
  ///
  /// The software's folder is the nearest one above the executable, or above the working directory, that holds
  /// `migrations`; `$AUTODIDACT_SHARE` overrides it.
  /// - Throws: `NotFound` naming the places that were tried.
  package static func find(environment: [String: String], executable: String, directory: String) throws -> Home {
    let share: URL
    if let given = environment["AUTODIDACT_SHARE"], !given.isEmpty {
      share = URL(fileURLWithPath: given)
    } else {
      let program = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
      let starts = [program, URL(fileURLWithPath: directory)]
      guard let found = starts.lazy.compactMap(Self.folderWithMigrations).first else {
        throw NotFound(tried: starts.map(\.path))
      }
      share = found
    }
    let given = environment["AUTODIDACT_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    let state = given.map { URL(fileURLWithPath: $0) } ?? share.appendingPathComponent(".autodidact")
    return Home(state: state, share: share)
  }

  private static func folderWithMigrations(above start: URL) -> URL? {
    var folder = start
    while true {
      let migrations = folder.appendingPathComponent("migrations/0001_log.sql").path
      if FileManager.default.fileExists(atPath: migrations) { return folder }
      if folder.path == "/" { return nil }
      folder = folder.deletingLastPathComponent()
    }
  }

  package var migrations: URL { share.appendingPathComponent("migrations") }
  package var models: URL { state.appendingPathComponent("models") }
  /// Weights files of one experiment.
  package func checkpoints(_ experiment: String) -> URL {
    state.appendingPathComponent("checkpoints").appendingPathComponent(experiment)
  }

  /// The software's own files are nowhere above the executable or the working directory.
  package struct NotFound: Error, CustomStringConvertible {
    package var tried: [String]
    package var description: String {
      "no folder with migrations/0001_log.sql above \(tried.joined(separator: " or ")); set AUTODIDACT_SHARE to the checkout"
    }
  }
}
