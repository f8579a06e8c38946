/// How long and how often a process waits for a log that cannot be reached. No randomness: one writer an experiment needs
/// no jitter, and a test that fails must fail again.
package struct Patience: Hashable, Sendable {
  /// The first pause; each is twice the one before, up to `delayMax`.
  package var firstDelay: Duration
  package var delayMax: Duration
  /// The sum of the pauses after which the call fails and the process leaves the experiment.
  package var outageMax: Duration

  package init(
    firstDelay: Duration = .milliseconds(500), delayMax: Duration = .seconds(5), outageMax: Duration = .seconds(86_400)
  ) {
    precondition(firstDelay > .zero && delayMax >= firstDelay, "pauses from \(firstDelay) to \(delayMax)")
    self.firstDelay = firstDelay
    self.delayMax = delayMax
    self.outageMax = outageMax
  }
}

/// What is told about an outage: to the daemon's log, to the terminal of a foreground run.
package enum Outage: Hashable, Sendable, CustomStringConvertible {
  /// A call could not reach the log. Told at the first try and at each that doubles the number of tries.
  case unreachable(operation: String, tries: Int, waited: Duration, reason: String)
  /// The call went through after all; the experiment goes on.
  case over(operation: String, tries: Int, waited: Duration)
  /// The call fails now: patience is exhausted, or the process is leaving.
  case givenUp(operation: String, tries: Int, waited: Duration, isLeaving: Bool)

  package var description: String {
    switch self {
    case .unreachable(let operation, let tries, let waited, let reason):
      """
      the log cannot be reached: \(operation), try \(tries), waited \(Self.seconds(waited)); the experiment stands still, \
      what is performed is kept and tried again (\(reason))
      """
    case .over(let operation, let tries, let waited):
      "the log is back: \(operation) went through at try \(tries) after \(Self.seconds(waited)); the experiment goes on"
    case .givenUp(let operation, let tries, let waited, let isLeaving):
      """
      \(operation) is given up at try \(tries) after \(Self.seconds(waited)), \
      \(isLeaving ? "because the process is to end" : "as long as it was told to wait"); what is not in the log is \
      performed again next time
      """
    }
  }

  private static func seconds(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    return "\(milliseconds / 1000).\(milliseconds / 100 % 10) s"
  }
}
