/// A program as a bag of neighbouring tokens, without what the author chose freely: comments, spacing and most names.
///
/// The log has no normal form of a program in full (its digest at most), so this is a lexer's approximation of one: names
/// become v0, v1, … in the order they appear, but for keywords, names that are called and names behind a dot.
struct ProgramText: Hashable, Codable, Sendable {
  /// Number of tokens.
  let tokens: Int
  /// Hashes of all pairs of neighbours, sorted, each once.
  let pairs: [UInt32]

  init(_ program: String) {
    let hashes = Self.tokens(of: Array(program.utf8))
    tokens = hashes.count
    pairs = Set(
      zip(hashes, hashes.dropFirst()).map { first, second -> UInt32 in
        let mixed: UInt64 = ((first &* 31) ^ second) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: mixed >> 32)
      }
    ).sorted()
  }

  /// Jaccard distance of the pairs: 0 for the same, 1000 for nothing in common.
  func distance(to other: ProgramText) -> Int {
    var (left, right, common) = (0, 0, 0)
    while left < pairs.count, right < other.pairs.count {
      if pairs[left] == other.pairs[right] {
        common += 1
        left += 1
        right += 1
      } else if pairs[left] < other.pairs[right] {
        left += 1
      } else {
        right += 1
      }
    }
    let all = pairs.count + other.pairs.count - common
    return all == 0 ? 0 : 1000 - 1000 * common / all
  }

  // MARK: Tokens

  private static func tokens(of text: [UInt8]) -> [UInt64] {
    var hashes: [UInt64] = []
    var names: [String: Int] = [:]
    var place = 0
    while place < text.count {
      let byte = text[place]
      if byte <= 0x20 || byte == 0x5C {
        place += 1
      } else if byte == 0x23 {
        place = text[place...].firstIndex(of: 0x0A) ?? text.count
      } else {
        let end = tokenEnd(text, place)
        hashes.append(isNameStart(byte) ? name(text, place..<end, &names) : fnv(text[place..<end]))
        place = end
      }
    }
    return hashes
  }

  private static func tokenEnd(_ text: [UInt8], _ start: Int) -> Int {
    let byte = text[start]
    if isNameStart(byte) { return text[start...].firstIndex { !isNamePart($0) } ?? text.count }
    if isDigit(byte) { return text[start...].firstIndex { !isNamePart($0) && $0 != 0x2E } ?? text.count }
    return byte == 0x22 || byte == 0x27 ? stringEnd(text, start) : start + 1
  }

  /// Past the closing quote, or three of them; the end of the text if there is none.
  private static func stringEnd(_ text: [UInt8], _ start: Int) -> Int {
    let quote = text[start]
    let isTriple = start + 2 < text.count && text[start + 1] == quote && text[start + 2] == quote
    let width = isTriple ? 3 : 1
    var place = start + width
    while place < text.count {
      if text[place] == 0x5C {
        place += 2
      } else if place + width <= text.count, text[place..<place + width].allSatisfy({ $0 == quote }) {
        return place + width
      } else {
        place += 1
      }
    }
    return text.count
  }

  private static func name(_ text: [UInt8], _ range: Range<Int>, _ names: inout [String: Int]) -> UInt64 {
    let word = String(decoding: text[range], as: UTF8.self)
    let isCalled = text[range.upperBound...].first { $0 > 0x20 } == 0x28
    let isMember = range.lowerBound > 0 && text[range.lowerBound - 1] == 0x2E
    if keywords.contains(word) || isCalled || isMember { return fnv(text[range]) }
    let number = names[word] ?? names.count
    names[word] = number
    return fnv(Array("v\(number)".utf8)[...])
  }

  private static func isNameStart(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte | 0x20) || byte == 0x5F || byte >= 0x80
  }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isNamePart(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }

  private static let keywords: Set<String> = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
    "pass", "raise", "return", "try", "while", "with", "yield",
  ]
}

/// FNV-1a of some bytes: the same in every process, unlike `Hasher`.
func fnv(_ bytes: some Sequence<UInt8>) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
