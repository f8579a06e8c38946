import Synchronization

/// Spans that have ended and are not sent yet. Bounded: without a collector that answers the oldest are dropped and counted,
/// and memory stays as it is.
package final class SpanQueue: Sendable {
  private struct State {
    var spans: [FinishedSpan] = []
    var dropped = 0
  }

  private let capacity: Int
  private let state = Mutex(State())

  package init(capacity: Int = 4096) {
    precondition(capacity > 0, "a queue of \(capacity)")
    self.capacity = capacity
  }

  package func add(_ span: FinishedSpan) {
    state.withLock { state in
      state.spans.append(span)
      drop(&state)
    }
  }

  /// Takes the oldest out.
  package func take(_ most: Int) -> [FinishedSpan] {
    state.withLock { state in
      defer { state.spans.removeFirst(min(most, state.spans.count)) }
      return Array(state.spans.prefix(most))
    }
  }

  /// Puts back what could not be sent, before what has come since.
  package func putBack(_ spans: [FinishedSpan]) {
    state.withLock { state in
      state.spans.insert(contentsOf: spans, at: 0)
      drop(&state)
    }
  }

  /// How many were dropped since this was asked last.
  package func takeDropped() -> Int {
    state.withLock { state in
      defer { state.dropped = 0 }
      return state.dropped
    }
  }

  private func drop(_ state: inout State) {
    let excess = state.spans.count - capacity
    guard excess > 0 else { return }
    state.spans.removeFirst(excess)
    state.dropped += excess
  }
}
