import Logging
import Postgres
import Threads
import Verification
import VerifierProtocol

/// The other side: takes jobs from PostgreSQL, has them done by local sandboxed workers, and answers them. The body of
/// `autodidact-verifier --lease`.
package struct LeaseWorker: Sendable {
  /// How much to take and for how long.
  package struct Limits: Sendable {
    /// Jobs held at a time.
    package var jobsMax: Int
    /// A lease; it is extended every third of it while the jobs are being done.
    package var lease: Duration
    /// Polling behind the notifications.
    package var pollInterval: Duration
    /// The pause after the database could not be reached.
    package var retryPause: Duration

    package init(
      jobsMax: Int = 64, lease: Duration = .seconds(60), pollInterval: Duration = .seconds(1),
      retryPause: Duration = .seconds(2)
    ) {
      precondition(1...1000 ~= jobsMax, "jobsMax is \(jobsMax), allowed 1…1000")
      precondition(lease >= .seconds(3), "a lease of \(lease), allowed from 3 s")
      self.jobsMax = jobsMax
      self.lease = lease
      self.pollInterval = pollInterval
      self.retryPause = retryPause
    }
  }

  private let settings: ConnectionSettings
  private let runner: any JobRunner
  private let name: String
  private let limits: Limits
  private let logger: Logger

  /// - Parameters:
  ///   - name: shown in `work.jobs.worker`, for example `host/process`.
  ///   - runner: the local pool.
  package init(
    _ settings: ConnectionSettings, runner: any JobRunner, name: String, limits: Limits = Limits(), logger: Logger
  ) {
    self.settings = settings
    self.runner = runner
    self.name = name
    self.limits = limits
    self.logger = logger
  }

  /// Works until the task is cancelled. A database that is away is waited for.
  ///
  /// - Throws: `VerificationError` when the local verifier fails; the leases run out and others take the jobs.
  package func run() async throws {
    let table = JobTable(settings)
    let signal = LevelSignal(0)
    let listener = Listener(settings, channel: "autodidact_work") { _ in signal.ring() }
    defer { withExtendedLifetime(listener) {} }
    while !Task.isCancelled {
      do {
        let seen = signal.level
        let leases = try await table.lease(worker: name, count: limits.jobsMax, duration: limits.lease)
        if leases.isEmpty {
          await signal.wait(after: seen, timeout: limits.pollInterval, clock: ContinuousClock())
          try Task.checkCancellation()
        } else {
          try await work(leases, table)
        }
      } catch let error as PostgresError {
        logger.warning("the database cannot be reached", metadata: ["reason": "\(error)"])
        try await Task.sleep(for: limits.retryPause)
      } catch let error as LeasingError {
        logger.error("\(error)")
        try await Task.sleep(for: limits.retryPause)
      }
    }
  }

  /// Does jobs and answers each, keeping the leases alive meanwhile.
  private func work(_ leases: [JobTable.Lease], _ table: JobTable) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while true {
          try await Task.sleep(for: limits.lease / 3)
          if try await table.extend(leases, duration: limits.lease) == 0 { return }
        }
      }
      let replies = try await runner.run(leases.map(\.job))
      group.cancelAll()
      for (lease, reply) in zip(leases, replies) where !(try await table.answer(lease, reply)) {
        logger.notice("a job was given to another meanwhile", metadata: ["job": "\(lease.id)"])
      }
    }
    logger.debug("answered", metadata: ["jobs": "\(leases.count)"])
  }
}
