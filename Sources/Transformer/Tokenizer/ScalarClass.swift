/// What a pre-tokenizer needs to know about a character: the classes its regular expression tells apart.
///
/// Classes come from the standard library's Unicode tables (17.0 in Swift 6.3). Hugging Face's tokenizers 0.23 have 16.0:
/// letters and digits added since are symbols there. No other character is classed differently.
enum ScalarClass: UInt8 {
  /// \p{L}
  case letter
  /// \p{N}
  case number
  /// U+0020, the only one that may lead a word
  case space
  /// \r and \n
  case newline
  /// The rest of \s (the Unicode property White_Space)
  case whitespace
  /// [^\s\p{L}\p{N}]
  case other

  var isSpace: Bool { self == .space || self == .newline || self == .whitespace }

  init(_ scalar: Unicode.Scalar) {
    self = scalar.isASCII ? Self.ascii[Int(scalar.value)] : Self.classify(scalar)
  }

  private static let ascii: [ScalarClass] = (0..<128).map { classify(Unicode.Scalar($0)) }

  private static func classify(_ scalar: Unicode.Scalar) -> ScalarClass {
    switch scalar {
    case " ": return .space
    case "\r", "\n": return .newline
    default: break
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return scalar.properties.isWhitespace ? .whitespace : .other
    }
  }
}

/// Text as the classes of its scalars, with the byte at which each begins: what the splitters walk over.
struct ClassifiedText {
  let bytes: [UInt8]
  private(set) var classes: [ScalarClass] = []
  /// One more than `classes`: the last entry is the number of bytes.
  private(set) var starts: [Int] = []

  init(_ text: Substring) {
    bytes = Array(text.utf8)
    classes.reserveCapacity(bytes.count)
    starts.reserveCapacity(bytes.count + 1)
    var offset = 0
    for scalar in text.unicodeScalars {
      classes.append(ScalarClass(scalar))
      starts.append(offset)
      offset += UTF8.width(scalar)
    }
    starts.append(offset)
  }

  var count: Int { classes.count }

  /// The first index at or after `index` whose class fails `test`.
  func end(from index: Int, while test: (ScalarClass) -> Bool) -> Int {
    var end = index
    while end < count && test(classes[end]) { end += 1 }
    return end
  }

  /// Whether the class at `index` is `expected`; false past the end.
  func has(_ expected: ScalarClass, at index: Int) -> Bool { index < count && classes[index] == expected }

  /// The bytes of scalars `range`.
  func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[starts[range.lowerBound]..<starts[range.upperBound]] }
}
