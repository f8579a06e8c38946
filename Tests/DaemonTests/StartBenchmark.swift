import Daemon
import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

/// Figures for docs/results/log.md, not assertions: run with `AUTODIDACT_BENCHMARK=1` on a machine that does nothing else.
@Suite(
  "Benchmark of folds and of starting", .needsPostgres, .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK"] != nil, "AUTODIDACT_BENCHMARK is not set"))
struct StartBenchmark {
  private static let scale = Int(ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK_EVENTS"] ?? "") ?? 1_000_000

  @Test("fold from zero, played events in memory")
  func fold() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      try await daemon.run(record, iterations: 4)
      let recorded = try await daemon.recorded(record)
      var decoded: [(Event, RecordedEvent)] = []
      let rounds = max(1, 100_000 / recorded.count)
      let decoding = try ContinuousClock().measure {
        for _ in 0..<rounds { decoded = try recorded.dropFirst().map { (try $0.event(), $0) } }
      }
      let begun = try await StoredExperiment.begin(record, from: daemon.log)
      let evolving = ContinuousClock().measure {
        for _ in 0..<rounds {
          var stored = begun
          for (event, recorded) in decoded {
            stored.take(event, version: recorded.version, position: recorded.position)
          }
        }
      }
      let events = rounds * recorded.count
      report("decode played events", decoding, events)
      report("evolve played events", evolving, events)
      report("fold from zero, both", decoding + evolving, events)
    }
  }

  @Test("start with a long history, without and with a snapshot")
  func start() async throws {
    try await withTestDaemon(.postgres) { daemon in
      let settings = try #require(daemon.database)
      let log = daemon.log.base
      let created = try await daemon.create()
      try await daemon.run(created, iterations: 4)
      try await fill(settings, Self.scale)
      let record = try await log.requireExperiment(created.name)
      let clock = ContinuousClock()
      var stored = try await StoredExperiment.begin(record, from: log)
      if Self.scale <= 1_000_000 {
        let whole = try await clock.measure { _ = try await stored.readOn(log) }
        report("read and fold from PostgreSQL, no snapshot", whole, Self.scale)
      } else {
        takeWithoutReading(&stored, upTo: record.version)
      }
      try await stored.saveSnapshot(in: log)
      try await fill(settings, Int(StoredExperiment.snapshotEvents))
      let after = try await log.requireExperiment(created.name)
      var loaded = stored
      let start = try await clock.measure { loaded = try await StoredExperiment.load(after, from: log) }
      #expect(loaded.experiment.version == after.version)
      print("start at \(after.version) events from a snapshot of \(stored.encoded.count) bytes: \(start)")
    }
  }

  /// The same fold as reading gives, in the time a benchmark has.
  private func takeWithoutReading(_ stored: inout StoredExperiment, upTo version: Int64) {
    let request = ControlRequest(reason: "a reason of some length, as people give them", by: "benchmark@localhost")
    while stored.experiment.version < version {
      let next = stored.experiment.version + 1
      let event: Event = (version - next) % 2 == 1 ? .pauseRequested(request) : .resumeRequested(request)
      stored.take(event, version: next, position: stored.position.advanced(by: 1))
    }
  }

  private func report(_ what: String, _ time: Duration, _ events: Int) {
    print("\(what): \(Int(Double(events) / (time / .seconds(1)))) events/s (\(events) events, \(time))")
  }

  /// Appends requests to pause and to resume in turn, a thousand an append, without a chain: for timing only.
  private func fill(_ settings: ConnectionSettings, _ events: Int) async throws {
    var settings = settings
    settings.statementTimeout = .zero
    settings.replyTimeout = .seconds(1800)
    try await Connection.open(settings).execute(
      """
      do $$
      declare
        v_first bigint;
        v_version bigint;
      begin
        for chunk in 1 .. \(events / 1000) loop
          select h.position + 1, x.version + 1 into v_first, v_version from log.head h, log.experiments x;
          perform log.make_room(v_first + 999);
          insert into log.events (position, recorded_at, experiment, version, checksum, schema_version, type, body)
          select v_first + n, clock_timestamp(), 1, v_version + n, 0, 1,
                 case n % 2 when 0 then 'PauseRequested' else 'ResumeRequested' end,
                 '{"by":"benchmark@localhost","reason":"a reason of some length, as people give them"}'
          from generate_series(0, 999) as n;
          insert into log.appends (first_position, last_position, first_version, recorded_at, experiment, key, digest,
                                   previous_hash, hash)
          select v_first, v_first + 999, v_version, clock_timestamp(), 1, 'fill ' || v_first, hash, hash, hash
          from log.head;
          update log.head set position = v_first + 999;
          update log.experiments set version = v_version + 999, last_position = v_first + 999;
        end loop;
      end
      $$
      """, timeout: .seconds(1800))
  }
}
