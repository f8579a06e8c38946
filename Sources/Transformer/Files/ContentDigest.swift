import Crypto

/// A SHA-256 over bytes that arrive in pieces, as used for weights, checkpoints and model files.
///
/// Floats are digested as they lie in memory, which is little-endian on every machine we run on, so a digest in the log
/// means the same bits everywhere.
package struct ContentDigest {
  private var state = SHA256()

  package init() {}

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    state.update(bufferPointer: bytes)
  }

  package mutating func update(_ values: UnsafeBufferPointer<Float>) {
    update(UnsafeRawBufferPointer(values))
  }

  /// The digest so far, as 64 lowercase hexadecimal digits.
  package var hexadecimal: String { Self.hexadecimal(state.finalize()) }

  /// The digest of one piece.
  package static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String {
    var digest = ContentDigest()
    digest.update(bytes)
    return digest.hexadecimal
  }

  /// The digest of float32 values, the form in which weights and optimizer moments are recorded.
  package static func hexadecimal(of values: UnsafeBufferPointer<Float>) -> String {
    hexadecimal(of: UnsafeRawBufferPointer(values))
  }

  private static func hexadecimal(_ digest: SHA256Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in digest { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }
}
