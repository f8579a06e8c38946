#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import Synchronization

/// Which failpoint of this process is armed. State of the process on purpose: a point is passed deep inside code that has
/// no business knowing about tests. Only the executables arm it, once, before anything runs.
package enum Armament {
  private struct State {
    var point: Failpoint
    /// Passages until it goes off; 0 after that.
    var remaining: Int
    var action: FailpointAction
  }

  private static let armed = Atomic(false)
  private static let state = Mutex<State?>(nil)

  static var isArmed: Bool { armed.load(ordering: .relaxed) }

  /// Arms the point that `AUTODIDACT_FAILPOINT` names; nil or empty leaves the process unarmed.
  /// - Throws: `.unknown`, `.malformed`: a test that misspells a point must not pass.
  package static func arm(_ specification: String?) throws(FailpointError) {
    guard let specification, !specification.isEmpty else { return }
    let (point, number, action) = try parse(specification)
    state.withLock { $0 = State(point: point, remaining: number, action: action) }
    armed.store(true, ordering: .sequentiallyConsistent)
  }

  /// Reads `name[:n][:action]`. The first passage and `kill` are the defaults.
  package static func parse(
    _ text: String
  ) throws(FailpointError) -> (point: Failpoint, number: Int, action: FailpointAction) {
    var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)[...]
    guard let name = parts.popFirst(), let point = Failpoint(rawValue: name) else {
      throw .unknown(String(text.prefix { $0 != ":" }))
    }
    var number = 1
    if let first = parts.first, let given = Int(first) {
      guard (1...1_000_000).contains(given) else { throw .malformed(text) }
      number = given
      parts = parts.dropFirst()
    }
    guard let last = parts.popFirst() else { return (point, number, .kill) }
    guard parts.isEmpty, let action = FailpointAction(last) else { throw .malformed(text) }
    return (point, number, action)
  }

  /// The action that is due at this passage of the point; nil at all others.
  static func action(at point: Failpoint) -> FailpointAction? {
    state.withLock { state in
      guard let armed = state, armed.point == point, armed.remaining > 0 else { return nil }
      state?.remaining -= 1
      return armed.remaining == 1 ? armed.action : nil
    }
  }
}

/// What happens at an armed point.
package enum FailpointAction: Hashable, Sendable {
  /// `kill -9` of the own process.
  case kill
  /// SIGSTOP: the process freezes until somebody sends SIGCONT.
  case stop
  /// The point throws.
  case fail
  /// The thread sleeps.
  case delay(milliseconds: UInt32)

  init?(_ text: String) {
    switch text {
    case "kill": self = .kill
    case "stop": self = .stop
    case "fail": self = .fail
    default:
      guard text.hasPrefix("delay="), let milliseconds = UInt32(text.dropFirst(6)), milliseconds <= 600_000 else {
        return nil
      }
      self = .delay(milliseconds: milliseconds)
    }
  }

  func perform(at point: Failpoint) throws(FailpointError) {
    switch self {
    case .kill:
      _ = Self.signal(SIGKILL)
      while true { pause() }
    case .stop: _ = Self.signal(SIGSTOP)
    case .fail: throw .failed(point)
    case .delay(let milliseconds):
      var rest = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
      var left = timespec()
      while nanosleep(&rest, &left) != 0, errno == EINTR { rest = left }
    }
  }

  private static func signal(_ number: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.kill(getpid(), number)
    #else
      Darwin.kill(getpid(), number)
    #endif
  }
}
