import Daemon
import EventLog
import InMemoryTracing
import Testing
import Traces
import Tracing

@Suite("Traces of steps")
struct TraceTests {
  @Test("every step is a span with what it did below it", arguments: LogKind.available)
  func steps(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let tracer = InMemoryTracer()
      let record = try await daemon.create()
      try await withTracer(tracer) { _ = try await daemon.run(record, iterations: 1) }
      let spans = tracer.finishedSpans
      func children(_ name: String) -> [Set<String>] {
        spans.filter { $0.operationName == name }.map { step in
          Set(spans.filter { $0.parentSpanID == step.spanID }.map(\.operationName))
        }
      }
      #expect(
        !children("propose").isEmpty && children("propose").allSatisfy { $0.isSuperset(of: ["generate", "append"]) })
      #expect(children("verify proposals").allSatisfy { $0.isSuperset(of: ["verify", "append"]) })
      #expect(children("update").last?.isSuperset(of: ["read batch", "train", "append"]) == true)
      #expect(children("checkpoint").allSatisfy { $0 == ["save", "append"] })
      let update = try #require(spans.last { $0.operationName == "update" })
      #expect(update.attributes.get("autodidact.experiment") == .string("one"))
      #expect(update.attributes.get("autodidact.policy_version") == .int64(0))
      // The position of its last event, from which the log says the rest.
      guard case .int64(let position) = update.attributes.get("autodidact.log_position") else {
        Issue.record("no position: \(update.attributes)")
        return
      }
      let event = try await daemon.recorded(record).first { $0.position == Position(position) }
      #expect(event?.type == "WeightsUpdated")
    }
  }

  @Test("a step that fails says so in its span", arguments: LogKind.available)
  func failure(kind: LogKind) async throws {
    struct Broken: Error {}
    try await withTestDaemon(kind) { daemon in
      let tracer = InMemoryTracer()
      let record = try await daemon.create()
      let process = daemon.process(policy: { _ in throw Broken() })
      await #expect(throws: Broken.self) {
        try await withTracer(tracer) { _ = try await daemon.run(record, in: process) }
      }
      let failed = tracer.finishedSpans.filter { $0.status?.code == .error }.map(\.operationName)
      #expect(failed == ["generate", "propose"])
    }
  }

  @Test("the trace of a step is found from the key of its append")
  func identity() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let queue = SpanQueue()
      let record = try await daemon.create()
      try await withTracer(CollectedTracer(queue) { 1 }) { _ = try await daemon.run(record, iterations: 1) }
      let proposing = try #require(queue.take(10_000).first { $0.name == "propose" })
      guard case .int64(let version) = proposing.attributes.get("autodidact.version") else {
        Issue.record("no version")
        return
      }
      #expect(proposing.identity.trace == TraceID(named: "\(record.id)/1/\(version)/propose"))
    }
  }
}
