import Logging
import Metrics

/// Sends what is in the queue to the collector, every few seconds, in batches. A collector that is away costs what the queue
/// holds and a line in the log; the play never waits for it.
struct SpanExporter: Sendable {
  let queue: SpanQueue
  let client: CollectorClient
  let scope: CollectorRequest.Scope
  let logger: Logger

  /// OpenTelemetry's defaults for a batch processor.
  static let interval = Duration.seconds(5)
  static let batchMax = 512

  /// Works until it is cancelled.
  func run() async {
    var isAway = false
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      if !Task.isCancelled { await send(&isAway) }
    }
  }

  /// Once more at the end, so that the last step is not missing.
  func finish() async {
    var isAway = false
    await send(&isAway)
  }

  /// Sends batches until nothing is left or one does not go through.
  ///
  /// - Parameter isAway: whether the last one did not; it is told when that changes.
  private func send(_ isAway: inout Bool) async {
    while true {
      let batch = queue.take(Self.batchMax)
      guard !batch.isEmpty else { break }
      do throws(CollectorClient.Refusal) {
        try await client.post(body(batch))
        count(batch.count, "sent")
        if isAway { logger.notice("the collector of traces takes spans again") }
        isAway = false
      } catch {
        if error.isTemporary { queue.putBack(batch) } else { count(batch.count, "refused") }
        if !isAway {
          logger.warning("the collector of traces \(error.isTemporary ? "is away" : "refuses spans"): \(error)")
        }
        isAway = true
        break
      }
    }
    let dropped = queue.takeDropped()
    if dropped > 0 { count(dropped, "dropped") }
  }

  private func body(_ batch: [FinishedSpan]) throws(CollectorClient.Refusal) -> [UInt8] {
    do { return try CollectorRequest(batch, resource: client.settings.resource, scope: scope).body } catch {
      throw CollectorClient.Refusal(description: "cannot be written: \(error)", isTemporary: false)
    }
  }

  private func count(_ spans: Int, _ outcome: String) {
    Counter(label: "autodidact_trace_spans_total", dimensions: [("outcome", outcome)]).increment(by: spans)
  }
}
