import Glibc

/// Blocking reads and writes on a descriptor, whole or not at all.
enum Descriptor {
  /// Reads exactly `count` bytes; nil at the end of the stream or after an error.
  static func read(_ descriptor: Int32, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let result = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, count - filled) }
      if result < 0 && errno == EINTR { continue }
      guard result > 0 else { return nil }
      filled += result
    }
    return bytes
  }

  /// Writes all bytes; false if the other side is gone.
  static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let result = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
      if result < 0 && errno == EINTR { continue }
      guard result > 0 else { return false }
      done += result
    }
    return true
  }

  /// A message between a worker and a zygote: eight bytes of length, then the bytes. Both ends are ours, but a length is
  /// checked all the same.
  static func readMessage(_ descriptor: Int32) -> [UInt8]? {
    guard let header = read(descriptor, count: 8) else { return nil }
    var reader = ByteReader(header[...])
    guard let count = reader.number(), count <= 1 << 27 else { return nil }
    return read(descriptor, count: Int(count))
  }

  static func writeMessage(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var writer = ByteWriter()
    writer.number(UInt64(bytes.count))
    return write(descriptor, writer.bytes + bytes)
  }
}
