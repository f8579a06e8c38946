import Synchronization

/// A level that only rises and can be waited for. It carries hints only: a waiter that is woken, or whose time is over,
/// looks for itself.
///
/// The logs raise it to the position of what was appended; the two sides of a lease, which know of no position, count
/// notifications. A rise between looking and waiting is not lost, because a waiter says which level it has seen.
package final class LevelSignal<Level: Comparable & Sendable>: Sendable {
  private struct Waiter {
    let after: Level
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var level: Level
    var nextID: UInt64 = 0
    var waiters: [UInt64: Waiter] = [:]
    /// Waits cancelled before they were entered: cancellation may overtake the suspension.
    var cancelled: Set<UInt64> = []

    /// The order of who is taken out does not matter: each of them is resumed, and none sees the others.
    mutating func remove(_ matches: (Waiter) -> Bool) -> [Waiter] {
      let ids = waiters.filter { matches($0.value) }.map(\.key)
      return ids.compactMap { waiters.removeValue(forKey: $0) }
    }
  }

  private let state: Mutex<State>

  /// - Parameter start: a level below or at every one that is waited for.
  package init(_ start: Level) { state = Mutex(State(level: start)) }

  /// The level reached so far.
  package var level: Level { state.withLock { $0.level } }

  /// Reaches `level` now, or did before: late and repeated calls are harmless.
  package func raise(to level: Level) {
    change { $0 = max($0, level) }
  }

  private func change(_ move: (inout Level) -> Void) {
    let woken = state.withLock { state in
      move(&state.level)
      let level = state.level
      return state.remove { $0.after < level }
    }
    for waiter in woken { waiter.continuation.resume() }
  }

  /// Wakes everybody at the level as it is, for example after a reconnection: something may have been missed.
  package func pulse() {
    let woken = state.withLock { $0.remove { _ in true } }
    for waiter in woken { waiter.continuation.resume() }
  }

  /// Returns once the level is above `level`, at a pulse, after `timeout`, or on cancellation.
  package func wait(after level: Level, timeout: Duration, clock: any Clock<Duration>) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.suspend(after: level) }
      group.addTask { try? await clock.sleep(for: timeout) }
      await group.next()
      group.cancelAll()
    }
  }

  private func suspend(after level: Level) async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now = state.withLock { state in
          if state.cancelled.remove(id) != nil || state.level > level { return true }
          state.waiters[id] = Waiter(after: level, continuation: continuation)
          return false
        }
        if now { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        let waiter = state.waiters.removeValue(forKey: id)
        if waiter == nil { state.cancelled.insert(id) }
        return waiter
      }
      waiter?.continuation.resume()
    }
    state.withLock { _ = $0.cancelled.remove(id) }
  }
}

extension LevelSignal<Int> {
  /// One more: wakes everybody who has seen fewer.
  package func ring() {
    change { $0 += 1 }
  }
}
