import Crypto
import FoundationEssentials
import Glibc

/// A projection of one experiment in memory: the fold and all its rows.
///
/// `ProjectionCheck` compares the stored rows with one; the tests compare folds in one piece and in many.
package struct FoldedProjection: Sendable {
  package let definition: ProjectionDefinition
  package private(set) var fold: any Projection
  /// The last event taken.
  package private(set) var position: Position = .start
  private var rows: [[ArraySlice<UInt8>: EncodedRow]]

  package init(_ definition: ProjectionDefinition) {
    self.definition = definition
    fold = definition.make()
    rows = definition.tables.map { _ in [:] }
  }

  /// Takes the next events.
  ///
  /// - Throws: what the fold throws, and `.row` for a change that does not fit the rows.
  package mutating func apply(_ events: some Sequence<ProjectedEvent>) throws {
    var changes = RowChanges(definition.tables)
    for event in events {
      try fold.apply(event, &changes)
      position = event.position
    }
    try fold.finish(&changes)
    try take(changes)
  }

  private mutating func take(_ changes: RowChanges) throws(ProjectionError) {
    for (index, table) in definition.tables.enumerated() {
      for row in changes.changes[index].inserted {
        guard rows[index].updateValue(row, forKey: row[..<table.keyEnd(row)]) == nil else {
          throw .row(table: table.name, key: table.keyText(row), reason: "is made twice")
        }
      }
      for row in changes.changes[index].updated {
        guard rows[index].updateValue(row, forKey: row[..<table.keyEnd(row)]) != nil else {
          throw .row(table: table.name, key: table.keyText(row), reason: "is changed and was never made")
        }
      }
    }
  }

  /// Its rows, as they would be stored.
  package var stored: StoredRows {
    StoredRows(position: position, tables: rows.map { $0.values.sorted(by: precedes) })
  }

  package var digest: String { stored.digest(of: definition) }

  /// Folds an experiment up to a position, or to the end of the log.
  ///
  /// - Throws: what the log, `EventCoding` and the fold throw.
  package static func fold(
    _ definition: ProjectionDefinition, of experiment: ExperimentID, from source: any ProjectionSource,
    through last: Position = Position(.max), pageMax: Int = LogLimits.readMax
  ) async throws -> FoldedProjection {
    var folded = FoldedProjection(definition)
    while true {
      let page = try await source.page(of: experiment, after: folded.position, limit: pageMax)
      try folded.apply(page.events.prefix { $0.position <= last })
      if let failure = page.failure, failure.position <= last { throw failure }
      if page.isLast || (page.events.last?.position ?? last) >= last { return folded }
    }
  }
}

/// All rows of a projection of one experiment at some position, each table's in order of their bytes.
package struct StoredRows: Hashable, Sendable {
  package var position: Position
  package var tables: [[EncodedRow]]

  package init(position: Position, tables: [[EncodedRow]]) {
    self.position = position
    self.tables = tables
  }

  package var count: Int { tables.reduce(0) { $0 + $1.count } }

  /// Canonical digest: SHA-256 of the projection's name and version and, of each table in their order, its name, the number
  /// of its rows and the rows, in hexadecimal. Says nothing about the database: neither numbers of experiments nor the
  /// server's order of texts are in it.
  package func digest(of definition: ProjectionDefinition) -> String {
    var hash = SHA256()
    func add(_ text: String) { hash.update(data: Data("\(text)\n".utf8)) }
    add("\(definition.identity.fold)")
    for (table, rows) in zip(definition.tables, tables) {
      add("\(table.name) \(rows.count)")
      for row in rows { hash.update(data: row) }
    }
    let digits = Array("0123456789abcdef")
    return String(hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

/// The order of rows in a digest.
package func precedes(_ left: EncodedRow, _ right: EncodedRow) -> Bool {
  left.withUnsafeBytes { left in
    right.withUnsafeBytes { right in
      let common = min(left.count, right.count)
      if common > 0 {
        let order = memcmp(left.baseAddress!, right.baseAddress!, common)
        if order != 0 { return order < 0 }
      }
      return left.count < right.count
    }
  }
}
