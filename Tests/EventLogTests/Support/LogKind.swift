import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

/// The logs that must behave alike. The same test bodies run on each.
enum LogKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case inMemory, postgres

  /// All of them, or those that can run here.
  static let available = allCases.filter { $0 != .postgres || TestServer.isAvailable }

  var testDescription: String { rawValue }

  /// Runs `body` with an empty log.
  func withLog(_ body: (any EventLog) async throws -> Void) async throws {
    switch self {
    case .inMemory:
      try await body(InMemoryEventLog(clock: ContinuousClock()) { Timestamp(microseconds: 1_750_000_000_123_456) })
    case .postgres:
      try await TestServer.withDatabase { settings in
        try await body(PostgresEventLog(settings, clock: ContinuousClock()))
      }
    }
  }

  /// Runs `body` with a log that holds one experiment at version 1.
  func withExperiment(_ body: (any EventLog, ExperimentID) async throws -> Void) async throws {
    try await withLog { log in
      let id = ExperimentID.numbered(1)
      _ = try await log.createExperiment(
        id, name: "first", state: "created", events: [.named("Created")], key: "create")
      try await body(log, id)
    }
  }
}
