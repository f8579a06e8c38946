import Synchronization

/// A counter that can be waited for: the listener's thread rings, a task waits. A ring between looking and waiting is
/// not lost.
final class WorkSignal: Sendable {
  private struct State {
    var count = 0
    var nextWaiter = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.count } }

  func ring() {
    let waiters = state.withLock { state in
      state.count += 1
      defer { state.waiters = [:] }
      return state.waiters
    }
    for key in waiters.keys.sorted() { waiters[key]?.resume() }
  }

  /// Returns after a ring that came after `seen` was read, or after `limit`.
  func wait(after seen: Int, atMost limit: Duration, clock: any Clock<Duration>) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await clock.sleep(for: limit) }
      group.addTask { await self.wait(after: seen) }
      _ = try await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  private func wait(after seen: Int) async {
    let waiter = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDue = state.withLock { state in
          if state.count != seen || Task.isCancelled { return true }
          state.waiters[waiter] = continuation
          return false
        }
        if isDue { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
    }
  }
}
