import Foundation
import Postgres
import Threads
import Verification
import VerifierProtocol

/// Verifier workers on other hosts, as the daemon sees them: jobs are offered in PostgreSQL, and replies are read in the
/// order of the jobs whatever the order of their arrival.
///
/// A worker that does not answer in time loses its lease and the job is given to another; a job that was lost too often
/// fails the step. Neither is ever a verdict (promise P8).
package final class LeasedWorkers: JobRunner {
  /// How long to wait, and how often to try.
  package struct Limits: Sendable {
    /// How often a job may be lost.
    package var retriesMax = 2
    /// How long no job at all may be answered or taken before the step fails.
    package var patience = Duration.seconds(600)
    /// Polling behind the notifications.
    package var pollInterval = Duration.seconds(1)

    package init(retriesMax: Int = 2, patience: Duration = .seconds(600), pollInterval: Duration = .seconds(1)) {
      self.retriesMax = retriesMax
      self.patience = patience
      self.pollInterval = pollInterval
    }
  }

  private let table: JobTable
  private let limits: Limits
  private let makeID: @Sendable () -> UUID
  private let clock: any Clock<Duration>
  private let signal: LevelSignal<Int>
  private let listener: Listener

  package init(
    _ settings: ConnectionSettings, limits: Limits = Limits(), clock: any Clock<Duration> = ContinuousClock(),
    makeID: @escaping @Sendable () -> UUID
  ) {
    table = JobTable(settings)
    self.limits = limits
    self.makeID = makeID
    self.clock = clock
    let signal = LevelSignal(0)
    self.signal = signal
    listener = Listener(settings, channel: "autodidact_work_done") { _ in signal.ring() }
  }

  /// - Throws: `VerificationError.workerLost`, `.invalidJob`, `LeasingError`, `PostgresError`.
  package func run(_ jobs: [VerifierJob]) async throws -> [VerifierReply] {
    if jobs.isEmpty { return [] }
    let (distinct, places) = try jobs.distinct()
    let order = makeID()
    try await table.submit(distinct, order: order)
    let replies: [VerifierReply]
    do {
      replies = try await wait(for: distinct, order: order)
    } catch {
      // The first error is the one to report; what stays behind is removed with the next question.
      try? await table.forget(order: order)
      throw error
    }
    try await table.forget(order: order)
    return places.map { replies[$0] }
  }

  private func wait(for jobs: [VerifierJob], order: UUID) async throws -> [VerifierReply] {
    var quietSince = ContinuousClock.now
    var openBefore = jobs.count
    while true {
      let seen = signal.level
      let progress = try await table.progress(order: order)
      if progress.count < jobs.count {
        // A crashed server may have lost rows that were never waited for on the disk.
        try await table.submit(jobs, order: order)
        continue
      }
      if progress.open == 0 { return try await table.collect(order: order) }
      if progress.lossesMax > limits.retriesMax { throw VerificationError.workerLost(attempts: progress.lossesMax) }
      if progress.open != openBefore {
        openBefore = progress.open
        quietSince = .now
      }
      if ContinuousClock.now - quietSince > limits.patience { throw LeasingError.nobodyCame(limits.patience) }
      await signal.wait(after: seen, timeout: limits.pollInterval, clock: clock)
      try Task.checkCancellation()
    }
  }
}
