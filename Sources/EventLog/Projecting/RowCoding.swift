import FoundationEssentials

/// One row as bytes: each column's length (big-endian, -1 for null) and value, in PostgreSQL's binary format. The bytes that are
/// digested and compared are the ones that are sent and stored, so a row has one form everywhere.
///
/// Rows of one table in order of their bytes are in order of their keys.
package typealias EncodedRow = [UInt8]

extension ProjectionTable {
  /// - Throws: `.value` for one that the column's type does not hold.
  package func encode(_ values: [RowValue]) throws(ProjectionError) -> EncodedRow {
    precondition(values.count == columns.count, "\(values.count) values for \(columns.count) columns of \(name)")
    var row: EncodedRow = []
    row.reserveCapacity(columns.count * 12)
    for (column, value) in zip(columns, values) {
      guard Self.append(value, column.type, to: &row) else {
        throw .value(table: name, column: column.name, found: "\(value)")
      }
    }
    return row
  }

  /// The bytes of a row's key: its beginning.
  func keyEnd(_ row: EncodedRow) -> Int {
    var end = 0
    for _ in 0..<keyCount { end = Self.field(row, at: end).end }
    return end
  }

  /// Where a field lies that begins at an offset: its bytes, empty for null, and where the next one begins.
  static func field(_ row: EncodedRow, at offset: Int) -> (bytes: Range<Int>, isNull: Bool, end: Int) {
    let length = Int(Int32(bitPattern: row[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
    let start = offset + 4
    let end = start + max(0, length)
    return (start..<end, length < 0, end)
  }

  /// Offsets of the fields of a row, and its end.
  package func offsets(_ row: EncodedRow) -> [Int] {
    var offsets = [0]
    for _ in columns { offsets.append(Self.field(row, at: offsets[offsets.count - 1]).end) }
    return offsets
  }

  /// The position of the event that a row begins with.
  func position(of row: EncodedRow) -> Position {
    let field = Self.field(row, at: offsets(row)[positionIndex])
    return Position(row[field.bytes].reduce(Int64(0)) { $0 << 8 | Int64($1) })
  }

  /// A row's key as people read it: `problem 3.deduction.2`.
  package func keyText(_ row: EncodedRow) -> String {
    let offsets = offsets(row)
    return (0..<keyCount).map { "\(columns[$0].name) \(text(row, $0, at: offsets[$0]))" }.joined(separator: ", ")
  }

  /// One value as people read it.
  func text(_ row: EncodedRow, _ column: Int, at offset: Int) -> String {
    let field = Self.field(row, at: offset)
    if field.isNull { return "null" }
    let bits = row[field.bytes].suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    switch columns[column].type {
    case .int4: return String(Int32(truncatingIfNeeded: bits))
    case .int8, .timestamptz: return String(Int64(bitPattern: bits))
    case .float8: return String(Double(bitPattern: bits))
    case .bool: return bits == 0 ? "false" : "true"
    case .text: return String(decoding: row[field.bytes], as: UTF8.self)
    case .int4Array, .int8Array, .float8Array, .textArray:
      return "{\(elements(row, column, at: offset).joined(separator: ", "))}"
    }
  }

  /// The elements of an array as people read them.
  func elements(_ row: EncodedRow, _ column: Int, at offset: Int) -> [String] {
    let field = Self.field(row, at: offset).bytes
    // An empty one ends before its length.
    guard field.count > Self.arrayHeader else { return [] }
    var elements: [String] = []
    var next = field.lowerBound + Self.arrayHeader
    while next < field.upperBound {
      let element = Self.field(row, at: next)
      next = element.end
      let bits = row[element.bytes].suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      switch columns[column].type {
      case _ where element.isNull: elements.append("null")
      case .int4Array: elements.append(String(Int32(truncatingIfNeeded: bits)))
      case .int8Array: elements.append(String(Int64(bitPattern: bits)))
      case .float8Array: elements.append(String(Double(bitPattern: bits)))
      default: elements.append(String(decoding: row[element.bytes], as: UTF8.self))
      }
    }
    return elements
  }

  /// Bytes before the elements of an array that has any.
  private static let arrayHeader = 20

  /// Microseconds from 1970, from which PostgreSQL does not count, to 2000, from which it does.
  private static let epoch: Int64 = 946_684_800_000_000

  /// - Returns: false for a value that is not of the type.
  private static func append(_ value: RowValue, _ type: ColumnType, to row: inout EncodedRow) -> Bool {
    switch (value, type) {
    case (.null, _): append(length: -1, to: &row)
    case (.integer(let value), .int4):
      guard let value = Int32(exactly: value) else { return false }
      append(value, to: &row)
    case (.integer(let value), .int8): append(value, to: &row)
    case (.number(let value), .float8): append(Int64(bitPattern: value.bitPattern), to: &row)
    case (.time(let value), .timestamptz): append(value.rawValue - epoch, to: &row)
    case (.flag(let value), .bool):
      append(length: 1, to: &row)
      row.append(value ? 1 : 0)
    case (.text(let value), .text):
      // PostgreSQL has no text with U+0000 in it.
      let text = value.utf8.contains(0) ? value.replacing("\0", with: "\u{FFFD}") : value
      append(length: text.utf8.count, to: &row)
      row.append(contentsOf: text.utf8)
    case (.integers(let values), .int4Array):
      guard values.allSatisfy({ $0.map { Int32(exactly: $0) != nil } ?? true }) else { return false }
      append(values, of: 23, to: &row) { append(Int32(truncatingIfNeeded: $0), to: &$1) }
    case (.integers(let values), .int8Array): append(values, of: 20, to: &row) { append($0, to: &$1) }
    case (.numbers(let values), .float8Array):
      append(values, of: 701, to: &row) { append(Int64(bitPattern: $0.bitPattern), to: &$1) }
    case (.texts(let values), .textArray): append(values, of: 25, to: &row) { _ = append(.text($0), .text, to: &$1) }
    default: return false
    }
    return true
  }

  /// An array of one dimension, as `array_send` writes it: dimensions, whether there are nulls, the object id of the elements' type,
  /// their number, the first index, and each behind its length. An empty one has no dimension.
  private static func append<Element>(
    _ values: [Element?], of type: Int32, to row: inout EncodedRow, _ encode: (Element, inout EncodedRow) -> Void
  ) {
    let start = row.count
    append(length: 0, to: &row)
    let header = [values.isEmpty ? 0 : 1, values.contains { $0 == nil } ? 1 : 0, type]
    for number in values.isEmpty ? header : header + [Int32(values.count), 1] {
      withUnsafeBytes(of: number.bigEndian) { row.append(contentsOf: $0) }
    }
    for value in values {
      if let value { encode(value, &row) } else { append(length: -1, to: &row) }
    }
    let length = Int32(row.count - start - 4)
    withUnsafeBytes(of: length.bigEndian) { row.replaceSubrange(start..<start + 4, with: $0) }
  }

  private static func append(length: Int, to row: inout EncodedRow) {
    withUnsafeBytes(of: Int32(length).bigEndian) { row.append(contentsOf: $0) }
  }

  private static func append<Value: FixedWidthInteger>(_ value: Value, to row: inout EncodedRow) {
    append(length: MemoryLayout<Value>.size, to: &row)
    withUnsafeBytes(of: value.bigEndian) { row.append(contentsOf: $0) }
  }
}
