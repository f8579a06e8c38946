import Engine
import Foundation

/// The models this software knows by name: `configs/models.tsv`, which `ops/fetch-model` reads too, and what lies in the
/// models folder: a Hugging Face folder by its name, a GGUF file by its name without the ending.
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

  /// What is known about a model: its line of the catalogue, or, for one that was put into the models folder by hand, what
  /// is found there, its digest computed.
  /// - Throws: `Unknown` with the names there are, `ModelFileError` for a folder that is no model.
  package func entry(_ name: String) throws -> Entry {
    if let entry = entries.first(where: { $0.name == name }) { return entry }
    guard let path = local(name) else { throw Unknown(name: name, known: entries.map(\.name)) }
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    return Entry(
      name: name, file: URL(fileURLWithPath: path).lastPathComponent, bytes: size ?? 0,
      digest: try Model.digest(of: path))
  }

  /// The model's file or folder, which must be there.
  /// - Throws: `Unknown`, `Missing`.
  package func file(_ name: String) throws -> String {
    guard let entry = entries.first(where: { $0.name == name }) else {
      guard let path = local(name) else { throw Unknown(name: name, known: entries.map(\.name)) }
      return path
    }
    let path = models.appendingPathComponent(entry.file).path
    guard FileManager.default.fileExists(atPath: path) else { throw Missing(name: name, path: path) }
    return path
  }

  /// Where `name` leads: itself when it has a slash, else as `file` finds it; nil when no model has this name.
  /// - Throws: `Missing` for a model of the catalogue that was not fetched.
  package func path(_ name: String) throws -> String? {
    if name.contains("/") { return name }
    guard entries.contains(where: { $0.name == name }) else { return local(name) }
    return try file(name)
  }

  /// A Hugging Face folder `NAME` or a file `NAME.gguf` in the models folder.
  private func local(_ name: String) -> String? {
    guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else { return nil }
    let folder = models.appendingPathComponent(name).path
    return [folder + "/config.json", folder + ".gguf"].first { FileManager.default.fileExists(atPath: $0) }
      .map { $0.hasSuffix(".gguf") ? $0 : folder }
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
      """
      model.name is '\(name)', which is neither in configs/models.tsv nor in the models folder; the catalogue has: \
      \(known.joined(separator: ", "))
      """
    }
  }

  package struct Missing: Error, CustomStringConvertible {
    package var name: String
    package var path: String
    package var description: String { "the model \(name) is not at \(path); fetch it with: ops/fetch-model \(name)" }
  }
}
