import EventLog
import Foundation
import Testing

@Suite("Every log: reading")
struct ReadConformanceTests {
  /// Two experiments whose appends of 1 to 4 events take turns: positions 1…20.
  private func withTwo(_ kind: LogKind, _ body: (any EventLog, [ExperimentID]) async throws -> Void) async throws {
    try await kind.withLog { log in
      let ids = [ExperimentID.numbered(1), .numbered(2)]
      var versions: [Int64] = [1, 1]
      for (index, id) in ids.enumerated() {
        _ = try await log.createExperiment(
          id, name: "e\(index)", state: "s", events: [.named("Created")], key: "create \(index)")
      }
      for round in 0..<7 {
        let index = round % 2
        let events = (0...(round % 4)).map { NewEvent.named($0 % 2 == 0 ? "Even" : "Odd") }
        versions[index] = try await log.append(
          Append(
            key: "round \(round)", experiment: ids[index], expectedVersion: versions[index], epoch: nil,
            events: events)
        ).version
      }
      try await body(log, ids)
    }
  }

  @Test("reading in pages of any size gives each event once, in order", arguments: LogKind.available, [1, 3, 100])
  func pages(_ kind: LogKind, size: Int) async throws {
    try await withTwo(kind) { log, _ in
      var positions: [Int64] = []
      while true {
        let after = Position(positions.last ?? 0)
        let page = try await log.read(experiment: nil, after: after, types: nil, limit: size)
        if page.isEmpty { break }
        positions += page.map(\.position.rawValue)
      }
      let head = try await log.head().position.rawValue
      #expect(positions == Array(1...head))
    }
  }

  @Test("one experiment read after any position gives exactly its later events", arguments: LogKind.available)
  func experimentAfterAnyPosition(_ kind: LogKind) async throws {
    try await withTwo(kind) { log, ids in
      let all = try await log.read(experiment: nil, after: .start, types: nil, limit: 100)
      for id in ids {
        for position in 0...(all.count + 2) {
          let after = Position(Int64(position))
          let read = try await log.read(experiment: id, after: after, types: nil, limit: 100)
          #expect(read == all.filter { $0.experiment == id && $0.position > after }, "after \(position)")
        }
      }
    }
  }

  @Test("a filter by type skips the others and keeps the order", arguments: LogKind.available)
  func types(_ kind: LogKind) async throws {
    try await withTwo(kind) { log, ids in
      let all = try await log.read(experiment: ids[1], after: .start, types: nil, limit: 100)
      let odd = try await log.read(experiment: ids[1], after: .start, types: ["Odd", "Absent"], limit: 2)
      #expect(odd == Array(all.filter { $0.type == "Odd" }.prefix(2)))
      #expect(try await log.read(experiment: nil, after: .start, types: [], limit: 2).isEmpty)
    }
  }

  @Test("what is not there is nil or empty", arguments: LogKind.available)
  func absent(_ kind: LogKind) async throws {
    try await withTwo(kind) { log, _ in
      let end = try await log.head().position
      #expect(try await log.event(at: .start) == nil)
      #expect(try await log.event(at: end)?.position == end)
      #expect(try await log.event(at: end.advanced(by: 1)) == nil)
      #expect(try await log.read(experiment: .numbered(9), after: .start, types: nil, limit: 5).isEmpty)
      #expect(try await log.read(experiment: nil, after: end, types: nil, limit: 5).isEmpty)
      #expect(try await log.experiment(named: "nobody") == nil)
      #expect(try await log.experiment(.numbered(9)) == nil)
      #expect(try await log.generations(at: [Position(1), Position(999)]).isEmpty)
    }
  }

  @Test("the chain recomputes from what is read back, also from the middle of an append", arguments: LogKind.available)
  func chain(_ kind: LogKind) async throws {
    try await withTwo(kind) { log, _ in
      let report = try await ChainAudit.audit(log, pageSize: 2)
      #expect(report.appends == 9)
      #expect(report.head == (try await log.head()))
      let all = try await log.appends(after: .start, limit: 100)
      for position in 0...report.head.position.rawValue {
        let after = Position(position)
        #expect(try await log.appends(after: after, limit: 100) == all.filter { $0.last > after })
      }
    }
  }

  @Test("an empty log has the head that every chain begins with", arguments: LogKind.available)
  func empty(_ kind: LogKind) async throws {
    try await kind.withLog { log in
      let report = try await ChainAudit.audit(log)
      #expect(report == ChainAudit.Report(appends: 0, head: LogHead(position: .start, hash: HashChain.genesis)))
      let experiments = try await log.experiments()
      #expect(experiments.isEmpty)
    }
  }

  @Test("a waiting reader returns when an append comes", .timeLimit(.minutes(1)), arguments: LogKind.available)
  func wait(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      await log.wait(after: .start, timeout: .seconds(3600))  // there already
      async let waited: Void = log.wait(after: Position(1), timeout: .seconds(3600))
      _ = try await log.append(.control("k", id, at: 1))
      await waited
    }
  }

  @Test("a waiting reader returns when its time is over", .timeLimit(.minutes(1)), arguments: LogKind.available)
  func waitTimesOut(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, _ in await log.wait(after: Position(1), timeout: .milliseconds(20)) }
  }

  @Test("a waiting reader returns when it is cancelled", .timeLimit(.minutes(1)), arguments: LogKind.available)
  func waitCancelled(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, _ in
      let waiting = Task { await log.wait(after: Position(1), timeout: .seconds(3600)) }
      waiting.cancel()
      await waiting.value
    }
  }
}
