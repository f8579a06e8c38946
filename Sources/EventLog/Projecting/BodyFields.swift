import FoundationEssentials
import Glibc

/// A few members of a JSON object, found without decoding the rest.
///
/// It takes what it is sure of and leaves everything else, such as escapes in a wanted string, to the JSON decoder: the
/// caller falls back on it. `PlayFact` reads the bodies of the frequent events with it.
struct BodyFields {
  /// The raw bytes of a value; strings without their quotes.
  struct Value {
    let bytes: [UInt8]
    let kind: UInt8

    var isObject: Bool { kind == UInt8(ascii: "{") }
    var isString: Bool { kind == UInt8(ascii: "\"") }
    var text: String? { isString ? String(decoding: bytes, as: UTF8.self) : nil }

    var proposal: ProposalID? {
      guard isString else { return nil }
      var reader = NameReader(bytes)
      guard let iteration = reader.number(), let kind = reader.kind(), let slot = reader.number(), reader.isAtEnd
      else { return nil }
      return ProposalID(iteration: iteration, kind: kind, slot: slot)
    }

    /// Of an array of plain strings.
    var proposals: [ProposalID]? {
      guard kind == UInt8(ascii: "["), bytes.count >= 2 else { return nil }
      var proposals: [ProposalID] = []
      var index = 1
      while bytes[index] == UInt8(ascii: "\"") {
        guard let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "\"")),
          let proposal = Value(bytes: Array(bytes[index + 1..<end]), kind: UInt8(ascii: "\"")).proposal
        else { return nil }
        proposals.append(proposal)
        index = end + 1
        if bytes[index] == UInt8(ascii: ",") { index += 1 } else { break }
      }
      // Anything else, spaces among it, is the decoder's.
      return index == bytes.count - 1 && (proposals.isEmpty || bytes[index - 1] != UInt8(ascii: ",")) ? proposals : nil
    }

    var attempt: AttemptID? {
      guard isString else { return nil }
      var reader = NameReader(bytes)
      guard let iteration = reader.number(), let purpose = reader.purpose(), let kind = reader.kind(),
        let slot = reader.number(), let sample = reader.number(), reader.isAtEnd
      else { return nil }
      return AttemptID(iteration: iteration, purpose: purpose, kind: kind, slot: slot, sample: sample)
    }
  }

  private var values: [Value?]

  subscript(index: Int) -> Value? { values[index] }

  /// - Parameter names: of members at the top; plain ASCII. An absent one, or one that is null, is nil.
  /// - Returns: nil for what is not a plain JSON object.
  init?(_ body: Data, _ names: StaticString...) {
    var found = [Value?](repeating: nil, count: names.count)
    let isRead = body.withUnsafeBytes { bytes in
      var scanner = ObjectScanner(bytes: bytes)
      return scanner.members { key, kind, value in
        let index = names.firstIndex { name in
          name.utf8CodeUnitCount == key.count && memcmp(name.utf8Start, key.baseAddress!, key.count) == 0
        }
        guard let index else { return true }
        // Said twice, or with escapes: the decoder knows what is meant.
        guard found[index] == nil, !(kind == UInt8(ascii: "\"") && value.contains(UInt8(ascii: "\\"))) else {
          return false
        }
        if kind != UInt8(ascii: "n") {
          found[index] = Value(bytes: kind == UInt8(ascii: "{") ? [] : Array(value), kind: kind)
        }
        return true
      }
    }
    guard isRead else { return nil }
    values = found
  }
}

/// Walks over the members of one JSON object.
private struct ObjectScanner {
  let bytes: UnsafeRawBufferPointer
  var index = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Calls `visit` with each member's key, the first byte of its value and the value's bytes, a string's without its quotes.
  ///
  /// - Returns: false if it is no object that this can read, or `visit` says so.
  mutating func members(_ visit: (UnsafeRawBufferPointer, UInt8, UnsafeRawBufferPointer) -> Bool) -> Bool {
    guard take(UInt8(ascii: "{")) else { return false }
    if take(UInt8(ascii: "}")) { return isAtEnd }
    while true {
      guard let key = string(), !key.isEmpty, take(UInt8(ascii: ":")) else { return false }
      skipSpace()
      guard index < bytes.count else { return false }
      let kind = bytes[index]
      guard let value = value(kind), visit(key, kind, value) else { return false }
      if take(UInt8(ascii: ",")) { continue }
      return take(UInt8(ascii: "}")) && isAtEnd
    }
  }

  private var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return index == bytes.count
    }
  }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    if index < bytes.count, bytes[index] == byte {
      index += 1
      return true
    }
    skipSpace()
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func string() -> UnsafeRawBufferPointer? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    let start = index
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        return UnsafeRawBufferPointer(rebasing: bytes[start..<index - 1])
      case UInt8(ascii: "\\"): index += 2
      default: index += 1
      }
    }
    return nil
  }

  private mutating func value(_ kind: UInt8) -> UnsafeRawBufferPointer? {
    switch kind {
    case UInt8(ascii: "\""): return string()
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      let start = index
      var depth = 0
      while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "\""):
          guard string() != nil else { return nil }
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
        index += 1
        if depth == 0 { return UnsafeRawBufferPointer(rebasing: bytes[start..<index]) }
      }
      return nil
    default:
      let start = index
      while index < bytes.count, bytes[index] != UInt8(ascii: ","), bytes[index] != UInt8(ascii: "}") { index += 1 }
      return start == index ? nil : UnsafeRawBufferPointer(rebasing: bytes[start..<index])
    }
  }
}

/// Reads the parts of `12.solve.deduction.3.0`, whose dots it takes with them.
private struct NameReader {
  private let bytes: [UInt8]
  private var index = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { index == bytes.count + 1 }

  private mutating func part() -> Range<Int>? {
    guard index < bytes.count else { return nil }
    let start = index
    while index < bytes.count, bytes[index] != UInt8(ascii: ".") { index += 1 }
    index += 1
    return start..<index - 1
  }

  /// Plain digits, at most nine of them.
  mutating func number() -> Int? {
    guard let part = part(), (1...9).contains(part.count) else { return nil }
    var number = 0
    for byte in bytes[part] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return number
  }

  mutating func kind() -> Kind? {
    guard let part = part() else { return nil }
    return Kind.allCases.first { $0.rawValue.utf8.elementsEqual(bytes[part]) }
  }

  mutating func purpose() -> Purpose? {
    guard let part = part() else { return nil }
    return Purpose.allCases.first { $0.rawValue.utf8.elementsEqual(bytes[part]) }
  }
}
