import CZlib
import Foundation

/// Reads gzip files (RFC 1952), such as published suites of problems.
package enum Gzip {
  /// What a file held; nil if it is no gzip file, is cut off, is damaged, or holds more than `bytesMax`.
  package static func expand(_ stored: Data, bytesMax: Int) -> Data? {
    var stream = z_stream()
    // 16 more than the largest window: gzip's header and checksum, not zlib's.
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var input = [UInt8](stored)
    var expanded = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    return input.withUnsafeMutableBufferPointer { input -> Data? in
      stream.next_in = input.baseAddress
      stream.avail_in = uInt(input.count)
      while true {
        let (status, count) = chunk.withUnsafeMutableBufferPointer { chunk in
          stream.next_out = chunk.baseAddress
          stream.avail_out = uInt(chunk.count)
          return (inflate(&stream, Z_NO_FLUSH), chunk.count - Int(stream.avail_out))
        }
        expanded.append(contentsOf: chunk[..<count])
        guard expanded.count <= bytesMax else { return nil }
        if status == Z_STREAM_END { return stream.avail_in == 0 ? expanded : nil }
        guard status == Z_OK else { return nil }
      }
    }
  }
}
