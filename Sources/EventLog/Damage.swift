import FoundationEssentials

/// What an audit found wrong first: where it lies and how it shows.
package struct Damage: Hashable, Sendable, Encodable, CustomStringConvertible {
  /// Such as `log.events`, or the path of a file.
  package let table: String
  package let position: Position?
  /// Key of the append, name of the consumer, number of the segment: what the row is found by besides.
  package let key: String?
  package let reason: String

  package init(table: String, position: Position? = nil, key: String? = nil, reason: String) {
    self.table = table
    self.position = position
    self.key = key
    self.reason = reason
  }

  package var description: String {
    table + (position.map { ", position \($0)" } ?? "") + (key.map { " (\($0))" } ?? "") + ": \(reason)"
  }
}
