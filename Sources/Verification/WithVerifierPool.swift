import Glibc
import Logging

/// Runs `body` with a pool of verifier workers that live exactly as long: when `body` returns or throws, the workers are
/// told to end, and have ended when this function returns.
///
/// Called by the composition root. It ignores SIGPIPE for the process: a worker may die while it is written to.
/// - Parameter clock: measures the deadlines of the workers, which stand behind the worker's own.
package func withVerifierPool<Result>(
  configuration: VerifierConfiguration, clock: any Clock<Duration> = ContinuousClock(),
  logger: Logger = Logger(label: "autodidact.verifier"), body: (VerifierPool) async throws -> Result
) async throws -> Result {
  signal(SIGPIPE, SIG_IGN)
  let pool = VerifierPool(configuration: configuration)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    for number in 0..<configuration.workersMax {
      group.addTask { await WorkerSlot(number: number, pool: pool, clock: clock, logger: logger).run() }
    }
    defer { pool.close() }
    return try await body(pool)
  }
}
