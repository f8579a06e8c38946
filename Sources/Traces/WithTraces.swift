import Logging
import Tracing

/// Runs `body` with its spans going to a collector; without one, spans cost next to nothing and go nowhere. The programs that
/// play wrap their work in it.
///
/// - Parameters:
///   - settings: of the collector; nil for none.
///   - program: who makes the spans.
///   - version: of this software.
///   - random: draws ids of spans.
/// - Throws: what `body` throws.
package func withTraces<Result: Sendable>(
  to settings: CollectorSettings?, program: String, version: String, logger: Logger,
  random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 1 ... .max) }, _ body: () async throws -> Result
) async throws -> Result {
  guard let settings else { return try await body() }
  let queue = SpanQueue()
  let exporter = SpanExporter(
    queue: queue, client: CollectorClient(settings: settings),
    scope: CollectorRequest.Scope(name: program, version: version), logger: logger)
  logger.info("traces go to a collector", metadata: ["collector": "\(settings.host):\(settings.port)"])
  let tracer = CollectedTracer(queue, random: random)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await exporter.run() }
    let outcome: Swift.Result<Result, any Error>
    do { outcome = .success(try await withTracer(tracer) { try await body() }) } catch { outcome = .failure(error) }
    group.cancelAll()
    try await group.waitForAll()
    await exporter.finish()
    return try outcome.get()
  }
}
