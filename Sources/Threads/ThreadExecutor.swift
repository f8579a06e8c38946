import Foundation
import Synchronization

/// One thread that runs the jobs of one actor, in order. A connection blocks on it in libpq and the engine computes on it
/// for minutes, so that the two or so threads of Swift's own pool are never held up.
package final class ThreadExecutor: SerialExecutor {
  private let queue: JobQueue

  /// Starts the thread; it ends when the executor is gone and its last job is done.
  package init(name: String) {
    let queue = JobQueue()
    self.queue = queue
    let thread = Thread { queue.run() }
    thread.name = name
    thread.start()
  }

  deinit { queue.close() }

  package func enqueue(_ job: consuming ExecutorJob) {
    queue.add(UnownedJob(job), executor: asUnownedSerialExecutor())
  }

  package func checkIsolated() {
    precondition(queue.isCurrent, "called outside the actor's own thread")
  }
}

/// The thread's side of the executor: jobs come in from anywhere, and `run` takes them out.
///
/// SAFETY: every stored property that changes is touched only while `condition` is locked; jobs are handed over, each
/// to exactly one thread.
private final class JobQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [(job: UnownedJob, executor: UnownedSerialExecutor)] = []
  private var isClosed = false
  private var thread: Thread?

  var isCurrent: Bool {
    condition.lock()
    defer { condition.unlock() }
    return thread === Thread.current
  }

  func add(_ job: UnownedJob, executor: UnownedSerialExecutor) {
    condition.lock()
    jobs.append((job, executor))
    condition.signal()
    condition.unlock()
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.signal()
    condition.unlock()
  }

  func run() {
    condition.lock()
    thread = Thread.current
    condition.unlock()
    while let batch = next() {
      for (job, executor) in batch { job.runSynchronously(on: executor) }
    }
  }

  /// The jobs that wait now, or nil when there will be none any more.
  private func next() -> [(job: UnownedJob, executor: UnownedSerialExecutor)]? {
    condition.lock()
    defer { condition.unlock() }
    while jobs.isEmpty {
      if isClosed { return nil }
      condition.wait()
    }
    let batch = jobs
    jobs.removeAll(keepingCapacity: true)
    return batch
  }
}
