import Crypto
import Foundation

/// Writes an archive file, record by record, in memory that does not grow with it.
///
/// The file appears under its name only when it is whole and on the disk (temporary name → fsync → rename → fsync of the
/// folder); an abandoned writer removes what it began. `ArchiveExport` drives it.
package final class ArchiveWriter {
  package let path: String
  private let header: ArchiveHeader
  private let file: FileHandle
  private var temporary: String { path + ".temporary" }
  private var encoder = RecordEncoder()
  private var hasher = SHA256()
  private var tree = MerkleTree()
  private var trailer = ArchiveTrailer()
  private var isFinished = false

  /// Begins the file with its header.
  /// - Throws: `.system` when the file cannot be created.
  package init(path: String, header: ArchiveHeader) throws(ArchiveError) {
    self.path = path
    self.header = header
    let temporary = path + ".temporary"
    guard FileManager.default.createFile(atPath: temporary, contents: nil),
      let file = FileHandle(forWritingAtPath: temporary)
    else { throw .system(file: path, what: "cannot be created", reason: String(cString: strerror(errno))) }
    self.file = file
    try put(ArchiveFormat.magic)
    try writeBlock(.header, Array(Self.json(header)))
  }

  deinit {
    try? file.close()
    if !isFinished { try? FileManager.default.removeItem(atPath: temporary) }
  }

  /// Adds the next record. The caller keeps the order of the log; `ArchiveAudit` would find a wrong one.
  package func add(_ record: ArchiveRecord) throws(ArchiveError) {
    encoder.encode(record)
    switch record {
    case .append: trailer.appends += 1
    case .link: trailer.links += 1
    case .event(let event, let generation):
      trailer.events += 1
      if generation != nil { trailer.generations += 1 }
      tree.add(EventLeaf.hash(event, generation))
    }
    if encoder.bytes.count >= ArchiveFormat.blockBytes { try flush() }
  }

  /// Ends the file and gives it its name. Nothing can be added afterwards.
  /// - Parameter check: reads the file, complete and synced, at its temporary path; what it throws keeps the file from
  ///   getting its name.
  package func finish(check: (String) throws -> Void = { _ in }) throws -> ArchiveTrailer {
    precondition(!isFinished, "\(path) is finished already")
    try flush()
    trailer.root = tree.root.hexadecimal
    trailer.contentDigest = Data(hasher.finalize()).hexadecimal
    try writeBlock(.trailer, Array(Self.json(trailer)))
    try attempt("cannot be synced") { try file.synchronize() }
    try check(temporary)
    guard rename(temporary, path) == 0 else {
      throw ArchiveError.system(file: path, what: "cannot be given its name", reason: String(cString: strerror(errno)))
    }
    isFinished = true
    try syncFolder()
    return trailer
  }

  private func syncFolder() throws(ArchiveError) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      throw .system(file: folder, what: "cannot be synced", reason: String(cString: strerror(errno)))
    }
  }

  private func flush() throws(ArchiveError) {
    guard !encoder.bytes.isEmpty else { return }
    try writeBlock(.records, encoder.bytes)
    encoder.removeAll()
  }

  private func writeBlock(_ block: ArchiveFormat.Block, _ bytes: [UInt8]) throws(ArchiveError) {
    precondition(bytes.count <= ArchiveFormat.blockBytesMax, "a block of \(bytes.count) bytes")
    // The trailer is kept as it is: the unused bits at the end of a packed block could be flipped unseen.
    let stored = block == .trailer ? bytes : Deflate.compress(bytes)
    var frame: [UInt8] = []
    for number in [block.rawValue, UInt32(bytes.count), UInt32(stored.count)] {
      withUnsafeBytes(of: number.littleEndian) { frame.append(contentsOf: $0) }
    }
    try put(frame)
    try put(stored)
  }

  private func put(_ bytes: [UInt8]) throws(ArchiveError) {
    hasher.update(data: bytes)
    try attempt("cannot be written") { try file.write(contentsOf: bytes) }
  }

  private func attempt(_ what: String, _ body: () throws -> Void) throws(ArchiveError) {
    do { try body() } catch { throw .system(file: path, what: what, reason: "\(error)") }
  }

  private static func json(_ value: some Encodable) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return try encoder.encode(value) } catch { preconditionFailure("\(value) cannot be encoded: \(error)") }
  }
}
