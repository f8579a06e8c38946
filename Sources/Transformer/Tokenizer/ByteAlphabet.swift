/// GPT-2's way of writing any byte as a printable character, in which byte-level vocabularies are stored: printable
/// Latin-1 bytes stand for themselves, the 68 others for U+0100 onwards (so a space is written "Ġ").
enum ByteAlphabet {
  /// The scalar that stands for each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt32) in
      let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      defer { next += isPrintable ? 0 : 1 }
      return Unicode.Scalar(isPrintable ? byte : next) ?? "\u{FFFD}"
    }
  }()

  private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })

  /// The bytes a stored token stands for. A token with a character outside the alphabet is plain text, as in
  /// Hugging Face's byte-level decoder.
  static func decode(_ token: String) -> [UInt8] {
    var result: [UInt8] = []
    for scalar in token.unicodeScalars {
      guard let byte = bytes[scalar] else { return Array(token.utf8) }
      result.append(byte)
    }
    return result
  }
}
