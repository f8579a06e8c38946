import FoundationEssentials

/// A projection: a pure fold of one experiment's events into rows of tables. Given the same events it makes the same rows,
/// whether they stay in memory (`FoldedProjection`), are stored as the log grows (`ExperimentProjector`) or are folded again
/// to check the stored ones (`ProjectionCheck`): all three run this one code.
///
/// The value is the fold's state, and the state is what later events need to know; rows leave it through `RowChanges` and are
/// never read back. No clock, no random source, no IO. A fork's events begin with the ones it shares with its parent
/// (`ProjectedEvent.isInherited`).
///
/// To add one: a file with a type of this kind, its name in the catalogue, and a migration with its tables
/// (docs/sql.md, "Projections").
package protocol Projection: Codable, Sendable {
  /// What it is called: `autodidact projection`, the consumer `projection/NAME`, the view `projection.NAME` of its first table.
  static var name: String { get }
  /// Counts up whenever the code changes what comes out, rows or saved state. A new version is built beside the old one.
  static var version: Int { get }
  static var tables: [ProjectionTable] { get }

  /// The fold of no events.
  init()

  /// Takes the next event and says which rows it makes or changes.
  ///
  /// - Throws: `ProjectionError`, or anything else that names what the event should have been: this projection stops there,
  ///   and nothing else does.
  mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws

  /// Makes the rows that `apply` has put off: called at the end of every batch of events, with the same changes. A row that
  /// many events of a batch change is made once so. Without events since the last call it does nothing, and the state saved
  /// after it knows nothing of batches.
  mutating func finish(_ changes: inout RowChanges) throws

  /// The state as bytes, for a restart that does not begin with the first event. Equal states have equal bytes.
  func saved() throws -> Data
  /// The state that `saved` wrote.
  init(saved: Data) throws
}

extension Projection {
  /// For those that put nothing off.
  package mutating func finish(_ changes: inout RowChanges) throws {}

  package func saved() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  package init(saved: Data) throws { self = try JSONDecoder().decode(Self.self, from: saved) }
}

/// Name and version of a projection: what its tables, its consumer and its saved states are called by.
package struct ProjectionIdentity: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let name: String
  package let version: Int

  package init(name: String, version: Int) {
    self.name = name
    self.version = version
  }

  /// Who acknowledges the events of an experiment for it.
  package func consumer(of experiment: ExperimentID) -> Consumer {
    Consumer(name: "projection/\(name)", version: version, experiment: experiment)
  }

  /// What its saved states are kept under.
  package var fold: String { "projection/\(name)/\(version)" }
  package var description: String { "\(name) version \(version)" }

  package static func < (left: Self, right: Self) -> Bool { (left.name, left.version) < (right.name, right.version) }
}

/// A projection as a value: what those who drive, verify and list projections hold of one.
package struct ProjectionDefinition: Sendable {
  package let identity: ProjectionIdentity
  package let tables: [ProjectionTable]
  package let make: @Sendable () -> any Projection
  package let restore: @Sendable (Data) throws -> any Projection

  package init<P: Projection & SendableMetatype>(_ type: P.Type) {
    identity = ProjectionIdentity(name: P.name, version: P.version)
    tables = P.tables
    make = { P() }
    restore = { try P(saved: $0) }
  }
}

/// A table of a projection: `projection.NAME_VERSION`, with the column `experiment` before these.
package struct ProjectionTable: Hashable, Sendable {
  package struct Column: Hashable, Sendable {
    package let name: String
    package let type: ColumnType

    package init(_ name: String, _ type: ColumnType) {
      self.name = name
      self.type = type
    }
  }

  package let name: String
  /// The key first; then the others. One of them is `position`, an `int8`: of the event that the row begins with.
  package let columns: [Column]
  /// How many of the columns are the key, within an experiment.
  package let keyCount: Int

  package init(_ name: String, key: [Column], _ others: [Column]) {
    self.name = name
    columns = key + others
    keyCount = key.count
    precondition(columns.contains(Column("position", .int8)), "table \(name) has no column position")
  }

  var positionIndex: Int { columns.firstIndex { $0.name == "position" } ?? 0 }
}

/// The types of column that projections use, by PostgreSQL's names.
package enum ColumnType: String, Hashable, Sendable {
  case int4, int8, float8, text, bool, timestamptz
  /// Many values of one row, for rows that are inserted and never changed.
  case int4Array = "int4[]"
  case int8Array = "int8[]"
  case float8Array = "float8[]"
  case textArray = "text[]"

  package var isArray: Bool { rawValue.hasSuffix("[]") }
}

/// A value of a row.
package enum RowValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case number(Double)
  case text(String)
  case flag(Bool)
  case time(Timestamp)
  case integers([Int64?])
  case numbers([Double?])
  case texts([String?])

  package static func integers(_ values: [Int?]) -> RowValue { .integers(values.map { $0.map { Int64($0) } }) }
  package static func integer(_ value: Int?) -> RowValue { value.map { .integer(Int64($0)) } ?? .null }
  package static func number(_ value: Double?) -> RowValue { value.map { RowValue.number($0) } ?? .null }
  package static func position(_ value: Position?) -> RowValue { value.map { .integer($0.rawValue) } ?? .null }
  package static func text(_ value: String?) -> RowValue { value.map { RowValue.text($0) } ?? .null }
  package static func time(_ value: Timestamp?) -> RowValue { value.map { RowValue.time($0) } ?? .null }
}

/// Why a projection cannot go on.
package enum ProjectionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// An event that cannot follow those before it.
  case unexpected(String)
  /// A value that its column does not hold.
  case value(table: String, column: String, found: String)
  /// The fold makes a row twice, or changes one that is not there.
  case row(table: String, key: String, reason: String)

  package var description: String {
    switch self {
    case .unexpected(let reason): reason
    case .value(let table, let column, let found): "column \(column) of table \(table) cannot hold \(found)"
    case .row(let table, let key, let reason): "row \(key) of table \(table) \(reason)"
    }
  }
}
