import FoundationEssentials
import Synchronization

/// An event as a projection takes it: what the log recorded, what it means, and how many tokens were sampled for it.
package struct ProjectedEvent: Sendable {
  package let recorded: RecordedEvent
  package let fact: PlayFact
  /// Tokens of its generation; nil without one.
  package let tokens: Int?
  /// Recorded by the experiment that this one was forked from, or by one before that.
  package let isInherited: Bool
  /// What accepted proposals decode to, whose problems several projections want.
  private let shared: DecodedOnce?

  /// - Parameter reader: the experiment whose history is read.
  /// - Throws: `EventCoding.Failure`.
  package init(_ recorded: RecordedEvent, tokens: Int?, reader: ExperimentID) throws {
    self.recorded = recorded
    fact = try PlayFact(recorded)
    self.tokens = tokens
    isInherited = recorded.experiment != reader
    shared = if case .proposalVerified(_, nil) = fact { DecodedOnce() } else { nil }
  }

  package var position: Position { recorded.position }

  /// The whole event, decoded now: for folds that want more than the fact says. That of an accepted proposal is decoded once,
  /// whoever asks.
  package func event() throws -> Event {
    try shared?.event(of: recorded) ?? Self.decode(recorded)
  }

  /// The problems that a proposal was made from: those it was shown, and the one whose program it was given. Without decoding
  /// where the body is plain.
  ///
  /// - Throws: `EventCoding.Failure`. Precondition: the event is ProposalMade.
  package func sources() throws -> (shown: [ProposalID], given: ProposalID?) {
    if recorded.schemaVersion == EventCoding.schemaVersion,
      let found = BodyFields(recorded.body, "references", "program"),
      let shown = found[0]?.proposals
    {
      guard let given = found[1] else { return (shown, nil) }
      if let given = given.proposal { return (shown, given) }
    }
    guard case .proposalMade(let made) = try event() else { preconditionFailure("\(recorded.type) is no ProposalMade") }
    return (made.references, made.program)
  }

  fileprivate static func decode(_ recorded: RecordedEvent) throws -> Event {
    try EventCoding.event(type: recorded.type, schemaVersion: recorded.schemaVersion, body: recorded.body)
  }
}

/// An event that several tasks may want decoded, and one of them decodes.
private final class DecodedOnce: Sendable {
  private let decoded = Mutex<Event?>(nil)

  func event(of recorded: RecordedEvent) throws -> Event {
    try decoded.withLock { known in
      if let known { return known }
      let event = try ProjectedEvent.decode(recorded)
      known = event
      return event
    }
  }
}

/// What an event says to projections. Of the five types that nearly all events are of, only ids and outcomes are read, which
/// is ten times as quick as decoding their JSON into the domain's types.
///
/// What is large is kept apart, because every projection of an experiment is handed a copy.
package enum PlayFact: Hashable, Sendable {
  case proposalMade(ProposalID)
  /// refusal nil: it was accepted.
  case proposalVerified(ProposalID, Refusal?)
  case attemptMade(AttemptID, problem: ProposalID)
  case attemptVerified(AttemptID, problem: ProposalID, Verdict)
  case problemAdmitted(ProposalID)
  /// The experiment's settings, at its creation or fork.
  indirect case settings(ExperimentSettings)
  indirect case iterationStarted(IterationStarted)
  indirect case weightsUpdated(WeightsUpdated)
  indirect case updateSkipped(UpdateSkipped)
  /// An event of another type; `ProjectedEvent.event()` decodes it.
  case other

  /// - Throws: `EventCoding.Failure` for a type that this program does not know, and for a body that it cannot read.
  package init(_ recorded: RecordedEvent) throws {
    if recorded.schemaVersion == EventCoding.schemaVersion, let quick = Self.quick(recorded) {
      self = quick
      return
    }
    if Self.others.contains(recorded.type) {
      self = .other
      return
    }
    self.init(
      try EventCoding.event(type: recorded.type, schemaVersion: recorded.schemaVersion, body: recorded.body))
  }

  /// What a decoded event says.
  package init(_ event: Event) {
    switch event {
    case .proposalMade(let made): self = .proposalMade(made.proposal)
    case .proposalVerified(let verified): self = .proposalVerified(verified.proposal, verified.refusal)
    case .attemptMade(let made): self = .attemptMade(made.attempt, problem: made.problem)
    case .attemptVerified(let verified):
      self = .attemptVerified(verified.attempt, problem: verified.problem, verified.verdict)
    case .problemAdmitted(let admitted): self = .problemAdmitted(admitted.problem)
    case .experimentCreated(let created): self = .settings(created.settings)
    case .experimentForked(let forked): self = .settings(forked.settings)
    case .iterationStarted(let started): self = .iterationStarted(started)
    case .weightsUpdated(let updated): self = .weightsUpdated(updated)
    case .updateSkipped(let skipped): self = .updateSkipped(skipped)
    default: self = .other
    }
  }

  /// Known types that say nothing here: their bodies are not read.
  private static let others = Set(EventCoding.types).subtracting([
    "ProposalMade", "ProposalVerified", "AttemptMade", "AttemptVerified", "ProblemAdmitted", "ExperimentCreated",
    "ExperimentForked", "IterationStarted", "WeightsUpdated", "UpdateSkipped",
  ])

  /// The fact without decoding; nil for a type or a body that this does not read, and for one that may be wrong.
  private static func quick(_ recorded: RecordedEvent) -> PlayFact? {
    switch recorded.type {
    case "AttemptMade":
      guard let found = BodyFields(recorded.body, "attempt", "problem"), let attempt = found[0]?.attempt,
        let problem = found[1]?.proposal
      else { return nil }
      return .attemptMade(attempt, problem: problem)
    case "AttemptVerified":
      guard let found = BodyFields(recorded.body, "attempt", "problem", "verdict"), let attempt = found[0]?.attempt,
        let problem = found[1]?.proposal, let verdict = found[2]?.text.flatMap(Verdict.init(rawValue:))
      else { return nil }
      return .attemptVerified(attempt, problem: problem, verdict)
    case "ProposalMade":
      return BodyFields(recorded.body, "proposal")?[0]?.proposal.map { .proposalMade($0) }
    case "ProposalVerified":
      guard let found = BodyFields(recorded.body, "proposal", "problem", "refusal"), let proposal = found[0]?.proposal
      else { return nil }
      let refusal = found[2]?.text.flatMap(Refusal.init(rawValue:))
      guard (refusal == nil) == (found[1]?.isObject ?? false), found[2] == nil || refusal != nil else { return nil }
      return .proposalVerified(proposal, refusal)
    case "ProblemAdmitted":
      return BodyFields(recorded.body, "problem")?[0]?.proposal.map { .problemAdmitted($0) }
    default: return nil
    }
  }
}
