/// A reading position in untrusted little-endian bytes: each read checks the bounds first.
///
/// Used by `GGUFFile` and `CheckpointFile`. `place` names what is being read and goes into the errors.
struct ByteCursor {
  let bytes: UnsafeRawBufferPointer
  let file: String
  var place: String?
  private(set) var offset: Int

  init(_ bytes: UnsafeRawBufferPointer, file: String, offset: Int = 0) {
    precondition(offset >= 0 && offset <= bytes.count, "cursor at \(offset) of \(bytes.count) bytes")
    self.bytes = bytes
    self.file = file
    self.offset = offset
  }

  var remaining: Int { bytes.count - offset }

  func error(_ code: ModelFileError.Code, _ problem: String) -> ModelFileError {
    ModelFileError(code, file: file, place: place, offset: offset, problem)
  }

  /// The next `count` bytes, in place; they live as long as the mapping.
  mutating func take(_ count: Int, _ what: String) throws(ModelFileError) -> UnsafeRawBufferPointer {
    precondition(count >= 0, "\(count) bytes asked")
    guard count <= remaining else {
      throw error(.size, "\(what) needs \(count) bytes, the file has \(remaining) left")
    }
    let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    offset += count
    return slice
  }

  /// The next little-endian integer.
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type, _ what: String) throws(ModelFileError) -> T {
    T(littleEndian: try take(MemoryLayout<T>.size, what).loadUnaligned(as: T.self))
  }

  /// A 64-bit count of things that take at least `minimumSize` bytes each: refused when the rest of the file could
  /// not hold that many, so that no allocation exceeds a fixed multiple of the file's own size.
  mutating func count(of what: String, minimumSize: Int) throws(ModelFileError) -> Int {
    let start = self
    let raw = try integer(UInt64.self, "the number of \(what)")
    guard raw <= UInt64(remaining / minimumSize) else {
      throw start.error(.size, "\(raw) \(what) announced, but only \(remaining) bytes follow")
    }
    return Int(raw)
  }

  /// A string with a 64-bit length in front; refused when longer than `maximum` or not UTF-8.
  mutating func string(_ what: String, maximum: Int = .max) throws(ModelFileError) -> String {
    let start = self
    let length = try count(of: "bytes in \(what)", minimumSize: 1)
    guard length <= maximum else {
      throw start.error(.size, "\(what) has \(length) bytes, at most \(maximum) are allowed")
    }
    let raw = try take(length, what)
    guard let text = String(validating: raw, as: UTF8.self) else { throw start.error(.format, "\(what) is not UTF-8") }
    return text
  }
}
