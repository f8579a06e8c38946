#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A weights file of ours, opened and checked: header, weights, optimizer moments.
///
/// The layout, little-endian: magic `AUTODKPT`, format version (uint32), header length (uint32), SHA-256 of the header
/// (64 hexadecimal digits), header (JSON), zeros up to a multiple of 64, then weights, first and second moment as raw
/// float32. The file is named by the header's digest, and the header contains the digests of the three arrays, so the
/// name stands for every byte. The learner writes one at checkpoints; resume and replay read it.
package final class CheckpointFile: Sendable {
  package let path: String
  package let header: CheckpointHeader
  package let digests: CheckpointDigests
  /// SHA-256 of the header, which is what an event records; the file's name begins with it.
  package let digest: String
  /// Number of weights, equal to the number of values of each moment.
  package let parameterCount: Int

  private let mapping: MappedFile
  private let dataStart: Int

  /// Opens the file and checks magic, version, header digest and size; the arrays are checked when they are read.
  package init(path: String) throws(ModelFileError) {
    self.path = path
    mapping = try MappedFile(path: path)
    var cursor = ByteCursor(mapping.bytes, file: path)
    let (bytes, digest) = try Self.readHeader(&cursor)
    self.digest = digest
    let contents: Contents
    do {
      contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
    } catch {
      throw ModelFileError(.format, file: path, place: "header", offset: Self.prefixSize, "\(error)")
    }
    header = contents.header
    digests = contents.digests
    guard let count = header.parameterCount else {
      throw ModelFileError(.value, file: path, place: "header", "the tensors' sizes are negative or overflow")
    }
    parameterCount = count
    dataStart = Self.dataStart(headerSize: bytes.count)
    let (expected, overflow) = count.multipliedReportingOverflow(by: 3 * MemoryLayout<Float>.size)
    let found = mapping.bytes.count - dataStart
    guard !overflow, found == expected else {
      throw ModelFileError(
        .size, file: path, offset: dataStart,
        "\(count) parameters need \(overflow ? "too many" : "\(expected)") bytes, the file has \(max(0, found))")
    }
  }

  // MARK: Reading

  /// Copies the weights and checks their digest. `output` must hold `parameterCount` values; after an error its
  /// contents are not to be used.
  package func readWeights(into output: UnsafeMutableBufferPointer<Float>) throws(ModelFileError) {
    try read(0, "weights", digests.weights, into: output)
  }

  /// Copies AdamW's first and second moment and checks their digests.
  package func readMoments(
    first: UnsafeMutableBufferPointer<Float>, second: UnsafeMutableBufferPointer<Float>
  ) throws(ModelFileError) {
    try read(1, "first moment", digests.firstMoment, into: first)
    try read(2, "second moment", digests.secondMoment, into: second)
  }

  /// Checks the digests of all three arrays where they lie, copying nothing. `autodidact verify` calls it.
  package func checkDigests() throws(ModelFileError) {
    let size = parameterCount * MemoryLayout<Float>.size
    let arrays = [
      ("weights", digests.weights), ("first moment", digests.firstMoment), ("second moment", digests.secondMoment),
    ]
    for (index, (name, expected)) in arrays.enumerated() {
      let offset = dataStart + index * size
      let found = ContentDigest.hexadecimal(of: UnsafeRawBufferPointer(rebasing: mapping.bytes[offset..<offset + size]))
      guard found == expected else {
        throw ModelFileError(
          .digest, file: path, place: name, offset: offset, "its sha256 is \(found), the header says \(expected)")
      }
    }
  }

  /// Copies first and digests the copy, so that what was checked is what will be used.
  private func read(
    _ index: Int, _ name: String, _ expected: String, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ModelFileError) {
    precondition(output.count == parameterCount, "\(output.count) values for \(parameterCount) parameters")
    let size = parameterCount * MemoryLayout<Float>.size
    let offset = dataStart + index * size
    UnsafeMutableRawBufferPointer(output).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: mapping.bytes[offset..<offset + size]))
    let found = ContentDigest.hexadecimal(of: UnsafeBufferPointer(output))
    guard found == expected else {
      throw ModelFileError(
        .digest, file: path, place: name, offset: offset, "its sha256 is \(found), the header says \(expected)")
    }
  }

  private static func readHeader(
    _ cursor: inout ByteCursor
  ) throws(ModelFileError) -> (bytes: UnsafeRawBufferPointer, digest: String) {
    let start = cursor
    guard try cursor.take(magic.count, "the magic").elementsEqual(magic) else {
      throw start.error(.format, "not a checkpoint: it does not begin with \"AUTODKPT\"")
    }
    let beforeVersion = cursor
    let version = try cursor.integer(UInt32.self, "the format version")
    guard version == formatVersion else {
      throw beforeVersion.error(.format, "checkpoint format \(version) is not supported; \(formatVersion) is")
    }
    cursor.place = "header"
    let beforeLength = cursor
    let length = Int(try cursor.integer(UInt32.self, "the header length"))
    guard length <= headerSizeMax else {
      throw beforeLength.error(.size, "a header of \(length) bytes; at most \(headerSizeMax) are allowed")
    }
    let expected = String(decoding: try cursor.take(64, "the header digest"), as: UTF8.self)
    let beforeHeader = cursor
    let bytes = try cursor.take(length, "the header")
    let digest = ContentDigest.hexadecimal(of: bytes)
    guard digest == expected else {
      throw beforeHeader.error(.digest, "its sha256 is \(digest), the file says \(expected.debugDescription)")
    }
    let padding = try cursor.take(dataStart(headerSize: length) - cursor.offset, "the padding")
    guard padding.allSatisfy({ $0 == 0 }) else { throw cursor.error(.format, "the padding is not zero") }
    return (bytes, digest)
  }

  // MARK: Layout

  /// The header as it is stored.
  struct Contents: Codable {
    let header: CheckpointHeader
    let digests: CheckpointDigests
  }

  static var magic: [UInt8] { Array("AUTODKPT".utf8) }
  static var formatVersion: UInt32 { 1 }
  static var prefixSize: Int { 8 + 4 + 4 + 64 }
  static var headerSizeMax: Int { 1 << 24 }

  static func dataStart(headerSize: Int) -> Int { (prefixSize + headerSize + 63) / 64 * 64 }
}
