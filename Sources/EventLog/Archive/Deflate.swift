import CZlib

/// zlib, for one block at a time.
enum Deflate {
  /// The block in zlib's format (RFC 1950), which ends with a checksum of its content.
  static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var length = compressBound(uLong(bytes.count))
    var stored = [UInt8](repeating: 0, count: Int(length))
    let status = compress2(&stored, &length, bytes, uLong(bytes.count), Z_DEFAULT_COMPRESSION)
    precondition(status == Z_OK, "zlib compress2 of \(bytes.count) bytes returned \(status)")
    stored.removeLast(stored.count - Int(length))
    return stored
  }

  /// What a block of `length` bytes was; nil if it is damaged or has another length.
  static func expand(_ stored: [UInt8], length: Int) -> [UInt8]? {
    var expanded = [UInt8](repeating: 0, count: max(1, length))
    var found = uLong(length)
    var used = uLong(stored.count)
    guard uncompress2(&expanded, &found, stored, &used) == Z_OK, Int(found) == length, Int(used) == stored.count else {
      return nil
    }
    expanded.removeLast(expanded.count - length)
    return expanded
  }
}
