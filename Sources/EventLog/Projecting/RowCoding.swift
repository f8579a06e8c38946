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
    }
  }

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
    default: return false
    }
    return true
  }

  private static func append(length: Int, to row: inout EncodedRow) {
    withUnsafeBytes(of: Int32(length).bigEndian) { row.append(contentsOf: $0) }
  }

  private static func append<Value: FixedWidthInteger>(_ value: Value, to row: inout EncodedRow) {
    append(length: MemoryLayout<Value>.size, to: &row)
    withUnsafeBytes(of: value.bigEndian) { row.append(contentsOf: $0) }
  }
}
