/// Turns tokens into text as they are sampled: complete characters come out at once, an unfinished one waits for its
/// remaining bytes. The concatenated pieces equal `Tokenizer.decode` of all ids.
package struct TextDecoder: Sendable {
  private let tokenizer: Tokenizer
  /// The beginning of a character whose other bytes have not come: at most three bytes.
  private var pending: [UInt8] = []

  package init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The text that `id` completes; empty when it ends within a character that it begins.
  package mutating func append(_ id: Int32) -> String {
    pending += tokenizer.tokenBytes(id)
    let complete = pending.count - Self.unfinishedSuffix(pending)
    defer { pending.removeFirst(complete) }
    return String(decoding: pending.prefix(complete), as: UTF8.self)
  }

  /// What is left at the end: U+FFFD for an unfinished character, otherwise nothing.
  package mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end could still become a character.
  private static func unfinishedSuffix(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let suffix = bytes.suffix(length)
      guard let lead = suffix.first, lead >= 0xC0 else { continue }
      return isPrefixOfCharacter(Array(suffix)) ? length : 0
    }
    return 0
  }

  /// Whether some well-formed character begins with `bytes` and is longer (Unicode, table 3-7).
  private static func isPrefixOfCharacter(_ bytes: [UInt8]) -> Bool {
    let length: Int
    switch bytes[0] {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF: length = 3
    case 0xF0...0xF4: length = 4
    default: return false
    }
    guard bytes.count < length else { return false }
    let second: ClosedRange<UInt8>
    switch bytes[0] {
    case 0xE0: second = 0xA0...0xBF
    case 0xED: second = 0x80...0x9F
    case 0xF0: second = 0x90...0xBF
    case 0xF4: second = 0x80...0x8F
    default: second = 0x80...0xBF
    }
    return bytes.dropFirst().enumerated().allSatisfy { ($0 == 0 ? second : 0x80...0xBF).contains($1) }
  }
}
