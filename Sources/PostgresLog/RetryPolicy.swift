import EventLog
import Postgres

/// How often and how patiently a call is tried again while the server cannot be reached.
package struct RetryPolicy: Hashable, Sendable {
  package var attemptsMax: Int
  package var firstDelay: Duration
  package var delayMax: Duration

  /// The default gives up after about ten seconds; the daemon pauses the experiment then, and tries again itself.
  package init(attemptsMax: Int = 8, firstDelay: Duration = .milliseconds(100), delayMax: Duration = .seconds(3)) {
    precondition(attemptsMax > 0, "\(attemptsMax) attempts")
    self.attemptsMax = attemptsMax
    self.firstDelay = firstDelay
    self.delayMax = delayMax
  }

  /// Runs `body` until it succeeds, is refused, or has failed `attemptsMax` times; each pause is twice the one before.
  func run<Value: Sendable>(
    _ operation: String, clock: any Clock<Duration>, context: ErrorContext,
    _ body: () async throws(PostgresError) -> Value
  ) async throws(EventLogError) -> Value {
    var delay = firstDelay
    var attempt = 1
    while true {
      do throws(PostgresError) {
        return try await body()
      } catch {
        guard error.isTransient else { throw context.domainError(error, operation: operation) }
        guard attempt < attemptsMax else {
          throw .unavailable(operation: operation, attempts: attempt, reason: error.description)
        }
      }
      do { try await clock.sleep(for: delay) } catch { throw .cancelled(operation: operation) }
      attempt += 1
      delay = min(delay * 2, delayMax)
    }
  }
}
