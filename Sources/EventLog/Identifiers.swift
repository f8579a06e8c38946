import FoundationEssentials

/// A place in the log: global over all experiments, gapless, in commit order, from 1. Given by the log, never by a caller.
package struct Position: RawRepresentable, Comparable, Hashable, Codable, Sendable, CustomStringConvertible {
  package let rawValue: Int64

  /// Before the first event: reading `after: .start` reads everything.
  package static let start = Position(rawValue: 0)

  package init(rawValue: Int64) { self.rawValue = rawValue }
  package init(_ rawValue: Int64) { self.rawValue = rawValue }

  package static func < (left: Position, right: Position) -> Bool { left.rawValue < right.rawValue }
  package var description: String { String(rawValue) }

  /// The position `count` events further on.
  package func advanced(by count: Int) -> Position { Position(rawValue + Int64(count)) }

  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

/// When the log recorded an append: whole microseconds since 1970-01-01 UTC, which is what PostgreSQL keeps.
///
/// An integer rather than a `Date`, because the chain hashes it and a rounded fraction would break the chain.
package struct Timestamp: RawRepresentable, Comparable, Hashable, Codable, Sendable {
  package let rawValue: Int64

  package init(rawValue: Int64) { self.rawValue = rawValue }
  package init(microseconds: Int64) { rawValue = microseconds }
  package init(_ date: Date) { rawValue = Int64((date.timeIntervalSince1970 * 1_000_000).rounded()) }

  package var date: Date { Date(timeIntervalSince1970: Double(rawValue) / 1_000_000) }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.rawValue < right.rawValue }
}
