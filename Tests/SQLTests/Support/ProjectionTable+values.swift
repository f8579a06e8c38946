import EventLog

extension ProjectionTable {
  /// The values of a row as it was encoded, for versions of projections that change what another one makes.
  func values(_ row: EncodedRow) -> [RowValue] {
    let offsets = offsets(row)
    return columns.enumerated().map { index, column in
      let length = row[offsets[index]..<offsets[index] + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard Int32(bitPattern: length) >= 0 else { return .null }
      let bytes = row[offsets[index] + 4..<offsets[index + 1]]
      let number = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      switch column.type {
      case .int4: return .integer(Int64(Int32(truncatingIfNeeded: number)))
      case .int8: return .integer(Int64(bitPattern: number))
      case .float8: return .number(Double(bitPattern: number))
      case .bool: return .flag(number != 0)
      case .timestamptz: return .time(Timestamp(microseconds: Int64(bitPattern: number) + 946_684_800_000_000))
      case .text: return .text(String(decoding: bytes, as: UTF8.self))
      case .int4Array, .int8Array, .float8Array, .textArray: preconditionFailure("\(column.name) is an array")
      }
    }
  }
}
