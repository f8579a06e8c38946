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
  /// A body like that of an `AttemptVerified`.
  private static func event(_ number: Int, tokens: Int) -> NewEvent {
    let body = """
      {"attempt":\(number),"kind":"deduction","problem":\(number / 8),"purpose":"solve","reward":0.5,"role":"solver",\
      "verdict":"correct","verifier":"cpython-3.11.2"}
      """
    let generation = GenerationRecord(
      tokens: (0..<Int32(tokens)).map { ($0 &* 7919 &+ Int32(number)) % 49_152 },
      logProbabilities: (0..<tokens).map { -Float($0 % 97) / 31 },
      prompt: String(repeating: "def f(x): return x + \(number)\n", count: 20), completion: "print(f(\(number)))",
      sampling: Data(#"{"temperature":0.7}"#.utf8), randomKey: Data(repeating: 7, count: 16), finish: "stop")
    return NewEvent(
      type: "AttemptVerified", iteration: number, policyVersion: number, body: Data(body.utf8),
      generation: tokens == 0 ? nil : generation)
  }

  @Test("append", arguments: [(1, 0, 1000), (100, 0, 300), (1000, 0, 60), (100, 128, 100)])
  func append(_ size: Int, _ tokens: Int, _ rounds: Int) async throws {
    try await TestServer.withDatabase { settings in
      let log = PostgresEventLog(settings, clock: ContinuousClock())
      let id = ExperimentID.numbered(1)
      var version = try await log.createExperiment(
        id, name: "bench", state: "s", events: [.named("Created")], key: "create"
      ).version
      var times: [Duration] = []
      for round in 0..<rounds {
        let events = (0..<size).map { Self.event(round * size + $0, tokens: tokens) }
        let append = Append(key: "\(round)", experiment: id, expectedVersion: version, epoch: nil, events: events)
        let start = ContinuousClock.now
        version = try await log.append(append).version
        times.append(.now - start)
      }
      report("append \(size) events, \(tokens) tokens each", times, events: size * rounds)
      let connection = try await sizes(settings)
      print("  \(connection)")
      var read = 0
      let start = ContinuousClock.now
      while case let page = try await log.read(
        experiment: nil, after: Position(Int64(read)), types: nil, limit: 5000), !page.isEmpty
      { read += page.count }
      report("read back", [.now - start], events: read)
      let audit = ContinuousClock.now
      _ = try await ChainAudit.audit(log)
      report("audit", [.now - audit], events: read)
    }
  }

  private func report(_ what: String, _ times: [Duration], events: Int) {
    let sorted = times.sorted()
    let total = times.reduce(.zero, +) / .seconds(1)
    let milliseconds = [sorted[sorted.count / 2], sorted[sorted.count * 99 / 100]].map { $0 / .milliseconds(1) }
    print("\(what): \(Int(Double(events) / total)) events/s, p50 \(milliseconds[0]) ms, p99 \(milliseconds[1]) ms")
  }
}

/// Bytes an event takes on disk: events with all their indexes, and generations apart.
private func sizes(_ settings: ConnectionSettings) async throws -> String {
  let rows = try await Connection.open(settings).query(
    """
    select pg_total_relation_size('log.events') / (select position from log.head),
           pg_indexes_size('log.events') / (select position from log.head),
           pg_total_relation_size('log.generations') / (select position from log.head),
           pg_total_relation_size('log.appends') / (select count(*) from log.appends)
    """)
  return """
    \(try rows[0].int64(0)) bytes an event (\(try rows[0].int64(1)) of them indexes), \(try rows[0].int64(2)) bytes a \
    generation, \(try rows[0].int64(3)) bytes an append
    """
}
