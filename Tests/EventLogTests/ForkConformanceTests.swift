import EventLog
import Foundation
import Testing

@Suite("Every log: forks")
struct ForkConformanceTests {
  private static let consumer = Consumer(name: "learner", experiment: .numbered(2))

  private func fork(
    _ log: any EventLog, _ number: UInt8, of parent: UInt8, at version: Int64, key: String? = nil, name: String? = nil,
    acknowledgement: Acknowledgement? = nil
  ) async throws(EventLogError) -> Appended {
    try await log.forkExperiment(
      .numbered(number), name: name ?? "fork \(number)", state: "running", parent: .numbered(parent),
      parentVersion: version, event: .named("Forked"), key: key ?? "fork \(number)", acknowledgement: acknowledgement)
  }

  private func append(_ log: any EventLog, _ number: UInt8, _ count: Int, _ key: String) async throws {
    let version = try #require(try await log.experiment(.numbered(number))?.version)
    _ = try await log.append(
      Append(
        key: key, experiment: .numbered(number), expectedVersion: version, epoch: nil,
        events: (0..<count).map { .named($0 % 2 == 0 ? "Even" : "Odd") }))
  }

  /// Experiment 1 with versions 1…6; its fork 2 at version 4 with its own 5…7; 1 goes on to 9; 3 forks 2 at version 6; 4
  /// stands beside them.
  private func withFamily(_ kind: LogKind, _ body: (any EventLog) async throws -> Void) async throws {
    try await kind.withExperiment { log, _ in
      try await append(log, 1, 5, "a")
      _ = try await fork(log, 2, of: 1, at: 4)
      _ = try await log.createExperiment(
        .numbered(4), name: "beside", state: "s", events: [.named("Created")], key: "beside")
      try await append(log, 1, 1, "b")
      try await append(log, 2, 2, "c")
      try await append(log, 1, 2, "d")
      _ = try await fork(log, 3, of: 2, at: 6)
      try await append(log, 3, 3, "e")
      try await append(log, 2, 1, "f")
      try await body(log)
    }
  }

  @Test(
    "a fork is read as its parent's events and then its own, without a gap in versions", arguments: LogKind.available)
  func reading(_ kind: LogKind) async throws {
    try await withFamily(kind) { log in
      let one = try await log.read(experiment: .numbered(1), after: .start, types: nil, limit: 100)
      let two = try await log.read(experiment: .numbered(2), after: .start, types: nil, limit: 100)
      let three = try await log.read(experiment: .numbered(3), after: .start, types: nil, limit: 100)
      #expect(one.map(\.version) == Array(1...9))
      #expect(two.map(\.version) == Array(1...8))
      #expect(three.map(\.version) == Array(1...10))
      #expect(two.prefix(4) == one.prefix(4))
      #expect(three.prefix(6) == two.prefix(6))
      #expect(one.map(\.experiment) == Array(repeating: .numbered(1), count: 9))
      #expect(two.dropFirst(4).allSatisfy { $0.experiment == .numbered(2) })
      #expect(three.dropFirst(6).allSatisfy { $0.experiment == .numbered(3) })
      for stream in [one, two, three] { #expect(stream.map(\.position) == stream.map(\.position).sorted()) }
    }
  }

  @Test("pages of any size, after any position and of any type, give the same stream", arguments: LogKind.available)
  func pages(_ kind: LogKind) async throws {
    try await withFamily(kind) { log in
      let head = try await log.head().position.rawValue
      for number in UInt8(1)...4 {
        let all = try await log.read(experiment: .numbered(number), after: .start, types: nil, limit: 100)
        for position in 0...head {
          let later = all.filter { $0.position > Position(position) }
          for limit in [1, 2, 5] {
            let page = try await log.read(
              experiment: .numbered(number), after: Position(position), types: nil, limit: limit)
            #expect(page == Array(later.prefix(limit)), "experiment \(number) after \(position), limit \(limit)")
          }
          let odd = try await log.read(
            experiment: .numbered(number), after: Position(position), types: ["Odd"], limit: 2)
          #expect(odd == Array(later.filter { $0.type == "Odd" }.prefix(2)))
        }
      }
    }
  }

  @Test("the lineage is the root, every fork on the way, and the experiment itself", arguments: LogKind.available)
  func lineage(_ kind: LogKind) async throws {
    try await withFamily(kind) { log in
      let lineage = try await log.lineage(of: .numbered(3))
      #expect(lineage.map(\.experiment) == [.numbered(1), .numbered(2), .numbered(3)])
      #expect(lineage.map { $0.last?.version } == [4, 6, nil])
      let record = try #require(try await log.experiment(.numbered(2)))
      #expect(record.parent == ParentLink(experiment: .numbered(1), version: 4, position: Position(4)))
      let root = try #require(try await log.experiment(named: "first"))
      #expect(root.parent == nil)
      let unknown = try await log.lineage(of: .numbered(9))
      #expect(unknown.isEmpty)
    }
  }

  @Test("the hash chain is whole with forks in it", arguments: LogKind.available)
  func chain(_ kind: LogKind) async throws {
    try await withFamily(kind) { log in
      let report = try await ChainAudit.audit(log, pageSize: 3)
      #expect(report.appends == 10)
    }
  }

  @Test("a fork sent twice is made once; its key cannot be used for another", arguments: LogKind.available)
  func idempotent(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, _ in
      let first = try await fork(log, 2, of: 1, at: 1)
      let again = try await fork(log, 2, of: 1, at: 1)
      #expect(!first.replayed && again.replayed && again.first == first.first && again.version == 2)
      let count = try await log.experiments().count
      #expect(count == 2)
      await #expect(throws: EventLogError.keyReused("fork 2")) {
        _ = try await fork(log, 2, of: 1, at: 1, name: "other")
      }
    }
  }

  @Test(
    "names and ids stay unique, and a version that the parent did not record is refused", arguments: LogKind.available)
  func refused(_ kind: LogKind) async throws {
    try await withFamily(kind) { log in
      let before = try await log.head()
      await #expect(throws: EventLogError.nameTaken("first")) {
        _ = try await fork(log, 5, of: 1, at: 1, name: "first")
      }
      await #expect(throws: EventLogError.experimentExists(.numbered(4))) {
        _ = try await fork(log, 4, of: 1, at: 1, key: "k", name: "new")
      }
      await #expect(throws: EventLogError.unknownExperiment(.numbered(9))) { _ = try await fork(log, 5, of: 9, at: 1) }
      // Version 3 of experiment 2 is experiment 1's.
      for version in [Int64(0), 3, 99] {
        do {
          _ = try await fork(log, 5, of: 2, at: version)
          Issue.record("a fork at version \(version) was made")
        } catch {
          guard case .invalidEvent = error as? EventLogError else { throw error }
        }
      }
      let (after, count) = (try await log.head(), try await log.experiments().count)
      #expect(after == before && count == 4)
    }
  }

  @Test("a fork's consumer begins where it is told to", arguments: LogKind.available)
  func consumer(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, _ in
      try await append(log, 1, 3, "a")
      _ = try await fork(
        log, 2, of: 1, at: 4,
        acknowledgement: Acknowledgement(consumer: Self.consumer, from: .start, to: Position(3)))
      let record = try await log.consumer(Self.consumer)
      #expect(record.position == Position(3))
    }
  }

  @Test("an unused fork costs one experiment, one event and one append", arguments: LogKind.available)
  func storage(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, _ in
      try await append(log, 1, 500, "a")
      let before = try await log.head().position
      _ = try await fork(log, 2, of: 1, at: 400)
      let after = try await log.head().position
      let appends = try await log.appends(after: before, limit: 10)
      #expect(after == before.advanced(by: 1) && appends.count == 1)
    }
  }
}
