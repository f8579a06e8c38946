import CLibPQ
import FoundationEssentials

/// The rows of a result as plain values: copied out of libpq before they leave the connection's thread.
package struct Rows: Sendable, RandomAccessCollection {
  private struct Field: Sendable {
    let offset: Int
    /// -1: null.
    let length: Int
  }

  private let names: [String]
  private let types: [UInt32]
  private var fields: [Field] = []
  private var bytes: [UInt8] = []
  package let endIndex: Int
  /// Rows the statement inserted, updated, deleted or returned.
  package let affected: Int

  package var startIndex: Int { 0 }
  package subscript(index: Int) -> Row {
    precondition(indices.contains(index), "row \(index) of \(count)")
    return Row(rows: self, index: index)
  }

  /// - Parameter result: a `PGresult` in binary format; still the caller's to clear.
  init(_ result: OpaquePointer) {
    let columns = Int(PQnfields(result))
    endIndex = Int(PQntuples(result))
    names = (0..<columns).map { String(cString: PQfname(result, Int32($0))) }
    types = (0..<columns).map { PQftype(result, Int32($0)) }
    affected = Int(String(cString: PQcmdTuples(result))) ?? 0
    fields.reserveCapacity(columns * endIndex)
    for row in 0..<Int32(endIndex) {
      for column in 0..<Int32(columns) {
        guard PQgetisnull(result, row, column) == 0 else {
          fields.append(Field(offset: 0, length: -1))
          continue
        }
        let length = Int(PQgetlength(result, row, column))
        fields.append(Field(offset: bytes.count, length: length))
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: length))
      }
    }
  }

  fileprivate func field(_ row: Int, _ column: Int) -> ArraySlice<UInt8>? {
    precondition(names.indices.contains(column), "column \(column) of \(names.count)")
    let field = fields[row * names.count + column]
    return field.length < 0 ? nil : bytes[field.offset..<(field.offset + field.length)]
  }

  fileprivate func mismatch(_ column: Int, _ wanted: String, _ found: ArraySlice<UInt8>?) -> PostgresError {
    let what = found.map { "\($0.count) bytes of type \(types[column])" } ?? "null"
    return PostgresError(.decoding, message: "column \(names[column]) holds \(what), read as \(wanted)")
  }
}

/// One row. Each getter names what it expects; a null or another width is a `.decoding` error.
package struct Row: Sendable {
  fileprivate let rows: Rows
  fileprivate let index: Int

  package func isNull(_ column: Int) -> Bool { rows.field(index, column) == nil }

  package func int64(_ column: Int) throws(PostgresError) -> Int64 { try integer(column, "int8") }
  package func int32(_ column: Int) throws(PostgresError) -> Int32 { try integer(column, "int4") }
  package func int16(_ column: Int) throws(PostgresError) -> Int16 { try integer(column, "int2") }
  package func bool(_ column: Int) throws(PostgresError) -> Bool {
    let value: UInt8 = try integer(column, "bool")
    return value != 0
  }

  package func optionalInt64(_ column: Int) throws(PostgresError) -> Int64? {
    isNull(column) ? nil : try int64(column)
  }

  package func optionalInt32(_ column: Int) throws(PostgresError) -> Int32? {
    isNull(column) ? nil : try int32(column)
  }

  package func bytes(_ column: Int) throws(PostgresError) -> ArraySlice<UInt8> {
    guard let found = rows.field(index, column) else { throw rows.mismatch(column, "bytea", nil) }
    return found
  }

  package func data(_ column: Int) throws(PostgresError) -> Data { Data(try bytes(column)) }

  package func text(_ column: Int) throws(PostgresError) -> String {
    guard let found = rows.field(index, column) else { throw rows.mismatch(column, "text", nil) }
    return String(decoding: found, as: UTF8.self)
  }

  package func optionalText(_ column: Int) throws(PostgresError) -> String? {
    isNull(column) ? nil : try text(column)
  }

  package func uuid(_ column: Int) throws(PostgresError) -> UUID {
    guard let found = rows.field(index, column), found.count == 16 else {
      throw rows.mismatch(column, "uuid", rows.field(index, column))
    }
    var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: found) }
    return UUID(uuid: value)
  }

  /// A `timestamptz` as microseconds since 1970-01-01 UTC; PostgreSQL counts from 2000-01-01.
  package func microseconds(_ column: Int) throws(PostgresError) -> Int64 {
    try int64(column) + 946_684_800_000_000
  }

  private func integer<Value: FixedWidthInteger>(_ column: Int, _ name: String) throws(PostgresError) -> Value {
    guard let found = rows.field(index, column), found.count == MemoryLayout<Value>.size else {
      throw rows.mismatch(column, name, rows.field(index, column))
    }
    return found.reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
  }
}
