import Crypto
import Foundation

/// One file of `migrations/`, such as `0001_log.sql`.
struct MigrationFile: Sendable {
  let number: Int
  let name: String
  let text: String
  /// sha256 in hexadecimal.
  let checksum: String

  /// The folder's files in order: 1, 2, 3 … without a gap. Other kinds of files are not looked at.
  static func all(in folder: URL) throws(MigrationError) -> [MigrationFile] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }.sorted()
    } catch {
      throw .folder("\(folder.path) cannot be read: \(error)")
    }
    var files: [MigrationFile] = []
    for name in names { files.append(try MigrationFile(name: name, in: folder)) }
    for (index, file) in files.enumerated() where file.number != index + 1 {
      throw .folder("\(folder.path) has \(file.name) where number \(index + 1) is due")
    }
    guard !files.isEmpty else { throw .folder("\(folder.path) holds no migrations") }
    return files
  }

  private init(name: String, in folder: URL) throws(MigrationError) {
    guard let match = name.wholeMatch(of: /(\d{4})_[a-z0-9_]+\.sql/), let number = Int(match.1) else {
      throw .folder("\(name) is not named like 0001_log.sql")
    }
    do {
      let bytes = try Data(contentsOf: folder.appending(path: name))
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw MigrationError.folder("\(name) is not UTF-8")
      }
      self.number = number
      self.name = name
      self.text = text
      checksum = SHA256.hash(data: bytes).map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
      }.joined()
    } catch let error as MigrationError {
      throw error
    } catch {
      throw .folder("\(name) cannot be read: \(error)")
    }
  }
}
