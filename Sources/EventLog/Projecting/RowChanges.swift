/// What a batch of events does to the rows of a projection's tables. Several changes of one row are one change, to what it is
/// in the end.
package struct RowChanges: Sendable {
  /// The changes of one table, in the order in which its rows were first touched.
  package struct Changes: Sendable {
    /// Rows that were not there before.
    package fileprivate(set) var inserted: [EncodedRow] = []
    /// Rows that were, as they are now.
    package fileprivate(set) var updated: [EncodedRow] = []
    fileprivate var places: [ArraySlice<UInt8>: Place] = [:]
  }

  fileprivate enum Place {
    case inserted(Int)
    case updated(Int)
  }

  package let tables: [ProjectionTable]
  package private(set) var changes: [Changes]

  package init(_ tables: [ProjectionTable]) {
    self.tables = tables
    changes = tables.map { _ in Changes() }
  }

  package var isEmpty: Bool { changes.allSatisfy { $0.inserted.isEmpty && $0.updated.isEmpty } }

  /// A new row of the table with this index.
  ///
  /// - Throws: `.row` if this batch has one with its key already; `.value`.
  package mutating func insert(_ table: Int, _ values: [RowValue]) throws(ProjectionError) {
    let row = try tables[table].encode(values)
    let key = row[..<tables[table].keyEnd(row)]
    guard changes[table].places.updateValue(.inserted(changes[table].inserted.count), forKey: key) == nil else {
      throw .row(table: tables[table].name, key: tables[table].keyText(row), reason: "is made twice")
    }
    changes[table].inserted.append(row)
  }

  /// A row that was inserted earlier, in this batch or in one before, as it is now: all its values.
  package mutating func update(_ table: Int, _ values: [RowValue]) throws(ProjectionError) {
    let row = try tables[table].encode(values)
    let key = row[..<tables[table].keyEnd(row)]
    switch changes[table].places[key] {
    case .inserted(let index): changes[table].inserted[index] = row
    case .updated(let index): changes[table].updated[index] = row
    case nil:
      changes[table].places[key] = .updated(changes[table].updated.count)
      changes[table].updated.append(row)
    }
  }
}
