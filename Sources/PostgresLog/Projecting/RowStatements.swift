import EventLog
import Postgres

/// How rows of one table of a projection reach PostgreSQL: new ones by binary COPY, changed ones by one UPDATE from arrays. Both
/// take the bytes as they are encoded.
struct RowStatements: Sendable {
  private let table: ProjectionTable
  /// With schema and version.
  private let name: String
  /// log.experiments.number.
  private let experiment: Int32

  init(_ table: ProjectionTable, version: Int, experiment: Int32) {
    self.table = table
    name = "projection.\(table.name)_\(version)"
    self.experiment = experiment
  }

  /// - Throws: `.server` with a constraint's name for a row that is there already.
  func insert(_ rows: [EncodedRow], on connection: isolated Connection) throws(PostgresError) {
    guard !rows.isEmpty else { return }
    let names = (["experiment"] + table.columns.map(\.name)).joined(separator: ", ")
    _ = try connection.copy("copy \(name) (\(names)) from stdin (format binary)", copyInput(rows))
  }

  /// The binary format of COPY: a header, rows of a number of fields and the fields, an end.
  private func copyInput(_ rows: [EncodedRow]) -> [UInt8] {
    var beginning: [UInt8] = []
    Self.append(Int16(table.columns.count + 1), to: &beginning)
    Self.append(Int32(4), to: &beginning)
    Self.append(experiment, to: &beginning)
    var bytes: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    bytes.reserveCapacity(rows.reduce(32) { $0 + $1.count + beginning.count })
    for row in rows {
      bytes += beginning
      bytes += row
    }
    Self.append(Int16(-1), to: &bytes)
    return bytes
  }

  /// - Throws: `.decoding` if one of the rows is not there.
  func update(_ rows: [EncodedRow], on connection: isolated Connection) throws(PostgresError) {
    guard !rows.isEmpty else { return }
    precondition(!table.columns.contains { $0.type.isArray }, "rows of \(name) have arrays and cannot be changed")
    let names = table.columns.map(\.name)
    let sets = names.dropFirst(table.keyCount).map { "\($0) = u.\($0)" }.joined(separator: ", ")
    let keys = names.prefix(table.keyCount).map { "t.\($0) = u.\($0)" }.joined(separator: " and ")
    let arrays = table.columns.enumerated().map { "$\($0 + 2)::\($1.type.rawValue)[]" }.joined(separator: ", ")
    let found = try connection.query(
      """
      update \(name) as t set \(sets)
      from unnest(\(arrays)) as u (\(names.joined(separator: ", ")))
      where t.experiment = $1 and \(keys)
      """, [.int32(experiment)] + parameters(rows)
    ).affected
    guard found == rows.count else {
      throw PostgresError(
        .decoding,
        message:
          "\(rows.count - found) rows of \(name) are not there any more, such as \(table.keyText(rows[0])) or after "
          + "it; autodidact projection verify says which, autodidact projection rebuild makes them again")
    }
  }

  /// One array a column.
  private func parameters(_ rows: [EncodedRow]) -> [Parameter] {
    var columns = [[UInt8]](repeating: [], count: table.columns.count)
    for row in rows {
      let offsets = table.offsets(row)
      for index in columns.indices { columns[index] += row[offsets[index]..<offsets[index + 1]] }
    }
    return zip(table.columns, columns).map { column, bytes in
      .array(of: column.type.element, count: rows.count, encoded: bytes)
    }
  }

  /// All rows of the experiment, a page at a time in order of their keys as the server orders them.
  func read(on connection: isolated Connection) throws(PostgresError) -> [EncodedRow] {
    let names = table.columns.map(\.name).joined(separator: ", ")
    // A cursor: one snapshot, and no more than a page in memory twice.
    try connection.execute(
      "declare stored_rows no scroll cursor for select \(names) from \(name) where experiment = \(experiment)")
    var rows: [EncodedRow] = []
    while true {
      let page = try connection.query("fetch 10000 from stored_rows")
      for row in page { rows.append(try row.encoded(table.columns.count)) }
      if page.isEmpty { break }
    }
    try connection.execute("close stored_rows")
    return rows
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

extension ColumnType {
  fileprivate var element: Parameter.ElementType {
    switch self {
    case .int4: .int4
    case .int8: .int8
    case .float8: .float8
    case .text: .text
    case .bool: .bool
    case .timestamptz: .timestamptz
    case .int4Array, .int8Array, .float8Array, .textArray: preconditionFailure("\(rawValue) is an array")
    }
  }
}

extension Row {
  /// The row as projections encode theirs.
  fileprivate func encoded(_ columns: Int) throws(PostgresError) -> EncodedRow {
    var row: EncodedRow = []
    row.reserveCapacity(columns * 12)
    for column in 0..<columns {
      let isNull = isNull(column)
      let value: ArraySlice<UInt8> = isNull ? [] : try bytes(column)
      withUnsafeBytes(of: Int32(isNull ? -1 : value.count).bigEndian) { row.append(contentsOf: $0) }
      row += value
    }
    return row
  }
}
