/// Whether the stored rows of a projection of one experiment are what the events come to: they are folded again from the
/// first event, trusting no saved state, and compared byte by byte.
package struct ProjectionCheck: Hashable, Sendable {
  /// A row that differs.
  package struct Difference: Hashable, Sendable, CustomStringConvertible {
    /// With schema and version: `projection.attempts_1`.
    package let table: String
    package let key: String
    /// Of the event that the row begins with.
    package let position: Position
    package let reason: String

    package var description: String { "\(table), \(key), position \(position): \(reason)" }
  }

  package let identity: ProjectionIdentity
  /// How far the stored rows are; that far was folded.
  package let position: Position
  package let rows: Int
  /// Canonical digests of the stored rows and of those folded now.
  package let storedDigest: String
  package let foldedDigest: String
  package let differences: Int
  /// The one at the earliest position.
  package let first: Difference?

  package var isGood: Bool { differences == 0 && storedDigest == foldedDigest }

  /// - Throws: what the log and the fold throw: `.detached` for events that are not in the database.
  package static func check(
    _ definition: ProjectionDefinition, of experiment: ExperimentID, in store: any ProjectionStore
  ) async throws -> ProjectionCheck {
    let stored = try await store.storedRows(of: definition, for: experiment)
    let folded = try await FoldedProjection.fold(definition, of: experiment, from: store, through: stored.position)
    return compare(stored, folded.stored, definition)
  }

  /// Compares two sets of rows at the same position.
  package static func compare(
    _ stored: StoredRows, _ folded: StoredRows, _ definition: ProjectionDefinition
  ) -> ProjectionCheck {
    var count = 0
    var first: Difference?
    for (index, table) in definition.tables.enumerated() {
      let name = "projection.\(table.name)_\(definition.identity.version)"
      merge(stored.tables[index], folded.tables[index], table) { stored, folded in
        count += 1
        guard let row = folded ?? stored else { return }
        let position = table.position(of: row)
        if let first, first.position <= position { return }
        first = Difference(
          table: name, key: table.keyText(row), position: position, reason: reason(stored, folded, table))
      }
    }
    return ProjectionCheck(
      identity: definition.identity, position: stored.position, rows: stored.count,
      storedDigest: stored.digest(of: definition), foldedDigest: folded.digest(of: definition), differences: count,
      first: first)
  }

  /// Calls `visit` with each pair of rows of one key that are not equal.
  private static func merge(
    _ left: [EncodedRow], _ right: [EncodedRow], _ table: ProjectionTable,
    _ visit: (EncodedRow?, EncodedRow?) -> Void
  ) {
    var (i, j) = (0, 0)
    while i < left.count || j < right.count {
      guard i < left.count else { visit(nil, right[j]); j += 1; continue }
      guard j < right.count else { visit(left[i], nil); i += 1; continue }
      let (leftKey, rightKey) = (left[i][..<table.keyEnd(left[i])], right[j][..<table.keyEnd(right[j])])
      if leftKey == rightKey {
        if left[i] != right[j] { visit(left[i], right[j]) }
        i += 1
        j += 1
      } else if precedes(left[i], right[j]) {
        visit(left[i], nil)
        i += 1
      } else {
        visit(nil, right[j])
        j += 1
      }
    }
  }

  private static func reason(_ stored: EncodedRow?, _ folded: EncodedRow?, _ table: ProjectionTable) -> String {
    guard let stored else { return "the row is missing" }
    guard let folded else { return "no event makes this row" }
    let (storedOffsets, foldedOffsets) = (table.offsets(stored), table.offsets(folded))
    for (index, column) in table.columns.enumerated() {
      let (a, b) = (
        stored[storedOffsets[index]..<storedOffsets[index + 1]], folded[foldedOffsets[index]..<foldedOffsets[index + 1]]
      )
      guard a != b else { continue }
      if column.type.isArray {
        let left = table.elements(stored, index, at: storedOffsets[index])
        let right = table.elements(folded, index, at: foldedOffsets[index])
        let place = zip(left, right).enumerated().first { $1.0 != $1.1 }?.offset ?? min(left.count, right.count)
        return "\(column.name)[\(place + 1)] is \(place < left.count ? left[place] : "not there"), "
          + "the events say \(place < right.count ? right[place] : "nothing")"
      }
      return "\(column.name) is \(table.text(stored, index, at: storedOffsets[index])), "
        + "the events say \(table.text(folded, index, at: foldedOffsets[index]))"
    }
    return "the rows differ"
  }
}
