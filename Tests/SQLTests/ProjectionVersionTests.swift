import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Synchronization
import Testing

@Suite("Versions and failures of projections", .needsPostgres)
struct ProjectionVersionTests {
  private let all = ProjectionCatalogue.all

  /// Another version of the attempts: the same rows with the verdict in capitals.
  private struct LoudAttempts: Projection {
    static let name = AttemptsProjection.name
    static let version = 2
    static let tables = AttemptsProjection.tables

    private var quiet = AttemptsProjection()

    mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
      var theirs = RowChanges(Self.tables)
      try quiet.apply(event, &theirs)
      try quiet.finish(&theirs)
      guard case .attemptVerified(_, _, let verdict) = event.fact, let cause = event.recorded.cause else {
        for row in theirs.changes[0].inserted { try changes.insert(0, Self.tables[0].values(row)) }
        return
      }
      for row in theirs.changes[0].updated {
        var values = Self.tables[0].values(row)
        values[values.count - 1] = .text(verdict.rawValue.uppercased())
        #expect(values[0] == .integer(cause.rawValue))
        try changes.update(0, values)
      }
    }
  }

  /// Fails at the second weight update.
  private struct Fragile: Projection {
    static let name = "updates"
    static let version = 1
    static let tables = UpdatesProjection.tables

    private var updates = UpdatesProjection()
    private var seen = 0

    mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
      if case .weightsUpdated = event.fact {
        seen += 1
        if seen == 2 { throw ProjectionError.unexpected("two are too many") }
      }
      try updates.apply(event, &changes)
    }
  }

  @Test("a new version is built beside the old one on a live experiment and switched; queries are never empty")
  func switched() async throws {
    try await TestServer.withDatabase { database in
      let log = PostgresEventLog(database, clock: ContinuousClock())
      var writer = PlayWriter("live", smallSettings { $0.play.batch = 6 }, id: 1, log: log)
      try await writer.begin()
      let old = try #require(all.first { $0.identity.name == "attempts" })
      let new = ProjectionDefinition(LoudAttempts.self)
      var first = ExperimentProjector([old], of: writer.id, in: log)
      for number in 0..<20 { _ = try await writer.step(number) }
      _ = try await first.catchUp()

      let stop = Counter()
      let (reader, counts) = (try await Connection.open(database), Counter())
      let reading = Task {
        var fewest = Int64.max
        while stop.value == 0 {
          let row = try await reader.query(
            "select count(*), count(distinct verdict ~ '[A-Z]') from projection.attempts")[0]
          fewest = min(fewest, try row.int64(0))
          #expect(try row.int64(1) <= 1, "rows of two versions at once")
          counts.add(1)
        }
        return fewest
      }
      let atFirst = try await log.connectionCount(database, "select count(*) from projection.attempts")

      try await log.prepare(new.identity)
      try await log.prepare(new.identity)
      await #expect(throws: EventLogError.self, "it is empty, and cannot be the current one") {
        try await log.makeCurrent(new.identity)
      }
      var second = ExperimentProjector([new], of: writer.id, in: log, pageMax: 9)
      // The play goes on, with both versions after it.
      for number in 20..<40 {
        _ = try await writer.step(number)
        _ = try await first.catchUp()
        if number % 5 == 0 { _ = try await second.catchUp() }
      }
      _ = try await second.catchUp()
      try await log.makeCurrent(new.identity)
      while counts.value < 5 { try await Task.sleep(for: .milliseconds(1)) }
      stop.add(1)
      #expect(try await reading.value >= atFirst && atFirst > 0)
      await reader.close()

      #expect(
        try await log.projectionVersions().filter { $0.isCurrent && $0.identity.name == "attempts" }
          .map(\.identity) == [new.identity])
      let loud = try await log.connectionCount(
        database, "select count(*) from projection.attempts where verdict = 'CORRECT'")
      let quiet = try await log.connectionCount(
        database, "select count(*) from projection.attempts_1 where verdict = 'correct'")
      #expect(loud == quiet && loud > 0)
      for definition in [old, new] {
        #expect(try await ProjectionCheck.check(definition, of: writer.id, in: log).isGood)
      }
      // And back, which is a switch as well.
      try await log.makeCurrent(old.identity)
      #expect(
        try await log.connectionCount(database, "select count(*) from projection.attempts where verdict = 'CORRECT'")
          == 0)
    }
  }

  @Test("a projection that fails stops alone, says where and why, and goes on once it is mended")
  func failing() async throws {
    try await PlayedLog.with { played in
      let experiment = try #require(try await played.log.experiments().first)
      let others = all.filter { $0.identity.name != "updates" }
      var projector = ExperimentProjector(
        others + [ProjectionDefinition(Fragile.self)], of: experiment.id, in: played.log, pageMax: 50)
      let outcome = try await projector.catchUp()
      let fragile = ProjectionDefinition(Fragile.self)
      let failure = try #require(outcome.failures[fragile.identity])
      #expect(outcome.failures.count == 1 && failure.contains("two are too many"))
      let second = try await played.connection.query(
        "select position from log.events where experiment = 1 and type = 'WeightsUpdated' order by position offset 1 limit 1"
      )[0].int64(0)
      #expect(failure.hasPrefix("WeightsUpdated at position \(second): "))
      let statuses = try await played.log.projectionStatuses().filter { $0.experiment == experiment.id }
      for status in statuses {
        if status.identity == fragile.identity {
          #expect(status.state == .failed && status.failure == failure && status.position.rawValue == second - 1)
        } else {
          #expect(status.state == .running && status.lag == 0)
        }
      }
      // Left alone while it is failed; then with the mended code from where it stopped.
      #expect(try await projector.catchUp().events == 0)
      try await played.log.setState(.running, of: fragile.identity.consumer(of: experiment.id), failure: nil)
      var mended = ExperimentProjector(all, of: experiment.id, in: played.log)
      #expect(try await mended.catchUp().failures == [:])
      let updates = try #require(all.first { $0.identity.name == "updates" })
      let check = try await ProjectionCheck.check(updates, of: experiment.id, in: played.log)
      #expect(check.isGood && check.rows > 1)
    }
  }

  @Test("an event of an unknown type stops projections at its position, with its name, after everything before it")
  func unknownType() async throws {
    try await PlayedLog.with { played in
      let experiment = try #require(try await played.log.experiments().first)
      let head = try await played.log.append(
        Append(
          key: "unknown", experiment: experiment.id, expectedVersion: experiment.version, epoch: nil,
          events: [NewEvent(type: "Dreamt", body: Data("{}".utf8))]))
      var projector = ExperimentProjector(all, of: experiment.id, in: played.log, pageMax: 100)
      let outcome = try await projector.catchUp()
      #expect(outcome.failures.count == all.count)
      for failure in outcome.failures.values { #expect(failure.hasPrefix("Dreamt at position \(head.first): ")) }
      for definition in all {
        let check = try await ProjectionCheck.check(definition, of: experiment.id, in: played.log)
        #expect(check.isGood && check.position == experiment.lastPosition, "\(check)")
      }
    }
  }

  @Test("rows that were taken away stop their projection, and no other")
  func takenAway() async throws {
    try await TestServer.withDatabase { database in
      let log = PostgresEventLog(database, clock: ContinuousClock())
      var writer = PlayWriter("one", smallSettings { $0.play.batch = 6 }, id: 1, log: log)
      try await writer.begin()
      var projector = ExperimentProjector(all, of: writer.id, in: log)
      while try await writer.step() {
        _ = try await projector.catchUp()
        let count = try await log.connectionCount(
          database, "select count(*) from projection.attempts where verdict is null")
        if count > 0 { break }
      }
      let connection = try await Connection.open(database)
      try await connection.execute("delete from projection.attempts_1 where verdict is null")
      _ = try await writer.step()
      let outcome = try await projector.catchUp()
      #expect(outcome.failures.map(\.key.name) == ["attempts"], "\(outcome)")
      #expect(outcome.failures.values.first?.contains("projection.attempts_1 are not there any more") == true)
      await connection.close()
    }
  }

  @Test(
    "what is detached is not guessed at: a fold that needs it stops and names the file; one with a saved state goes on")
  func detached() async throws {
    try await TestServer.withDatabase { database in
      let owner = try await SegmentOwner(database)
      let connection = try await Connection.open(database)
      try await owner.setSize(60)
      let log = PostgresEventLog(database, clock: ContinuousClock())
      var writer = PlayWriter("one", smallSettings(), id: 1, log: log)
      try await writer.begin()
      for number in 0..<16 { _ = try await writer.step(number) }
      let segments = try await log.segments()
      guard let first = segments.first, first.last < (try await log.head().position) else {
        Issue.record("segments are \(segments)")
        return
      }
      var projector = ExperimentProjector(all, of: writer.id, in: log)
      _ = try await projector.catchUp()
      try await projector.saveStates()
      for (index, definition) in all.enumerated() where index == 0 {
        #expect(try await ProjectionCheck.check(definition, of: writer.id, in: log).isGood)
      }
      while try await writer.step() {}
      try await log.seal(first.number, root: Data(repeating: 1, count: 32))
      try await log.recordExport(
        of: first.number, root: Data(repeating: 1, count: 32), file: "/archive/one",
        digest: Data(repeating: 2, count: 32), bytes: 1)
      try await owner.detach(first.number)

      var next = ExperimentProjector(all, of: writer.id, in: log)
      let outcome = try await next.catchUp()
      #expect(outcome.failures == [:] && outcome.events > 0, "\(outcome)")
      await #expect(throws: EventLogError.self) {
        _ = try await ProjectionCheck.check(all[0], of: writer.id, in: log)
      }
      try await log.reset(all[0].identity, for: writer.id)
      var again = ExperimentProjector([all[0]], of: writer.id, in: log)
      #expect(try await again.catchUp().failures[all[0].identity]?.contains("/archive/one") == true)
      await owner.close()
      await connection.close()
    }
  }
}

/// A number that tasks share.
private final class Counter: Sendable {
  private let number = Mutex(0)
  var value: Int { number.withLock { $0 } }
  func add(_ amount: Int) { number.withLock { $0 += amount } }
}

extension PostgresEventLog {
  /// The one number of a query.
  fileprivate func connectionCount(_ database: ConnectionSettings, _ sql: String) async throws -> Int64 {
    let connection = try await Connection.open(database)
    let count = try await connection.query(sql)[0].int64(0)
    await connection.close()
    return count
  }
}
