import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

/// Figures for docs/results/sql.md, not assertions. `AUTODIDACT_BENCHMARK=1` measures; the log is made first if it is not there,
/// by the domain's own code, in the database `autodidact_projection_benchmark`, which stays for the next run.
@Suite(
  "Benchmark of projections", .needsPostgres, .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK"] != nil, "AUTODIDACT_BENCHMARK is not set"))
struct ProjectionBenchmark {
  private static let database = "autodidact_projection_benchmark"
  private static let attempts =
    Int(ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK_ATTEMPTS"] ?? "") ?? 1_000_000
  /// Settings of the paper's size, with a buffer that the player gets through quickly.
  private static let settings = smallSettings { settings in
    settings.iterations = 100_000
    settings.play.batch = 64
    settings.play.probes = 8
    settings.play.bufferMax = 1024
    settings.play.duplicates = .allow
    settings.health.action = .record
  }

  @Test("make the log")
  func fill() async throws {
    let (log, connection) = try await open()
    let known = try await connection.query("select count(*) from log.experiments")[0].int64(0)
    guard known == 0 else { return await connection.close() }
    let began = ContinuousClock.now
    // Two experiments: the large one, and one that is played on while projections follow it.
    for (number, wanted) in [(1, Self.attempts), (2, 3000)] {
      var writer = PlayWriter("bench \(number)", Self.settings, id: UInt8(number), log: log)
      writer.keepsNothing = true
      try await writer.begin()
      while writer.attempts < wanted, try await writer.step() {}
    }
    for statement in ["vacuum analyze log.events", "vacuum analyze log.generations", "checkpoint"] {
      try await connection.execute(statement, timeout: .seconds(600))
    }
    let head = try await log.head().position
    print("made \(head) events in \(ContinuousClock.now - began)")
    await connection.close()
  }

  /// `AUTODIDACT_BENCHMARK_PROJECTIONS=all,difficulty` measures these only.
  @Test("rebuild and queries")
  func measure() async throws {
    let (log, connection) = try await open()
    let experiment = try #require(try await log.experiment(named: "bench 1"))
    let attempts = try await connection.query(
      "select count(*) from log.events where type = 'AttemptVerified' and experiment = 1")[0].int64(0)
    print("\(experiment.version) events, \(attempts) attempts")

    let only = ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK_PROJECTIONS"]?.split(separator: ",").map(
      String.init)
    for chosen in [ProjectionCatalogue.all] + ProjectionCatalogue.all.map({ [$0] }) {
      guard only?.contains(chosen.count == 1 ? chosen[0].identity.name : "all") ?? true else { continue }
      for definition in chosen { try await log.reset(definition.identity, for: experiment.id) }
      for definition in chosen {
        for table in definition.tables { try await connection.execute("vacuum projection.\(table.name)_1") }
      }
      var projector = ExperimentProjector(chosen, of: experiment.id, in: log)
      let (began, cpu) = (ContinuousClock.now, Self.cpuSeconds)
      let outcome = try await projector.catchUp()
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      let what = chosen.count == 1 ? chosen[0].identity.name : "all projections"
      print(
        "rebuild of \(what): \(String(format: "%.1f", seconds)) s, \(Int(Double(experiment.version) / seconds)) events/s, "
          + "\(String(format: "%.1f", Self.cpuSeconds - cpu)) s of CPU without the server's, \(outcome.failures)")
    }
    try await connection.execute("analyze")
    try await queries(connection)
    await connection.close()
  }

  /// The rows that are stored, whichever program made them, against what this one folds. Writes nothing.
  @Test("verify what is stored")
  func verify() async throws {
    let (log, connection) = try await open()
    let experiment = try #require(try await log.experiment(named: "bench 1"))
    for definition in ProjectionCatalogue.all {
      let began = ContinuousClock.now
      let check = try await ProjectionCheck.check(definition, of: experiment.id, in: log)
      print(
        "verify \(definition.identity): \(check.rows) rows up to position \(check.position), \(check.isGood), "
          + "\(check.storedDigest), \(ContinuousClock.now - began)")
    }
    await connection.close()
  }

  /// From the moment an append is committed to the moment its rows are, with the play's pace left out: the next step is made
  /// when the one before is in the tables.
  @Test("live lag")
  func live() async throws {
    let (log, connection) = try await open()
    let number = UInt8(truncatingIfNeeded: 10 + (try await log.experiments().count))
    var writer = PlayWriter("live \(number)", Self.settings, id: number, log: log)
    writer.keepsNothing = true
    try await writer.begin()
    let id = writer.id
    let projecting = Task {
      var projector = ExperimentProjector(ProjectionCatalogue.all, of: id, in: log)
      var busy = Duration.zero
      var position = Position.start
      while !Task.isCancelled {
        position = try await log.head().position
        let began = ContinuousClock.now
        _ = try? await projector.catchUp()
        busy += .now - began
        await log.wait(after: position, timeout: .seconds(1))
      }
      return busy
    }
    var lags: [Duration] = []
    var events = 0
    for _ in 0..<400 {
      guard try await writer.step() else { break }
      let appended = ContinuousClock.now
      let head = try await log.experiment(id)
      while true {
        let behind = try await connection.query(
          "select min(position) from log.consumers where name like 'projection/%' and experiment = $1",
          [.int32(Int32(try await log.experiments().count))])[0].optionalInt64(0)
        if behind == head?.lastPosition.rawValue { break }
      }
      lags.append(.now - appended)
      events = Int(head?.version ?? 0)
    }
    projecting.cancel()
    let busy = try await projecting.value
    lags.sort()
    print(
      "live: \(lags.count) appends, \(events) events; lag p50 \(lags[lags.count / 2]), p99 \(lags[lags.count * 99 / 100]), "
        + "most \(lags[lags.count - 1]); projecting took \(busy), \(busy / max(1, events)) an event")
    await connection.close()
  }

  private func queries(_ connection: Connection) async throws {
    for (what, sql) in [
      (
        "attempts by iteration, kind, verdict",
        "select iteration, kind, verdict, count(*) from projection.attempts where experiment = 1 group by 1, 2, 3"
      ),
      (
        "the same from the log's views",
        "select iteration, kind, verdict, count(*) from read.attempts where experiment = 'bench 1' group by 1, 2, 3"
      ),
      ("solve rate by kind and iteration", "select * from projection.iteration_kinds where experiment = 1"),
      ("the same from the log's views", "select * from analytics.solve_rate where experiment = 'bench 1'"),
      (
        "problems by learnability",
        "select iteration, kind, probes_correct, probes, count(*) from projection.problems where experiment = 1 and probes > 0 group by 1, 2, 3, 4"
      ),
      (
        "attempts at one problem",
        "select * from projection.attempts where experiment = 1 and problem = '100.deduction.1'"
      ),
      ("how far projections are", "select * from read.projections"),
    ] {
      var times: [Duration] = []
      for _ in 0..<3 {
        let began = ContinuousClock.now
        _ = try await connection.query(sql)
        times.append(.now - began)
      }
      print("\(what): \(times.min() ?? .zero)")
    }
    let size = try await connection.query(
      "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'projection' and c.relkind = 'r'"
    )[0].int64(0)
    print("bytes of all projections: \(size)")
  }

  /// Of this process, user and system.
  private static var cpuSeconds: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }

  private func open() async throws -> (PostgresEventLog, Connection) {
    let administrator = try await Connection.open(TestServer.settings(database: nil))
    let exists = try await administrator.query("select 1 from pg_database where datname = $1", [.text(Self.database)])
    if exists.isEmpty { try await administrator.execute("create database \(Self.database) template template0") }
    await administrator.close()
    var settings = TestServer.settings(database: Self.database)
    settings.statementTimeout = .zero
    settings.replyTimeout = .seconds(600)
    let connection = try await Connection.open(settings)
    _ = try await Migrator(folder: TestServer.migrations).migrate(connection)
    return (PostgresEventLog(settings, clock: ContinuousClock()), connection)
  }
}
