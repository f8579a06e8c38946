import Synchronization

/// Whether the process was asked to end at the next step boundary. Set by a signal, read between steps.
final class LeaveRequest: Sendable {
  private let flag = Atomic(false)

  var isMade: Bool { flag.load(ordering: .sequentiallyConsistent) }

  func make() { flag.store(true, ordering: .sequentiallyConsistent) }
}
