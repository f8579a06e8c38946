/// Reads JSON (RFC 8259) from an untrusted file. Stricter than most: a name that occurs twice, a lone surrogate and a
/// number beyond a double are errors, each with its offset; depth and number of values are limited, so that memory stays
/// within a fixed multiple of the file's size.
///
/// Used for the header of safetensors files and, through `JSONFile`, for the configuration and the tokenizer of a Hugging
/// Face folder.
struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private let place: String?
  /// Where `bytes` begin in the file.
  private let base: Int
  private var index = 0
  private var valuesLeft = Self.valuesMax

  /// The deepest known file has six levels.
  static var depthMax: Int { 64 }
  /// The largest known tokenizers have a million.
  static var valuesMax: Int { 1 << 21 }

  /// The value that `bytes` consist of. `base` is their place in `file`.
  static func read(
    _ bytes: UnsafeRawBufferPointer, file: String, place: String? = nil, base: Int = 0
  ) throws(ModelFileError) -> JSONValue {
    var reader = JSONReader(bytes: bytes, file: file, place: place, base: base)
    let value = try reader.value(depth: 1)
    reader.skipSpace()
    guard reader.index == bytes.count else { throw reader.error("text after the end of the value") }
    return value
  }

  private init(bytes: UnsafeRawBufferPointer, file: String, place: String?, base: Int) {
    (self.bytes, self.file, self.place, self.base) = (bytes, file, place, base)
  }

  // MARK: Values

  private mutating func value(depth: Int) throws(ModelFileError) -> JSONValue {
    skipSpace()
    guard let first = peek else { throw unexpected("a value") }
    guard valuesLeft > 0 else { throw error("more than \(Self.valuesMax) values", .size) }
    valuesLeft -= 1
    switch first {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw unexpected("a value")
    }
  }

  private mutating func object(depth: Int) throws(ModelFileError) -> JSONObject {
    try enter(depth)
    var object = JSONObject()
    if skip("}") { return object }
    repeat {
      skipSpace()
      let start = self
      guard peek == UInt8(ascii: "\"") else { throw unexpected("a name") }
      let key = try string()
      guard skip(":") else { throw unexpected("':'") }
      guard object.append(key, try value(depth: depth + 1)) else {
        throw start.error("the name \"\(key.prefix(60))\" occurs twice in an object", .conflict)
      }
    } while skip(",")
    guard skip("}") else { throw unexpected("',' or '}'") }
    return object
  }

  private mutating func array(depth: Int) throws(ModelFileError) -> [JSONValue] {
    try enter(depth)
    var elements: [JSONValue] = []
    if skip("]") { return elements }
    repeat { elements.append(try value(depth: depth + 1)) } while skip(",")
    guard skip("]") else { throw unexpected("',' or ']'") }
    return elements
  }

  /// Past the opening bracket.
  private mutating func enter(_ depth: Int) throws(ModelFileError) {
    guard depth <= Self.depthMax else { throw error("nested deeper than \(Self.depthMax)") }
    index += 1
  }

  private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(ModelFileError) -> JSONValue {
    let end = index + text.utf8CodeUnitCount
    let expected = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard end <= bytes.count, bytes[index..<end].elementsEqual(expected) else { throw unexpected("\(text)") }
    index = end
    return value
  }

  // MARK: Numbers

  private mutating func number() throws(ModelFileError) -> JSONValue {
    let start = self
    if peek == UInt8(ascii: "-") { index += 1 }
    let first = peek
    let wholeDigits = skipDigits()
    guard wholeDigits > 0, wholeDigits == 1 || first != UInt8(ascii: "0") else { throw start.error("not a number") }
    var isWhole = true
    if peek == UInt8(ascii: ".") {
      index += 1
      isWhole = false
      guard skipDigits() > 0 else { throw start.error("not a number") }
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      index += 1
      isWhole = false
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
      guard skipDigits() > 0 else { throw start.error("not a number") }
    }
    let text = String(decoding: bytes[start.index..<index], as: UTF8.self)
    if isWhole, let whole = Int(text) { return .integer(whole) }
    guard let number = Double(text), number.isFinite else { throw start.error("a number beyond a double", .value) }
    return .number(number)
  }

  private mutating func skipDigits() -> Int {
    let start = index
    while let byte = peek, UInt8(ascii: "0") <= byte, byte <= UInt8(ascii: "9") { index += 1 }
    return index - start
  }

  // MARK: Strings

  private mutating func string() throws(ModelFileError) -> String {
    let start = self
    index += 1
    let content = index
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
    guard peek == UInt8(ascii: "\"") else { return try escapedString(from: content, start) }
    defer { index += 1 }
    return try start.text(bytes[content..<index])
  }

  /// A string with escapes; the cursor stands where the plain part ends.
  private mutating func escapedString(from content: Int, _ start: JSONReader) throws(ModelFileError) -> String {
    var output = Array(bytes[content..<index])
    while true {
      guard let byte = peek else { throw start.error("the string does not end") }
      guard byte >= 0x20 else { throw error("a control character in a string") }
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return try start.text(output)
      case UInt8(ascii: "\\"): try escape(&output)
      default: output.append(byte)
      }
    }
  }

  private mutating func escape(_ output: inout [UInt8]) throws(ModelFileError) {
    guard let byte = peek else { throw unexpected("an escape") }
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(byte)
    case UInt8(ascii: "b"): output.append(8)
    case UInt8(ascii: "f"): output.append(12)
    case UInt8(ascii: "n"): output.append(10)
    case UInt8(ascii: "r"): output.append(13)
    case UInt8(ascii: "t"): output.append(9)
    case UInt8(ascii: "u"): output += Array(String(try scalar()).utf8)
    default:
      index -= 1
      throw unexpected("an escape")
    }
  }

  /// The scalar of `\uXXXX` or of a pair of them, after its first `\u`.
  private mutating func scalar() throws(ModelFileError) -> Unicode.Scalar {
    let start = self
    let first = try unit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, peek == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u")
    else { throw start.error("a lone surrogate") }
    index += 2
    let second = try unit()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw start.error("a lone surrogate") }
    return scalar
  }

  private mutating func unit() throws(ModelFileError) -> UInt32 {
    guard index + 4 <= bytes.count else { throw unexpected("four hexadecimal digits") }
    var value: UInt32 = 0
    for byte in bytes[index..<index + 4] {
      guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    index += 4
    return value
  }

  private func text(_ slice: some Collection<UInt8>) throws(ModelFileError) -> String {
    guard let text = String(validating: slice, as: UTF8.self) else { throw error("a string is not UTF-8") }
    return text
  }

  // MARK: Bytes

  private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  /// Past `character` if it is what comes next after white space.
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private func unexpected(_ expected: String) -> ModelFileError {
    let found = peek.map { $0 < 0x7F && $0 > 0x20 ? "'\(Unicode.Scalar($0))'" : "byte \($0)" } ?? "the end"
    return error("expected \(expected), found \(found)")
  }

  private func error(_ problem: String, _ code: ModelFileError.Code = .format) -> ModelFileError {
    ModelFileError(code, file: file, place: place, offset: base + index, "JSON: \(problem)")
  }
}
