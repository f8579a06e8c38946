import Domain
import Environments
import EventLog
import Foundation

/// Finds suites: the frozen ones that come with the software by name, others by path.
package struct SuiteFile: Sendable {
  private let home: Home

  package init(home: Home) { self.home = home }

  /// One line of `suites/manifest.tsv`: a frozen suite's name, file and SHA-256.
  package struct Entry: Hashable, Sendable {
    package var name: String
    package var file: String
    package var digest: String
  }

  /// The frozen suites.
  /// - Throws: `SuiteError` with file and line.
  package func manifest() throws -> [Entry] {
    let path = home.share.appendingPathComponent("suites/manifest.tsv").path
    let lines = try read(path).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return try lines.enumerated().compactMap { index, bytes in
      let line = String(decoding: bytes, as: UTF8.self)
      if line.isEmpty || line.hasPrefix("#") { return nil }
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard columns.count == 3, columns[2].count == 64 else {
        throw SuiteError(file: path, line: index + 1, reason: "a suite is name, file and sha256, separated by tabs")
      }
      return Entry(name: columns[0], file: columns[1], digest: columns[2])
    }
  }

  /// Reads the suite of a name of the manifest, whose digest must be the manifest's, or of a path to a `.jsonl` or `.jsonl.gz` file.
  /// - Throws: `SuiteError`.
  package func suite(_ name: String) throws -> Suite {
    let known = try manifest()
    guard let entry = known.first(where: { $0.name == name }) else { return try file(name, known) }
    let path = home.share.appendingPathComponent("suites/\(entry.file)").path
    let suite = try Suite.read(try read(path), name: name, file: path)
    guard suite.digest == entry.digest else {
      throw SuiteError(
        file: path,
        reason: "its sha256 is \(suite.digest), the manifest says \(entry.digest): a frozen suite was changed")
    }
    return suite
  }

  private func file(_ path: String, _ known: [Entry]) throws -> Suite {
    guard path.contains(".jsonl") else {
      throw SuiteError(
        file: path,
        reason:
          "no suite; there are \(known.map(\.name).joined(separator: ", ")), and paths to .jsonl or .jsonl.gz files")
    }
    var content = try read(path)
    if path.hasSuffix(".gz") {
      guard let expanded = Gzip.expand(content, bytesMax: Suite.bytesMax) else {
        throw SuiteError(file: path, reason: "no gzip file, damaged, or more than \(Suite.bytesMax) bytes of content")
      }
      content = expanded
    }
    let name = URL(fileURLWithPath: path).lastPathComponent
    return try Suite.read(
      content, name: String(name.prefix(upTo: name.range(of: ".jsonl")?.lowerBound ?? name.endIndex)), file: path)
  }

  private func read(_ path: String) throws -> Data {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw SuiteError(file: path, reason: "it cannot be read")
    }
    defer { try? handle.close() }
    return try handle.read(upToCount: Suite.bytesMax + 1) ?? Data()
  }
}
