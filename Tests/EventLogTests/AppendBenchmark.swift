import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

/// Figures for docs/results/log.md, not assertions: run with `AUTODIDACT_BENCHMARK=1` on a machine that does nothing else.
@Suite(
  "Benchmark of the PostgreSQL log", .needsPostgres, .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK"] != nil, "AUTODIDACT_BENCHMARK is not set"))
struct AppendBenchmark {
  /// A body like that of an `AttemptVerified`. Eight attempts in a row share their prompt, as those at one problem do.
  private static func event(_ number: Int, tokens: Int) -> NewEvent {
    let body = """
      {"attempt":"12.solve.deduction.\(number).0","answer":"[1, 2, \(number)]","detail":"","problem":"12.deduction.\(number / 8)",\
      "verdict":"correct"}
      """
    let sampled = (0..<tokens).map { Int32(truncatingIfNeeded: ($0 &* 7919 &+ number &* 104_729) % 49_152) }
    let generation = GenerationRecord(
      tokens: sampled, logProbabilities: sampled.map { -Float($0) / 31_337 },
      prompt: String(repeating: "def f(x): return x + \(number / 8)\n", count: 60),
      completion: sampled.map { "w\($0 % 500)" }.joined(separator: " "),
      sampling: Data(#"{"max_tokens":128,"stop":["</answer>"],"temperature":0.7,"top_p":1}"#.utf8),
      randomKey: Data(repeating: 7, count: 32), finish: "stop")
    return NewEvent(
      type: "AttemptVerified", iteration: number, policyVersion: number, body: Data(body.utf8),
      generation: tokens == 0 ? nil : generation)
  }

  @Test("append", arguments: [(1, 0, 1000), (100, 0, 300), (1000, 0, 60), (100, 128, 100), (100, 1024, 20)])
  func append(_ size: Int, _ tokens: Int, _ rounds: Int) async throws {
    try await withLog { log, settings, id in
      try await appendMany(
        log, id, size: size, tokens: tokens, rounds: rounds, "append \(size) events, \(tokens) tokens each")
      print("  \(try await sizes(settings, tokens: tokens))")
      let events = size * rounds + 1
      try await measure("  read back", events) {
        var read = Position.start
        while let last = try await log.read(experiment: nil, after: read, types: nil, limit: 5000).last {
          read = last.position
        }
      }
      try await measure("  audit, with generations", events) { _ = try await ChainAudit.audit(log) }
    }
  }

  @Test("append at 10⁵ events and at many times that", arguments: [100_000, scale])
  func large(_ events: Int) async throws {
    try await withLog { log, settings, id in
      let connection = try await Connection.open(longer(settings))
      try await fill(connection, events)
      for (size, rounds) in [(1, 500), (100, 200), (1000, 30)] {
        try await appendMany(log, id, size: size, tokens: 0, rounds: rounds, "at \(events) events, append \(size)")
      }
    }
  }

  @Test("from append to consumer, with and without NOTIFY", arguments: [true, false])
  func latency(_ listens: Bool) async throws {
    try await withLog { log, settings, id in
      let reader = PostgresEventLog(
        settings, clock: ContinuousClock(), pollInterval: listens ? .seconds(1) : .milliseconds(100), listens: listens)
      var version = try await log.experiment(id)?.version ?? 0
      var times: [Duration] = []
      for round in 0..<100 {
        let head = Position(version)
        let waiting = Task {
          await reader.wait(after: head, timeout: .seconds(10))
          let page = try await reader.read(experiment: id, after: head, types: nil, limit: 10)
          return (page.count, ContinuousClock.now)
        }
        try await Task.sleep(for: .milliseconds(20))
        let start = ContinuousClock.now
        version = try await log.append(
          Append(
            key: "\(round)", experiment: id, expectedVersion: version, epoch: nil,
            events: [Self.event(round, tokens: 0)])
        ).version
        let (count, seen) = try await waiting.value
        #expect(count == 1)
        times.append(seen - start)
      }
      report("append to consumer, \(listens ? "NOTIFY" : "poll of 100 ms")", times, events: 100)
    }
  }

  /// Events of the larger log of `large`.
  private static let scale = Int(ProcessInfo.processInfo.environment["AUTODIDACT_BENCHMARK_EVENTS"] ?? "") ?? 1_000_000

  private func withLog(_ body: (PostgresEventLog, ConnectionSettings, ExperimentID) async throws -> Void) async throws {
    try await TestServer.withDatabase { settings in
      let log = PostgresEventLog(settings, clock: ContinuousClock())
      let id = ExperimentID.numbered(1)
      _ = try await log.createExperiment(id, name: "bench", state: "s", events: [.named("Created")], key: "create")
      try await body(log, settings, id)
    }
  }

  private func longer(_ settings: ConnectionSettings) -> ConnectionSettings {
    var settings = settings
    settings.statementTimeout = .zero
    settings.replyTimeout = .seconds(1800)
    return settings
  }

  private func appendMany(
    _ log: PostgresEventLog, _ id: ExperimentID, size: Int, tokens: Int, rounds: Int, _ what: String
  ) async throws {
    var version = try await log.experiment(id)?.version ?? 0
    var times: [Duration] = []
    for round in 0..<rounds {
      let events = (0..<size).map { Self.event(round * size + $0, tokens: tokens) }
      let append = Append(
        key: "\(what)/\(round)", experiment: id, expectedVersion: version, epoch: nil, events: events)
      let start = ContinuousClock.now
      version = try await log.append(append).version
      times.append(.now - start)
    }
    report(what, times, events: size * rounds)
  }

  private func measure(_ what: String, _ events: Int, _ body: () async throws -> Void) async throws {
    let start = ContinuousClock.now
    try await body()
    report(what, [.now - start], events: events)
  }

  private func report(_ what: String, _ times: [Duration], events: Int) {
    let sorted = times.sorted()
    let total = times.reduce(.zero, +) / .seconds(1)
    let (half, most) = (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
    func text(_ time: Duration) -> String { String(format: "%.2f ms", time / .milliseconds(1)) }
    print("\(what): \(Int(Double(events) / total)) events/s, p50 \(text(half)), p99 \(text(most))")
  }
}

/// Fills the log with plain events of its first experiment, a thousand an append, without a chain: for timing only.
private func fill(_ connection: Connection, _ events: Int) async throws {
  try await connection.execute(
    """
    do $$
    declare v_first bigint;
    begin
      for chunk in 0 .. \(events / 1000) - 1 loop
        select position + 1 into v_first from log.head;
        perform log.make_room(v_first + 999);
        insert into log.events (position, recorded_at, experiment, version, iteration, policy_version, checksum,
                                schema_version, type, body)
        select n, clock_timestamp(), 1, n, n / 1000, n / 1000, 0, 1, 'AttemptVerified',
               json_build_object('attempt', '12.solve.deduction.' || n || '.0', 'answer', '[1, 2, 3]', 'detail', '',
                                 'problem', '12.deduction.' || n / 8, 'verdict', 'correct')
        from generate_series(v_first, v_first + 999) as n;
        insert into log.appends (first_position, last_position, first_version, recorded_at, experiment, key, digest,
                                 previous_hash, hash)
        select v_first, v_first + 999, v_first, clock_timestamp(), 1, 'fill ' || chunk, hash, hash, hash from log.head;
        update log.head set position = v_first + 999;
        update log.experiments set version = v_first + 999, last_position = v_first + 999;
      end loop;
    end
    $$
    """, timeout: .seconds(1800))
  // Each by itself: a script of several statements is one transaction.
  for statement in ["vacuum analyze log.events", "checkpoint"] {
    try await connection.execute(statement, timeout: .seconds(600))
  }
}

/// Bytes an event takes on disk: events with all their indexes, and generations apart.
private func sizes(_ settings: ConnectionSettings, tokens: Int) async throws -> String {
  let row = try await Connection.open(settings).query(
    """
    select (select sum(pg_total_relation_size(relid)) from pg_partition_tree('log.events'))::bigint / h.position,
           (select sum(pg_indexes_size(relid)) from pg_partition_tree('log.events'))::bigint / h.position,
           (select sum(pg_total_relation_size(relid)) from pg_partition_tree('log.generations'))::bigint
             / greatest(1, (select count(*) from log.generations)),
           (select coalesce(sum(octet_length(completion)), 0)::bigint from log.generations)
             / greatest(1, (select count(*) from log.generations)),
           pg_total_relation_size('log.texts') / greatest(1, (select count(*) from log.generations)),
           pg_total_relation_size('log.appends') / (select count(*) from log.appends)
    from log.head h
    """)[0]
  let numbers = try (0..<6).map { try row.int64($0) }
  guard tokens > 0 else {
    return "\(numbers[0]) bytes an event (\(numbers[1]) of them indexes), \(numbers[5]) bytes an append"
  }
  func perToken(_ bytes: Int64) -> String { String(format: "%.1f", Double(bytes) / Double(tokens)) }
  return """
    \(numbers[2]) bytes a generation of \(tokens) tokens (\(perToken(numbers[2])) a token; without its completion, \
    \(numbers[2] - numbers[3]) or \(perToken(numbers[2] - numbers[3]))), prompts \(numbers[4]) bytes a generation
    """
}
