import EventLog
import Synchronization

/// A log that breaks its contract in one way, now and then. The oracle must notice each.
final class BrokenLog: PassThroughLog {
  enum Flaw: String, CaseIterable, Sendable {
    /// Acknowledges an append and keeps nothing of it.
    case forgetsAppend
    /// Keeps all but the last event of an append and acknowledges all.
    case losesLastEvent
    /// Takes appends of an epoch that was taken over.
    case ignoresEpoch
    /// Changes a sampled token.
    case changesToken
  }

  let base: any EventLog
  private let flaw: Flaw
  private let count = Mutex(0)

  init(_ base: any EventLog, _ flaw: Flaw) {
    self.base = base
    self.flaw = flaw
  }

  func append(_ append: Append) async throws(EventLogError) -> Appended {
    let number = count.withLock { count in
      count += 1
      return count
    }
    var changed = append
    // The learner stops the process when a verdict is missing (a precondition); the other losses go on unnoticed.
    if append.events.first?.type == "AttemptVerified" { return try await base.append(append) }
    switch flaw {
    case .forgetsAppend:
      guard number % 9 == 0 else { break }
      let head = try await base.head().position
      return Appended(
        first: head.advanced(by: 1), last: head.advanced(by: append.events.count),
        version: append.expectedVersion + Int64(append.events.count), replayed: false)
    case .losesLastEvent:
      guard number % 5 == 0, append.events.count > 1 else { break }
      changed.events.removeLast()
      let stored = try await base.append(changed)
      return Appended(
        first: stored.first, last: stored.last.advanced(by: 1), version: stored.version + 1, replayed: false)
    case .ignoresEpoch:
      guard append.epoch != nil else { break }
      changed.epoch = try await base.experiment(append.experiment)?.epoch
    case .changesToken:
      changed.events = append.events.map(Self.changed)
    }
    return try await base.append(changed)
  }

  private static func changed(_ event: NewEvent) -> NewEvent {
    guard let generation = event.generation, let first = generation.tokens.first else { return event }
    var event = event
    event.generation = GenerationRecord(
      tokens: [first ^ 1] + generation.tokens.dropFirst(), logProbabilities: generation.logProbabilities,
      prompt: generation.prompt, completion: generation.completion, sampling: generation.sampling,
      randomKey: generation.randomKey, finish: generation.finish)
    return event
  }
}
