import Foundation

/// The models this software knows by name: `configs/models.tsv`, which `ops/fetch-model` reads too.
package struct ModelCatalogue: Sendable {
  /// One line of the catalogue.
  package struct Entry: Hashable, Sendable {
    package var name: String
    /// File name in the models folder.
    package var file: String
    package var bytes: Int
    package var digest: String
  }

  package let entries: [Entry]
  private let models: URL

  /// - Throws: `Malformed` with file and line.
  package init(home: Home) throws {
    models = home.models
    let file = home.share.appendingPathComponent("configs/models.tsv")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
    entries = try lines.enumerated().compactMap { number, line in
      if line.isEmpty || line.hasPrefix("#") { return nil }
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard columns.count == 5, let bytes = Int(columns[2]), columns[3].count == 64 else {
        throw Malformed(file: file.path, line: number + 1)
      }
      return Entry(name: columns[0], file: columns[1], bytes: bytes, digest: columns[3])
    }
  }

  /// - Throws: `Unknown` with the names there are.
  package func entry(_ name: String) throws -> Entry {
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw Unknown(name: name, known: entries.map(\.name))
    }
    return entry
  }

  /// The model's file, which must be there.
  /// - Throws: `Unknown`, `Missing`.
  package func file(_ name: String) throws -> String {
    let entry = try entry(name)
    let path = models.appendingPathComponent(entry.file).path
    guard FileManager.default.fileExists(atPath: path) else { throw Missing(name: name, path: path) }
    return path
  }

  package struct Malformed: Error, CustomStringConvertible {
    package var file: String
    package var line: Int
    package var description: String {
      "\(file):\(line): a model is name, file, bytes, sha256 and sources, separated by tabs"
    }
  }

  package struct Unknown: Error, CustomStringConvertible {
    package var name: String
    package var known: [String]
    package var description: String {
      "model.name is '\(name)', which is not in configs/models.tsv; there are: \(known.joined(separator: ", "))"
    }
  }

  package struct Missing: Error, CustomStringConvertible {
    package var name: String
    package var path: String
    package var description: String { "the model \(name) is not at \(path); fetch it with: ops/fetch-model \(name)" }
  }
}
