import Synchronization

/// Whether the process was asked to end at the next step boundary. Set by a signal, read between steps.
package final class LeaveRequest: Sendable {
  private let flag = Atomic(false)

  package init() {}

  package var isMade: Bool { flag.load(ordering: .sequentiallyConsistent) }

  package func make() { flag.store(true, ordering: .sequentiallyConsistent) }
}
