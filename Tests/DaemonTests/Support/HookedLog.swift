import EventLog
import Synchronization

/// A log in front of a real one: test code runs before and after appends, and before the epoch is raised. It invents
/// nothing; what is not hooked goes straight through.
final class HookedLog: PassThroughLog {
  let base: any EventLog
  private let state = Mutex(State())

  private struct State {
    var tried: [Append] = []
    var beforeAppend: Hook?
    var afterAppend: Hook?
    var beforeEpoch: (@Sendable () async -> Void)?
    var changed: Position?
  }

  /// Gets the append and its number among the appends that carry an epoch, from 1.
  typealias Hook = @Sendable (Append, Int) async throws(EventLogError) -> Void

  init(_ base: any EventLog) { self.base = base }

  /// Appends of runners, tried or done, in order.
  var tried: [Append] { state.withLock { $0.tried } }

  func beforeAppend(_ hook: Hook?) { state.withLock { $0.beforeAppend = hook } }
  func afterAppend(_ hook: Hook?) { state.withLock { $0.afterAppend = hook } }
  func beforeEpoch(_ hook: (@Sendable () async -> Void)?) { state.withLock { $0.beforeEpoch = hook } }

  /// From now on the generation at this position is read with another token, as if the disk had changed it.
  func change(at position: Position) { state.withLock { $0.changed = position } }

  /// Forgets what was tried: the numbers begin at 1 again.
  func restart() { state.withLock { $0.tried = [] } }

  func append(_ append: Append) async throws(EventLogError) -> Appended {
    guard append.epoch != nil else { return try await base.append(append) }
    let (number, before, after) = state.withLock { state in
      state.tried.append(append)
      return (state.tried.count, state.beforeAppend, state.afterAppend)
    }
    try await before?(append, number)
    let appended = try await base.append(append)
    try await after?(append, number)
    return appended
  }

  func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    await state.withLock { $0.beforeEpoch }?()
    return try await base.raiseEpoch(of: experiment, takeOver: takeOver)
  }

  func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    var found = try await base.generations(at: positions)
    if let changed = state.withLock({ $0.changed }), let record = found[changed] {
      found[changed] = GenerationRecord(
        tokens: record.tokens.map { $0 ^ 1 }, logProbabilities: record.logProbabilities, prompt: record.prompt,
        completion: record.completion, sampling: record.sampling, randomKey: record.randomKey, finish: record.finish)
    }
    return found
  }
}
