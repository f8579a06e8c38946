/// Appends the few shapes that travel between a worker, its zygotes and their children. Little-endian, no alignment;
/// JSON is not used inside a worker because a child must stay small.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  mutating func number(_ value: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func text(_ value: String) { data(Array(value.utf8)) }

  mutating func data(_ value: [UInt8]) {
    number(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func texts(_ values: [String]) {
    number(UInt64(values.count))
    for value in values { text(value) }
  }
}

/// Reads what `ByteWriter` wrote; every read can fail, because a child's bytes may be anything.
struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  var isAtEnd: Bool { position == bytes.endIndex }

  mutating func byte() -> UInt8? {
    guard position < bytes.endIndex else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func number() -> UInt64? {
    guard bytes.endIndex - position >= 8 else { return nil }
    defer { position += 8 }
    return bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func data() -> [UInt8]? {
    guard let count = number(), count <= UInt64(bytes.endIndex - position) else { return nil }
    defer { position += Int(count) }
    return Array(bytes[position..<position + Int(count)])
  }

  /// UTF-8 is validated: a child's bytes become text only if they are text.
  mutating func text() -> String? {
    guard let data = data() else { return nil }
    return String(validating: data, as: UTF8.self)
  }

  mutating func texts() -> [String]? {
    guard let count = number(), count <= UInt64(bytes.endIndex - position) else { return nil }
    var values: [String] = []
    for _ in 0..<count {
      guard let value = text() else { return nil }
      values.append(value)
    }
    return values
  }
}
