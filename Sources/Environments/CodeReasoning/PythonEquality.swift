import Domain

/// Python's `==` on canonical texts (docs/sandbox.md, "Values"), for the setting `verifier.equality: python`.
///
/// The published code compares with `==`, for which `1`, `1.0` and `True` are one value and `{1}` equals `frozenset({1})`.
/// Here nothing is evaluated: both texts are brought into a form in which equal values have equal texts. NaN equals
/// nothing, as for two NaN objects in Python.
package enum PythonEquality {
  /// Whether two canonical texts stand for values that Python calls equal. Texts that are not canonical are equal to
  /// nothing but themselves.
  package static func areEqual(_ left: String, _ right: String) -> Bool {
    var leftReader = CanonicalReader(left)
    var rightReader = CanonicalReader(right)
    guard let leftForm = leftReader.whole(), let rightForm = rightReader.whole() else { return left == right }
    return leftForm == rightForm && !leftReader.hasNaN && !rightReader.hasNaN
  }
}

extension VerifierSettings.Equality {
  /// Whether two canonical texts stand for one value by this setting: of an answer and of what was expected.
  package func holds(for value: String, and expected: String) -> Bool {
    switch self {
    case .typed: value == expected
    case .python: PythonEquality.areEqual(value, expected)
    }
  }
}

/// Reads one canonical text and writes it again with numbers and sets in the form that `==` cannot tell apart.
private struct CanonicalReader {
  private let text: [UInt8]
  private var place = 0
  private(set) var hasNaN = false

  init(_ text: String) { self.text = Array(text.utf8) }

  /// The form of the whole text; nil if it is not one canonical value.
  mutating func whole() -> String? {
    guard let form = value(), place == text.count else { return nil }
    return form
  }

  private mutating func value() -> String? {
    switch peek {
    case "[": return items(open: "[", close: "]").map { "[" + $0.joined(separator: ", ") + "]" }
    case "(": return items(open: "(", close: ")").map { "(" + $0.joined(separator: ", ") + ",)" }
    case "{": return braces()
    case "'", "\"": return quoted()
    case "b": return bytes()
    case "s": return skip("set()") ? "set{}" : nil
    case "f" where skip("frozenset()"): return "set{}"
    case "f":
      guard skip("frozenset("), let inner = value(), skip(")") else { return nil }
      return inner
    default: return word()
    }
  }

  /// Values between brackets, separated by `, `; a tuple of one has a trailing comma.
  private mutating func items(open: String, close: String) -> [String]? {
    guard skip(open) else { return nil }
    var items: [String] = []
    while !skip(close) {
      guard let item = value() else { return nil }
      items.append(item)
      if !skip(", ") && !skip(",") && peek != close.first { return nil }
    }
    return items
  }

  /// A dict or a set. Their entries are sorted again, since the new forms may order otherwise than the old.
  private mutating func braces() -> String? {
    guard skip("{") else { return nil }
    var entries: [String] = []
    var isDictionary = peek == "}"
    while !skip("}") {
      guard var entry = value() else { return nil }
      if skip(": ") {
        guard let element = value() else { return nil }
        isDictionary = true
        entry += ": " + element
      }
      entries.append(entry)
      if !skip(", ") && peek != "}" { return nil }
    }
    return (isDictionary ? "dict{" : "set{") + entries.sorted().joined(separator: ", ") + "}"
  }

  private mutating func bytes() -> String? {
    guard skip("b"), let literal = quoted() else { return nil }
    return "b" + literal
  }

  /// A string literal, copied: `repr` gives equal strings equal texts.
  private mutating func quoted() -> String? {
    let start = place
    let quote = text[place]
    guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
    place += 1
    while place < text.count, text[place] != quote { place += text[place] == UInt8(ascii: "\\") ? 2 : 1 }
    guard place < text.count else { return nil }
    place += 1
    return String(decoding: text[start..<place], as: UTF8.self)
  }

  /// None, a truth value, or a number.
  private mutating func word() -> String? {
    let start = place
    while place < text.count, !",:]})".utf8.contains(text[place]) { place += 1 }
    let word = String(decoding: text[start..<place], as: UTF8.self)
    switch word {
    case "None": return word
    case "True": return "1"
    case "False": return "0"
    case "inf", "-inf": return word
    case "nan":
      hasNaN = true
      return word
    default: break
    }
    if word.wholeMatch(of: /-?[0-9]+/) != nil { return word }
    guard let number = Double(word), number.isFinite else { return nil }
    return number == number.rounded() ? Self.integerText(number) : word
  }

  /// All digits of a float that is a whole number; exact, because such a float is one integer.
  private static func integerText(_ number: Double) -> String {
    if let small = Int(exactly: number) { return String(small) }
    // Beyond 64 bits: significand times a power of two, doubled digit by digit.
    var digits = [Int](String(UInt64(number.significandBitPattern | 1 << 52)).reversed().map { $0.wholeNumberValue! })
    for _ in 0..<(Int(number.exponent) - 52) {
      var carry = 0
      for index in digits.indices {
        let doubled = digits[index] * 2 + carry
        digits[index] = doubled % 10
        carry = doubled / 10
      }
      if carry > 0 { digits.append(carry) }
    }
    return (number < 0 ? "-" : "") + digits.reversed().map(String.init).joined()
  }

  private var peek: Character? { place < text.count ? Character(Unicode.Scalar(text[place])) : nil }

  private mutating func skip(_ token: String) -> Bool {
    guard text[place...].starts(with: token.utf8) else { return false }
    place += token.utf8.count
    return true
  }
}
