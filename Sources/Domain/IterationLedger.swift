/// What has happened in one iteration: a fold over its events, shared by the decider, the learner and the summaries.
///
/// Entries are in the order of the log, which is the canonical order of slots.
package struct IterationLedger: Hashable, Sendable {
  package let iteration: Int
  package let round: Int
  package let policyVersion: PolicyVersion
  package private(set) var proposals: [ProposalEntry] = []
  package private(set) var attempts: [AttemptEntry] = []
  package private(set) var update: WeightsUpdated?
  package private(set) var skipped: UpdateSkipped?

  private var proposalIndex: [ProposalID: Int] = [:]
  private var attemptIndex: [AttemptID: Int] = [:]
  private var probeCounts: [ProposalID: SolveCount] = [:]

  /// A proposal and what became of it.
  package struct ProposalEntry: Hashable, Codable, Sendable {
    package var made: ProposalMade
    /// Position of `ProposalMade`, where its generation lies.
    package var position: Int64
    package var verified: ProposalVerified?
    package var admitted = false
    package var id: ProposalID { made.proposal }
  }

  /// An attempt and what became of it.
  package struct AttemptEntry: Hashable, Codable, Sendable {
    package var made: AttemptMade
    /// Position of `AttemptMade`, where its generation lies.
    package var position: Int64
    package var verified: AttemptVerified?
    package var id: AttemptID { made.attempt }
  }

  package init(_ started: IterationStarted) {
    iteration = started.iteration
    round = started.round
    policyVersion = started.policyVersion
  }

  /// Seeding collects problems only: no probes, no solving, no update.
  package var isSeeding: Bool { iteration == 0 }

  /// Proposals whose verification is not in the log yet.
  package var unverifiedProposals: [ProposalEntry] { proposals.filter { $0.verified == nil } }
  /// Attempts whose verification is not in the log yet.
  package var unverifiedAttempts: [AttemptEntry] { attempts.filter { $0.verified == nil } }
  /// Accepted problems in slot order.
  package var accepted: [(id: ProposalID, problem: Problem)] {
    proposals.compactMap { entry in entry.verified?.problem.map { (entry.id, $0) } }
  }
  /// Whether attempts of this purpose have been made.
  package func hasAttempts(_ purpose: Purpose) -> Bool { attempts.contains { $0.id.purpose == purpose } }
  /// A proposal of this iteration by name.
  package func entry(_ proposal: ProposalID) -> ProposalEntry? { proposalIndex[proposal].map { proposals[$0] } }
  /// An attempt of this iteration by name.
  package func entry(_ attempt: AttemptID) -> AttemptEntry? { attemptIndex[attempt].map { attempts[$0] } }
  /// How the probes of a problem went.
  package func probes(of problem: ProposalID) -> SolveCount { probeCounts[problem] ?? SolveCount() }

  /// Takes an event of this iteration at its position. Events of other groups are ignored.
  package mutating func apply(_ event: Event, at position: Int64) {
    switch event {
    case .proposalMade(let made):
      proposalIndex[made.proposal] = proposals.count
      proposals.append(ProposalEntry(made: made, position: position))
    case .proposalVerified(let verified):
      proposals[index(of: verified.proposal)].verified = verified
    case .problemAdmitted(let admitted):
      proposals[index(of: admitted.problem)].admitted = true
    case .attemptMade(let made):
      attemptIndex[made.attempt] = attempts.count
      attempts.append(AttemptEntry(made: made, position: position))
    case .attemptVerified(let verified):
      guard let index = attemptIndex[verified.attempt] else {
        preconditionFailure("verified attempt \(verified.attempt) was never made")
      }
      attempts[index].verified = verified
      if verified.attempt.purpose == .probe {
        probeCounts[verified.problem, default: SolveCount()].count(verified.verdict == .correct)
      }
    case .weightsUpdated(let updated): update = updated
    case .updateSkipped(let reason): skipped = reason
    default: break
    }
  }

  /// Why an event of the play cannot be the next of this iteration; nil if `apply` may take it. For events of which nobody
  /// knows who wrote them (`Experiment.objection`).
  ///
  /// - Parameter isKnown: whether the problem is in a buffer.
  func objection(to event: Event, isKnown: (ProposalID) -> Bool) -> String? {
    switch event {
    case .proposalMade(let made):
      if made.proposal.iteration != iteration { return "proposal \(made.proposal) in iteration \(iteration)" }
      if !attempts.isEmpty { return "proposal \(made.proposal) after the first attempt" }
      return proposalIndex[made.proposal] == nil ? nil : "proposal \(made.proposal) was made twice"
    case .proposalVerified(let verified): return objection(to: verified)
    case .problemAdmitted(let admitted):
      guard let entry = proposalIndex[admitted.problem].map({ proposals[$0] }), entry.verified?.problem != nil else {
        return "problem \(admitted.problem) is admitted and was never accepted"
      }
      return entry.admitted ? "problem \(admitted.problem) is admitted twice" : nil
    case .attemptMade(let made):
      if made.attempt.iteration != iteration { return "attempt \(made.attempt) in iteration \(iteration)" }
      if attemptIndex[made.attempt] != nil { return "attempt \(made.attempt) was made twice" }
      let isAccepted = proposalIndex[made.problem].map { proposals[$0].verified?.problem != nil } ?? false
      return isAccepted || isKnown(made.problem)
        ? nil : "attempt \(made.attempt) at the unknown problem \(made.problem)"
    case .attemptVerified(let verified):
      guard let entry = attemptIndex[verified.attempt].map({ attempts[$0] }) else {
        return "attempt \(verified.attempt) is verified and was never made"
      }
      if entry.made.problem != verified.problem { return "attempt \(verified.attempt) is verified at another problem" }
      return entry.verified == nil ? nil : "attempt \(verified.attempt) is verified twice"
    case .weightsUpdated, .updateSkipped:
      if isSeeding { return "an update in seeding" }
      let isVerified = unverifiedProposals.isEmpty && unverifiedAttempts.isEmpty
      return isVerified ? nil : "an update of iteration \(iteration), which is not verified to its end"
    default: return nil
    }
  }

  private func objection(to verified: ProposalVerified) -> String? {
    let id = verified.proposal
    guard let entry = proposalIndex[id].map({ proposals[$0] }) else {
      return "proposal \(id) is verified and was never made"
    }
    if entry.verified != nil { return "proposal \(id) is verified twice" }
    if (verified.problem == nil) != (verified.refusal != nil) {
      return "proposal \(id) is neither accepted nor refused"
    }
    guard let problem = verified.problem else { return nil }
    return problem.kind == id.kind && !problem.pairs.isEmpty ? nil : "proposal \(id) became a problem of another kind"
  }

  private func index(of proposal: ProposalID) -> Int {
    guard let index = proposalIndex[proposal] else { preconditionFailure("proposal \(proposal) was never made") }
    return index
  }
}

/// For snapshots. The indices and the counts of probes are made again from the entries.
extension IterationLedger: Codable {
  private enum CodingKeys: String, CodingKey {
    case iteration, round, policyVersion, proposals, attempts, update, skipped
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    iteration = try container.decode(Int.self, forKey: .iteration)
    round = try container.decode(Int.self, forKey: .round)
    policyVersion = try container.decode(PolicyVersion.self, forKey: .policyVersion)
    proposals = try container.decode([ProposalEntry].self, forKey: .proposals)
    attempts = try container.decode([AttemptEntry].self, forKey: .attempts)
    update = try container.decodeIfPresent(WeightsUpdated.self, forKey: .update)
    skipped = try container.decodeIfPresent(UpdateSkipped.self, forKey: .skipped)
    for (index, entry) in proposals.enumerated() { proposalIndex[entry.id] = index }
    for (index, entry) in attempts.enumerated() {
      attemptIndex[entry.id] = index
      if let verified = entry.verified, entry.id.purpose == .probe {
        probeCounts[verified.problem, default: SolveCount()].count(verified.verdict == .correct)
      }
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(iteration, forKey: .iteration)
    try container.encode(round, forKey: .round)
    try container.encode(policyVersion, forKey: .policyVersion)
    try container.encode(proposals, forKey: .proposals)
    try container.encode(attempts, forKey: .attempts)
    try container.encodeIfPresent(update, forKey: .update)
    try container.encodeIfPresent(skipped, forKey: .skipped)
  }
}

/// Attempts and how many of them were right.
package struct SolveCount: Hashable, Codable, Sendable {
  package var attempts = 0
  package var correct = 0

  package init(attempts: Int = 0, correct: Int = 0) {
    self.attempts = attempts
    self.correct = correct
  }

  package mutating func count(_ isCorrect: Bool) {
    attempts += 1
    if isCorrect { correct += 1 }
  }

  /// Share of right attempts; nil without attempts.
  package var rate: Double? { attempts == 0 ? nil : Double(correct) / Double(attempts) }
}
