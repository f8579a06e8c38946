import EventLog
import Foundation
import Testing

@Suite("Every log: several writers")
struct WriterConformanceTests {
  @Test("eight writers on expected versions give one total order: no gap, nothing lost", arguments: LogKind.available)
  func eightWriters(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let writers = 8
      let each = 10
      let acknowledged = try await withThrowingTaskGroup(of: [Int64: String].self) { group in
        for writer in 0..<writers {
          group.addTask { try await write(log, id, writer: writer, count: each) }
        }
        return try await group.reduce(into: [:]) { $0.merge($1) { $1 } }
      }
      let events = try await log.read(experiment: id, after: Position(1), types: nil, limit: 1000)
      #expect(events.map(\.position.rawValue) == Array(2...Int64(1 + writers * each)))
      #expect(events.map(\.version) == Array(2...Int64(1 + writers * each)))
      let appends = try await log.appends(after: Position(1), limit: 1000)
      let logged = Dictionary(uniqueKeysWithValues: appends.map { ($0.first.rawValue, $0.key) })
      #expect(logged == acknowledged)
      _ = try await ChainAudit.audit(log)
    }
  }

  /// Appends `count` events one by one and returns their keys by position.
  private func write(
    _ log: any EventLog, _ id: ExperimentID, writer: Int, count: Int
  ) async throws(EventLogError) -> [Int64: String] {
    var keys: [Int64: String] = [:]
    for number in 0..<count {
      let key = "writer \(writer) event \(number)"
      keys[try await appendWhenPossible(log, id, key: key).rawValue] = key
    }
    return keys
  }

  /// Reads the version and appends on it until nobody was faster.
  private func appendWhenPossible(
    _ log: any EventLog, _ id: ExperimentID, key: String
  ) async throws(EventLogError) -> Position {
    while true {
      guard let version = try await log.experiment(id)?.version else { throw .unknownExperiment(id) }
      do throws(EventLogError) {
        return try await log.append(.control(key, id, at: version)).first
      } catch {
        guard case .wrongExpectedVersion = error else { throw error }
      }
    }
  }

  @Test("the same append sent eight times at once is written once", arguments: LogKind.available)
  func sameAppendAtOnce(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let results = try await withThrowingTaskGroup(of: Appended.self) { group in
        for _ in 0..<8 { group.addTask { try await log.append(.control("k", id, at: 1)) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(results.filter { !$0.replayed }.count == 1)
      #expect(Set(results.map(\.first)) == [Position(2)])
      #expect(try await log.head().position == Position(2))
    }
  }

  @Test("a raised epoch fences the writer before", arguments: LogKind.available)
  func staleEpoch(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let old = try await log.raiseEpoch(of: id, takeOver: false)
      let new = try await log.raiseEpoch(of: id, takeOver: true)
      #expect(old == 1 && new == 2)
      var append = Append.control("k", id, at: 1)
      append.epoch = old
      await #expect(throws: EventLogError.staleEpoch(experiment: id, held: old, current: new)) {
        try await log.append(append)
      }
      append.epoch = new
      #expect(try await log.append(append).version == 2)
      #expect(try await log.appends(after: Position(1), limit: 1).first?.epoch == new)
    }
  }

  @Test("an append that was made before the fence fell is still found by its key", arguments: LogKind.available)
  func replayAcrossEpochs(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      var append = Append.control("k", id, at: 1)
      append.epoch = try await log.raiseEpoch(of: id, takeOver: false)
      _ = try await log.append(append)
      _ = try await log.raiseEpoch(of: id, takeOver: true)
      #expect(try await log.append(append).replayed)
    }
  }

  @Test("a live writer is replaced only by a take-over, a released one by anybody", arguments: LogKind.available)
  func held(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let first = try await log.raiseEpoch(of: id, takeOver: false)
      await #expect(throws: EventLogError.experimentHeld(experiment: id, epoch: first)) {
        try await log.raiseEpoch(of: id, takeOver: false)
      }
      let second = try await log.raiseEpoch(of: id, takeOver: true)
      await log.releaseEpoch(first, of: id)  // too late: it holds nothing any more
      await #expect(throws: EventLogError.experimentHeld(experiment: id, epoch: second)) {
        try await log.raiseEpoch(of: id, takeOver: false)
      }
      await log.releaseEpoch(second, of: id)
      #expect(try await log.raiseEpoch(of: id, takeOver: false) == 3)
      await #expect(throws: EventLogError.unknownExperiment(.numbered(9))) {
        try await log.raiseEpoch(of: .numbered(9), takeOver: true)
      }
    }
  }

  @Test(
    "a control event makes the daemon's expected version stale, and passes without an epoch",
    arguments: LogKind.available)
  func controlAgainstDaemon(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let epoch = try await log.raiseEpoch(of: id, takeOver: false)
      var step = Append(key: "step 1", experiment: id, expectedVersion: 1, epoch: epoch, events: [.full(1), .full(2)])
      _ = try await log.append(.control("pause", id, at: 1, "PauseRequested"))
      await #expect(throws: EventLogError.wrongExpectedVersion(experiment: id, expected: 1, found: 2)) {
        try await log.append(step)
      }
      // It reads what came, finds its step still wanted, and appends it on the new version.
      let news = try await log.read(experiment: id, after: Position(1), types: nil, limit: 10)
      #expect(news.map(\.type) == ["PauseRequested"])
      step.expectedVersion = 2
      #expect(try await log.append(step).version == 4)
    }
  }
}
