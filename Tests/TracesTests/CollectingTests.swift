import Foundation
import Logging
import Synchronization
import Testing
import Traces
import Tracing

@Suite("Traces to a collector", .timeLimit(.minutes(2)))
struct CollectingTests {
  private struct Failed: Error {}

  /// Runs `body` with traces going to the collector; ids count from 1.
  private func withCollected(
    _ port: Int, _ environment: [String: String] = [:], lines: Lines = Lines(), _ body: () async throws -> Void
  ) async throws {
    let counter = Mutex<UInt64>(0)
    let all = environment.merging(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(port)"]) { mine, _ in mine }
    try await withTraces(
      to: try CollectorSettings(environment: all, program: "test"), program: "test", version: "7",
      logger: Logger(label: "test") { _ in lines.handler },
      random: {
        counter.withLock {
          $0 += 1
          return $0
        }
      }, body)
  }

  @Test("spans arrive as a tree, with names, times, attributes and the process they are of")
  func tree() async throws {
    try await TestCollector.with { collector, port in
      try await withCollected(port, ["OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=lab"]) {
        try await withSpan("propose", context: .trace(named: "a name")) { outer in
          outer.updateAttributes {
            $0["count"] = 3
            $0["share"] = 0.5
            $0["isGood"] = true
            $0["names"] = ["a", "b"]
          }
          try await withSpan("generate") { _ in try await Task.sleep(for: .nanoseconds(1)) }
        }
      }
      let request = try #require(collector.received.first)
      #expect(collector.received.count == 1 && request.target == "/v1/traces")
      #expect(request.headers["content-type"] == "application/json" && request.headers["x-tenant"] == "lab")
      let text = String(decoding: request.body, as: UTF8.self)
      #expect(text.contains(#"{"key":"service.name","value":{"stringValue":"test"}}"#), "\(text)")
      #expect(text.contains(#""scope":{"name":"test","version":"7"}"#))
      let spans = request.spans
      #expect(spans.map { $0["name"] as? String } == ["generate", "propose"])
      let inner = try #require(spans.first)
      let outer = try #require(spans.last)
      #expect(outer["spanId"] as? String == "0000000000000001" && outer["parentSpanId"] == nil)
      #expect(
        inner["parentSpanId"] as? String == "0000000000000001" && inner["spanId"] as? String == "0000000000000002")
      let trace = "\(TraceID(named: "a name"))"
      #expect(spans.allSatisfy { $0["traceId"] as? String == trace } && trace.count == 32)
      let times = [outer, inner, inner, outer].enumerated().map { index, span in
        UInt64(span[index < 2 ? "startTimeUnixNano" : "endTimeUnixNano"] as? String ?? "") ?? 0
      }
      #expect(times == times.sorted() && times[0] > 0, "\(times)")
      for expected in [
        #"{"key":"count","value":{"intValue":"3"}}"#, #"{"key":"share","value":{"doubleValue":0.5}}"#,
        #"{"key":"isGood","value":{"boolValue":true}}"#,
        #"{"key":"names","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}}"#,
      ] {
        #expect(text.contains(expected), "\(expected) in \(text)")
      }
    }
  }

  @Test("the id of a named trace is the first half of the name's SHA-256")
  func naming() {
    // printf abc | sha256sum
    #expect("\(TraceID(named: "abc"))" == "ba7816bf8f01cfea414140de5dae2223")
  }

  @Test("a failure is in its span and goes on to the caller")
  func failure() async throws {
    try await TestCollector.with { collector, port in
      await #expect(throws: Failed.self) {
        try await withCollected(port) { try withSpan("update") { _ in throw Failed() } }
      }
      let span = try #require(collector.received.first?.spans.first)
      #expect((span["status"] as? [String: Any])?["code"] as? Int == 2)
      let event = try #require((span["events"] as? [[String: Any]])?.first)
      #expect(event["name"] as? String == "exception")
      #expect("\(event)".contains("Failed"), "\(event)")
    }
  }

  @Test("a collector that is not there costs the caller nothing but a line in the log")
  func away() async throws {
    // A port that was free a moment ago.
    let port = try await TestCollector.with { _, port in port }
    let lines = Lines()
    var isDone = false
    try await withCollected(port, lines: lines) { withSpan("propose") { _ in isDone = true } }
    #expect(isDone)
    #expect(lines.all.contains { $0.contains("is away") }, "\(lines.all)")
  }

  @Test("one that answers nothing is waited for as long as the settings say")
  func silent() async throws {
    try await TestCollector.with([0]) { collector, port in
      let lines = Lines()
      try await withCollected(port, ["OTEL_EXPORTER_OTLP_TIMEOUT": "50"], lines: lines) {
        withSpan("propose") { _ in }
      }
      #expect(collector.received.count == 1)
      #expect(lines.all.contains { $0.contains("did not answer within") }, "\(lines.all)")
    }
  }

  @Test("headers are in no line of the log")
  func headers() async throws {
    try await TestCollector.with([401]) { _, port in
      let lines = Lines()
      try await withCollected(port, ["OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20s3cret"], lines: lines) {
        withSpan("propose") { _ in }
      }
      #expect(lines.all.contains { $0.contains("refuses spans: answered 401") }, "\(lines.all)")
      #expect(!lines.all.contains { $0.contains("s3cret") })
    }
  }

  @Test("more spans than the queue holds lose the oldest, and are counted")
  func bounded() {
    let queue = SpanQueue(capacity: 3)
    let tracer = CollectedTracer(queue) { 1 }
    for number in 0..<5 { tracer.withSpan("\(number)") { _ in } }
    let taken = queue.take(2)
    #expect(taken.map(\.name) == ["2", "3"] && queue.takeDropped() == 2)
    for number in 5..<7 { tracer.withSpan("\(number)") { _ in } }
    queue.putBack(taken)
    #expect(queue.take(10).map(\.name) == ["4", "5", "6"] && queue.takeDropped() == 2 && queue.takeDropped() == 0)
  }
}

/// What a logger was told.
private final class Lines: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var handler: any LogHandler { Handler(lines: self) }

  private struct Handler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    init(lines: Lines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") } }
  }
}
