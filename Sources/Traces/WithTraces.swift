import Logging
import Tracing

/// Runs `body` with its spans going to the collector that the environment names; without one, spans cost next to nothing and
/// go nowhere. The programs that play wrap their work in it.
///
/// - Parameters:
///   - program: the service's name, unless `OTEL_SERVICE_NAME` gives another.
///   - version: of this software.
///   - random: draws ids of spans.
/// - Throws: `CollectorSettings.Malformed`, and what `body` throws.
package func withTraces<Result: Sendable>(
  environment: [String: String], program: String, version: String, logger: Logger,
  random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 1 ... .max) }, _ body: () async throws -> Result
) async throws -> Result {
  guard let settings = try CollectorSettings(environment: environment, program: program) else {
    return try await body()
  }
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
