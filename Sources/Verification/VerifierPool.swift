import Logging
import Synchronization
import VerifierProtocol

/// The worker pool: gives jobs to worker processes and returns their replies in the order of the jobs. It knows nothing
/// of problems, verdicts or rewards. Made by `withVerifierPool`, used by any number of tasks at once.
package final class VerifierPool: Sendable {
  private struct State {
    var queue: PoolQueue
    var callers: [Int: CheckedContinuation<[VerifierReply], any Error>] = [:]
    var idle: [Int: CheckedContinuation<[PoolQueue.Ticket]?, Never>] = [:]
    var greeters: [CheckedContinuation<WorkerDescription, any Error>] = []
    var description: WorkerDescription?
    var ordersCount = 0
    var cache: ReplyCache
  }

  let configuration: VerifierConfiguration
  private let state: Mutex<State>

  init(configuration: VerifierConfiguration) {
    self.configuration = configuration
    state = Mutex(
      State(
        queue: PoolQueue(retriesMax: configuration.retriesMax),
        cache: ReplyCache(bytesMax: configuration.cacheBytesMax)))
  }

  // MARK: For the daemon

  /// Has every job done, equal jobs once, and returns the replies in the order of the jobs. A job that an earlier call
  /// had done may be answered from the cache.
  /// - Throws: `VerificationError` if the verifier failed, `CancellationError` if the caller was cancelled.
  package func run(_ jobs: [VerifierJob]) async throws -> [VerifierReply] {
    let (distinct, places) = try jobs.distinct()
    var replies = state.withLock { state in distinct.map { state.cache.reply(to: $0) } }
    let open = replies.indices.filter { replies[$0] == nil }
    let fresh = try await submit(open.map { distinct[$0] })
    state.withLock { state in
      for (index, reply) in zip(open, fresh) {
        replies[index] = reply
        state.cache.keep(reply, to: distinct[index])
      }
    }
    return places.map { replies[$0]! }
  }

  /// How many jobs were answered from the cache, since the start.
  package var cacheHitsCount: Int { state.withLock { $0.cache.hits } }

  /// What the workers say of themselves: Python, layers of the sandbox, modules. Waits for the first worker.
  package func hello() async throws -> WorkerDescription {
    try await withCheckedThrowingContinuation { continuation in
      let known: Result<WorkerDescription, any Error>? = state.withLock { state in
        if let description = state.description { return .success(description) }
        if state.queue.isClosed { return .failure(state.queue.failure ?? .closed) }
        state.greeters.append(continuation)
        return nil
      }
      if let known { continuation.resume(with: known) }
    }
  }

  /// How many times a worker was lost while it had jobs, since the start. None of them became a verdict.
  package var workerLossesCount: Int { state.withLock { $0.queue.lossesCount } }

  private func submit(_ jobs: [VerifierJob]) async throws -> [VerifierReply] {
    let order = state.withLock { state in
      state.ordersCount += 1
      return state.ordersCount
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let done = state.withLock { state -> PoolQueue.Completion? in
          if let done = state.queue.add(order: order, jobs: jobs) { return done }
          state.callers[order] = continuation
          return nil
        }
        switch done {
        case .finished(let replies): continuation.resume(returning: replies)
        case .failed(let error): continuation.resume(throwing: error)
        case nil: wakeIdle()
        }
        if Task.isCancelled { cancel(order: order) }
      }
    } onCancel: {
      cancel(order: order)
    }
  }

  private func cancel(order: Int) {
    let caller = state.withLock { state in
      state.queue.forget(order: order)
      return state.callers.removeValue(forKey: order)
    }
    caller?.resume(throwing: CancellationError())
  }

  // MARK: For the slots

  /// The next jobs for a worker; suspends while there are none; nil when the pool is closed.
  func nextBatch(slot: Int) async -> [PoolQueue.Ticket]? {
    await withCheckedContinuation { continuation in
      let batch = state.withLock { state -> [PoolQueue.Ticket]?? in
        if state.queue.isClosed { return .some(nil) }
        if state.queue.hasWaiting { return state.queue.take(max: batchSize(state.queue)) }
        precondition(state.idle[slot] == nil, "slot \(slot) waits twice")
        state.idle[slot] = continuation
        return nil
      }
      if let batch { continuation.resume(returning: batch) }
    }
  }

  /// Work is spread: a batch is no larger than a slot's share of what waits.
  private func batchSize(_ queue: PoolQueue) -> Int {
    max(1, min(configuration.batchMax, queue.waitingCount / configuration.workersMax))
  }

  private func wakeIdle() {
    let woken = state.withLock { state in
      var woken: [(CheckedContinuation<[PoolQueue.Ticket]?, Never>, [PoolQueue.Ticket])] = []
      for slot in state.idle.keys.sorted() where state.queue.hasWaiting {
        let batch = state.queue.take(max: batchSize(state.queue))
        woken.append((state.idle.removeValue(forKey: slot)!, batch))
      }
      return woken
    }
    for (continuation, batch) in woken { continuation.resume(returning: batch) }
  }

  var isClosed: Bool { state.withLock { $0.queue.isClosed } }

  func greeted(_ description: WorkerDescription) {
    let greeters = state.withLock { state in
      state.description = description
      defer { state.greeters = [] }
      return state.greeters
    }
    for greeter in greeters { greeter.resume(returning: description) }
  }

  func answered(ticket: Int, reply: VerifierReply) {
    complete { $0.answer(ticket: ticket, reply: reply) }
  }

  func lost(_ tickets: [PoolQueue.Ticket]) {
    complete { $0.lose(tickets) }
    wakeIdle()
  }

  private func complete(_ move: (inout PoolQueue) -> (order: Int, PoolQueue.Completion)?) {
    let done = state.withLock { state in
      move(&state.queue).map { (state.callers.removeValue(forKey: $0.order), $0.1) }
    }
    switch done {
    case (let caller, .finished(let replies))?: caller?.resume(returning: replies)
    case (let caller, .failed(let error))?: caller?.resume(throwing: error)
    case nil: break
    }
  }

  /// Ends the pool: callers fail, idle slots end. With an error, later callers get that error.
  func close(error: VerificationError? = nil) {
    let (callers, idle, greeters, reason) = state.withLock { state in
      let callers = state.queue.close(error: error).compactMap { state.callers.removeValue(forKey: $0) }
      let idle = state.idle.keys.sorted().map { state.idle[$0]! }
      let greeters = state.greeters
      state.idle = [:]
      state.greeters = []
      return (callers, idle, greeters, state.queue.failure ?? .closed)
    }
    for caller in callers { caller.resume(throwing: reason) }
    for greeter in greeters { greeter.resume(throwing: reason) }
    for slot in idle { slot.resume(returning: nil) }
  }
}

extension VerifierJob {
  /// Why no worker may be asked this, or nil.
  package var complaint: String? {
    switch self {
    case .run(let job): job.limits.complaint
    case .literal(let job): job.limits.complaint
    case .normalise(let job): job.limits.complaint
    case .inspect(let job): job.limits.complaint
    }
  }

  /// The longest a worker may take for it by the job's own limits: a child starved by a busy host is given three times
  /// its wall-clock limit in all.
  var durationMax: Duration {
    switch self {
    case .run(let job): .seconds(3 * job.limits.wallSeconds) * (job.calls.count * (job.checksDeterminism ? 2 : 1))
    case .literal(let job): .seconds(3 * job.limits.wallSeconds)
    case .normalise(let job): .seconds(3 * job.limits.wallSeconds)
    case .inspect(let job): .seconds(3 * job.limits.wallSeconds)
    }
  }
}
