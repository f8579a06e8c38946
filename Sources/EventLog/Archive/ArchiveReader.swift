import Crypto
import Foundation

/// Reads an archive file, record by record, in memory that does not grow with it.
///
/// Every block is checked as it is read, and the digest of the content when the trailer comes: a caller that has read to
/// the end has read what was written. What the records say is `ArchiveAudit`'s business.
package final class ArchiveReader {
  package let path: String
  package let header: ArchiveHeader
  /// What the file says of its records; nil until `next` has returned nil.
  package private(set) var trailer: ArchiveTrailer?
  private let blocks: BlockReader
  private var decoder = RecordDecoder([])

  /// Opens the file and reads its header.
  /// - Throws: `.system`, `.damaged`, `.unknownFormat`.
  package init(path: String) throws(ArchiveError) {
    self.path = path
    blocks = try BlockReader(path: path)
    guard let (kind, bytes) = try blocks.next(), kind == .header else {
      throw blocks.damage("it does not begin with a header")
    }
    // The format first: a newer one may have another header.
    struct Format: Decodable { var format: String }
    guard let format = try? JSONDecoder().decode(Format.self, from: Data(bytes)).format else {
      throw blocks.damage("its header cannot be read")
    }
    guard format == ArchiveHeader.currentFormat else {
      throw .unknownFormat(file: path, found: format, known: ArchiveHeader.currentFormat)
    }
    guard let header = try? JSONDecoder().decode(ArchiveHeader.self, from: Data(bytes)) else {
      throw blocks.damage("its header cannot be read")
    }
    guard header.isRange else {
      throw blocks.damage("its header says positions \(header.firstPosition) to \(header.lastPosition)")
    }
    self.header = header
  }

  /// The next record; nil at the end, when the whole content has been checked.
  /// - Throws: `.damaged` naming the block, `.system`.
  package func next() throws(ArchiveError) -> ArchiveRecord? {
    if trailer != nil { return nil }
    while decoder.isAtEnd {
      let digest = blocks.digest
      guard let (kind, bytes) = try blocks.next() else { throw blocks.damage("it is cut off: the trailer is missing") }
      switch kind {
      case .header: throw blocks.damage("a second header")
      case .records: decoder = RecordDecoder(bytes)
      case .trailer:
        try end(bytes, digest: digest)
        return nil
      }
    }
    do { return try decoder.next() } catch { throw blocks.damage(error.reason) }
  }

  private func end(_ bytes: [UInt8], digest: Data) throws(ArchiveError) {
    guard let trailer = try? JSONDecoder().decode(ArchiveTrailer.self, from: Data(bytes)) else {
      throw blocks.damage("its trailer cannot be read")
    }
    guard trailer.contentDigest == digest.hexadecimal else {
      throw blocks.damage("its content differs from its digest")
    }
    guard try blocks.next() == nil else { throw blocks.damage("something follows the trailer") }
    self.trailer = trailer
  }
}

/// The blocks of a file, each expanded, and the digest of the bytes so far.
private final class BlockReader {
  private let path: String
  private let file: FileHandle
  private var offset = 0
  private var blockOffset = 0
  private var hasher = SHA256()

  init(path: String) throws(ArchiveError) {
    self.path = path
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw .system(file: path, what: "cannot be opened", reason: String(cString: strerror(errno)))
    }
    self.file = file
    guard try read(ArchiveFormat.magic.count) == ArchiveFormat.magic else {
      throw .damaged(file: path, offset: 0, reason: "it does not begin as a log archive does")
    }
  }

  deinit { try? file.close() }

  /// sha256 of the bytes read so far.
  var digest: Data { Data(hasher.finalize()) }

  /// An error at the block read last.
  func damage(_ reason: String) -> ArchiveError { .damaged(file: path, offset: blockOffset, reason: reason) }

  /// The next block; nil at the end of the file.
  func next() throws(ArchiveError) -> (ArchiveFormat.Block, [UInt8])? {
    blockOffset = offset
    let frame = try read(ArchiveFormat.frameBytes)
    if frame.isEmpty { return nil }
    guard frame.count == ArchiveFormat.frameBytes else { throw damage("it is cut off") }
    let numbers = stride(from: 0, to: frame.count, by: 4).map { start in
      frame[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    guard let kind = ArchiveFormat.Block(rawValue: numbers[0]) else { throw damage("a block of kind \(numbers[0])") }
    let (length, storedLength) = (Int(numbers[1]), Int(numbers[2]))
    guard length <= ArchiveFormat.blockBytesMax, storedLength <= 2 * ArchiveFormat.blockBytesMax else {
      throw damage("a block of \(max(length, storedLength)) bytes")
    }
    let stored = try read(storedLength)
    guard stored.count == storedLength else { throw damage("it is cut off") }
    guard let bytes = kind == .trailer ? stored : Deflate.expand(stored, length: length), bytes.count == length else {
      throw damage("a block cannot be expanded")
    }
    return (kind, bytes)
  }

  /// `count` bytes, or fewer at the end of the file.
  private func read(_ count: Int) throws(ArchiveError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let piece: Data?
      do { piece = try file.read(upToCount: count - bytes.count) } catch {
        throw .system(file: path, what: "cannot be read", reason: "\(error)")
      }
      guard let piece, !piece.isEmpty else { break }
      bytes += piece
    }
    offset += bytes.count
    hasher.update(data: bytes)
    return bytes
  }
}
