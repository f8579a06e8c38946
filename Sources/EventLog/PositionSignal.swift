import Synchronization

/// Wakes readers when the log grows. It carries hints only: a waiter that is woken, or whose time is over, reads.
///
/// Both logs use it for `wait`: the in-memory one raises it in `append`, the PostgreSQL one when a NOTIFY arrives.
package final class PositionSignal: Sendable {
  fileprivate struct Waiter {
    let after: Position
    let continuation: CheckedContinuation<Void, Never>
  }

  fileprivate struct State {
    var known = Position.start
    var nextID: UInt64 = 0
    var waiters: [UInt64: Waiter] = [:]
    /// Waits cancelled before they were entered: cancellation may overtake the suspension.
    var cancelled: Set<UInt64> = []
  }

  private let state = Mutex(State())

  package init() {}

  /// The log reaches `position` now, or did before: late and repeated calls are harmless.
  package func raise(to position: Position) {
    let woken = state.withLock { state in
      state.known = max(state.known, position)
      return state.remove { $0.after < position }
    }
    for waiter in woken { waiter.continuation.resume() }
  }

  /// Wakes everybody, for example after a reconnection: something may have been missed.
  package func pulse() {
    let woken = state.withLock { $0.remove { _ in true } }
    for waiter in woken { waiter.continuation.resume() }
  }

  /// Returns once the log is known to reach beyond `position`, at a pulse, after `timeout`, or on cancellation.
  package func wait(after position: Position, timeout: Duration, clock: any Clock<Duration>) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.suspend(after: position) }
      group.addTask { try? await clock.sleep(for: timeout) }
      await group.next()
      group.cancelAll()
    }
  }

  private func suspend(after position: Position) async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now = state.withLock { state in
          if state.cancelled.remove(id) != nil || state.known > position { return true }
          state.waiters[id] = Waiter(after: position, continuation: continuation)
          return false
        }
        if now { continuation.resume() }
      }
      _ = state.withLock { $0.cancelled.remove(id) }
    } onCancel: {
      let waiter = state.withLock { state in
        let waiter = state.waiters.removeValue(forKey: id)
        if waiter == nil { state.cancelled.insert(id) }
        return waiter
      }
      waiter?.continuation.resume()
    }
    _ = state.withLock { $0.cancelled.remove(id) }
  }
}

extension PositionSignal.State {
  fileprivate mutating func remove(_ matches: (PositionSignal.Waiter) -> Bool) -> [PositionSignal.Waiter] {
    // Order does not matter: each of them is resumed, and none sees the others.
    let ids = waiters.filter { matches($0.value) }.map(\.key)
    return ids.compactMap { waiters.removeValue(forKey: $0) }
  }
}
