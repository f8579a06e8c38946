import Synchronization
import Tracing

/// swift-distributed-tracing's tracer for a collector of OpenTelemetry: every span that ends is put into a queue, which
/// `SpanExporter` empties.
///
/// Nothing crosses the process: the traces of steps begin and end in it. So there is nothing to extract from or to inject into
/// a carrier.
package struct CollectedTracer: Tracer {
  private let queue: SpanQueue
  private let random: @Sendable () -> UInt64

  /// - Parameter random: draws ids; they decide nothing.
  package init(_ queue: SpanQueue, random: @escaping @Sendable () -> UInt64) {
    self.queue = queue
    self.random = random
  }

  package func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> CollectedSpan {
    var context = context()
    let parent = context.spanIdentity
    let trace = parent?.trace ?? context.traceName.map(TraceID.init(named:)) ?? TraceID(high: random(), low: random())
    let identity = SpanIdentity(trace: trace, span: SpanID(random()))
    context.spanIdentity = identity
    return CollectedSpan(
      context: context, queue: queue,
      FinishedSpan(
        identity: identity, parent: parent?.span, name: operationName, kind: kind,
        began: instant().nanosecondsSinceEpoch))
  }

  /// The library's own word for it is deprecated: `withTraces` sends what is left when its body ends.
  package func forceFlush() {}

  package func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {}

  package func inject<Carrier, Inject: Injector>(
    _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {}
}

/// A span while it lasts. What is set after its end is not recorded.
package final class CollectedSpan: Span {
  package let context: InstrumentationContext
  private let queue: SpanQueue
  private let state: Mutex<(span: FinishedSpan, isRecording: Bool)>

  init(context: InstrumentationContext, queue: SpanQueue, _ span: FinishedSpan) {
    self.context = context
    self.queue = queue
    state = Mutex((span, true))
  }

  package var isRecording: Bool { state.withLock { $0.isRecording } }

  package var operationName: String {
    get { state.withLock { $0.span.name } }
    set { change { $0.name = newValue } }
  }

  package var attributes: SpanAttributes {
    get { state.withLock { $0.span.attributes } }
    set { change { $0.attributes = newValue } }
  }

  package func setStatus(_ status: SpanStatus) {
    change { $0.status = status }
  }

  package func addEvent(_ event: SpanEvent) {
    change { $0.events.append(event) }
  }

  package func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {
    var attributes = attributes
    attributes["exception.type"] = "\(type(of: error))"
    attributes["exception.message"] = String("\(error)".prefix(Self.messageMax))
    let event = SpanEvent(name: "exception", at: instant(), attributes: attributes)
    change { $0.events.append(event) }
  }

  /// Steps follow each other, and the log has their causes: links are not sent.
  package func addLink(_ link: SpanLink) {}

  package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    let ended = instant().nanosecondsSinceEpoch
    let finished: FinishedSpan? = state.withLock { state in
      guard state.isRecording else { return nil }
      state.isRecording = false
      state.span.ended = ended
      return state.span
    }
    if let finished { queue.add(finished) }
  }

  /// Characters of an error that are sent.
  private static let messageMax = 2000

  private func change(_ body: (inout FinishedSpan) -> Void) {
    state.withLock { if $0.isRecording { body(&$0.span) } }
  }
}

/// What is known of a span at its end. Times are nanoseconds since 1970.
package struct FinishedSpan: Sendable {
  package var identity: SpanIdentity
  package var parent: SpanID?
  package var name: String
  package var kind: SpanKind
  package var began: UInt64
  package var ended: UInt64 = 0
  package var attributes = SpanAttributes()
  package var events: [SpanEvent] = []
  package var status: SpanStatus?
}
