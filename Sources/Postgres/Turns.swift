import Synchronization

/// A limited number of turns, given out in order of arrival: what bounds the connections of a pool.
final class Turns: Sendable {
  private typealias Continuation = CheckedContinuation<Result<Void, PostgresError>, Never>

  private struct State {
    var free: Int
    var nextID: UInt64 = 0
    var line: [(id: UInt64, continuation: Continuation)] = []
    /// Cancelled before they were in line: cancellation may overtake the suspension.
    var cancelled: Set<UInt64> = []
  }

  private let lineMax: Int
  private let state: Mutex<State>

  init(count: Int, lineMax: Int) {
    self.lineMax = lineMax
    state = Mutex(State(free: count))
  }

  /// Waits for a turn; the caller gives it back with `pass`.
  /// - Throws: `.poolExhausted` when the line is full, `.cancelled`.
  func take() async throws(PostgresError) {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let turn = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in enter(id, continuation) }
    } onCancel: {
      cancel(id)
    }
    _ = state.withLock { $0.cancelled.remove(id) }
    try turn.get()
  }

  /// Gives a turn back: the first in line has it next.
  func pass() {
    let next: Continuation? = state.withLock { state in
      if state.line.isEmpty {
        state.free += 1
        return nil
      }
      return state.line.removeFirst().continuation
    }
    next?.resume(returning: .success(()))
  }

  private func enter(_ id: UInt64, _ continuation: Continuation) {
    let now: Result<Void, PostgresError>? = state.withLock { state in
      if state.cancelled.remove(id) != nil { return .failure(.waitCancelled) }
      if state.free > 0 {
        state.free -= 1
        return .success(())
      }
      if state.line.count >= lineMax { return .failure(.lineFull(state.line.count)) }
      state.line.append((id, continuation))
      return nil
    }
    if let now { continuation.resume(returning: now) }
  }

  private func cancel(_ id: UInt64) {
    let waiting: Continuation? = state.withLock { state in
      guard let index = state.line.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return nil
      }
      return state.line.remove(at: index).continuation
    }
    waiting?.resume(returning: .failure(.waitCancelled))
  }
}

extension PostgresError {
  fileprivate static var waitCancelled: PostgresError {
    PostgresError(.cancelled, message: "cancelled while waiting for a connection")
  }

  fileprivate static func lineFull(_ count: Int) -> PostgresError {
    PostgresError(.poolExhausted, message: "all connections are in use and \(count) callers wait already")
  }
}
