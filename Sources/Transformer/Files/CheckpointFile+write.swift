#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension CheckpointFile {
  /// Where a checkpoint was written, for the event that records it.
  package struct Written: Equatable, Sendable {
    package let path: String
    /// SHA-256 of the header; the file is named by its first 32 digits.
    package let digest: String
    package let digests: CheckpointDigests
    package let byteCount: Int
  }

  /// The file name of a checkpoint with this digest.
  package static func name(digest: String) -> String { "\(digest.prefix(32)).checkpoint" }

  /// Writes a checkpoint into `folder`, which must exist, and returns when it is durable: the file appears under its
  /// name only complete and synced, and the name is synced too. Writing the same content again gives the same file.
  /// Each array has as many values as `header.tensors` together. Throws `.system` (no space, no permission); nothing
  /// is left behind then.
  package static func write(
    _ header: CheckpointHeader, weights: UnsafeBufferPointer<Float>, firstMoment: UnsafeBufferPointer<Float>,
    secondMoment: UnsafeBufferPointer<Float>, folder: String
  ) throws(ModelFileError) -> Written {
    let counts = [weights.count, firstMoment.count, secondMoment.count]
    precondition(
      counts.allSatisfy { $0 == header.parameterCount },
      "\(counts) values for \(String(describing: header.parameterCount)) parameters")
    let digests = CheckpointDigests(
      weights: ContentDigest.hexadecimal(of: weights), firstMoment: ContentDigest.hexadecimal(of: firstMoment),
      secondMoment: ContentDigest.hexadecimal(of: secondMoment))
    let (prefix, digest) = try encode(Contents(header: header, digests: digests), folder: folder)
    let arrays = [weights, firstMoment, secondMoment].map { UnsafeRawBufferPointer($0) }
    let path = folder + "/" + name(digest: digest)
    try writeDurably(path: path, folder: folder) { (file) throws(ModelFileError) in
      try file.write(prefix)
      for array in arrays { try file.write(array) }
    }
    return Written(
      path: path, digest: digest, digests: digests, byteCount: prefix.count + arrays.reduce(0) { $0 + $1.count })
  }

  /// Everything before the arrays, and the header's digest.
  private static func encode(
    _ contents: Contents, folder: String
  ) throws(ModelFileError) -> (bytes: [UInt8], digest: String) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json: [UInt8]
    do {
      json = try [UInt8](encoder.encode(contents))
    } catch {
      throw ModelFileError(.format, file: folder, place: "header", "\(error)")
    }
    precondition(json.count <= headerSizeMax, "a header of \(json.count) bytes")
    let digest = json.withUnsafeBytes { ContentDigest.hexadecimal(of: $0) }
    var bytes = magic
    withUnsafeBytes(of: formatVersion.littleEndian) { bytes += $0 }
    withUnsafeBytes(of: UInt32(json.count).littleEndian) { bytes += $0 }
    bytes += Array(digest.utf8) + json
    bytes += [UInt8](repeating: 0, count: dataStart(headerSize: json.count) - bytes.count)
    return (bytes, digest)
  }
}
