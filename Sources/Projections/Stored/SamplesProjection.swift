import Domain
import EventLog

/// Table `samples`: one row an update of the weights, under the experiment that recorded it, with what it consumed: for each sample,
/// in batch order, what it was, what came of it and what its reward was measured against. Rewards are not here: the views compute them, from
/// this as from the log.
///
/// Arrays, because updates are asked for whole: a row for each sample would be a third more rows of all projections together.
/// A row is made when the update comes and never changed. The state is one iteration's proposals and attempts.
package struct SamplesProjection: Projection {
  package static let name = "samples"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "samples", key: [.init("position", .int8)],
      [
        .init("iteration", .int4), .init("policy_version", .int4), .init("from_version", .int4),
        .init("samples", .textArray), .init("kinds", .textArray), .init("purposes", .textArray),
        .init("problems", .textArray), .init("outcomes", .textArray), .init("positions", .int8Array),
        .init("versions", .int4Array), .init("probes", .int4Array), .init("probes_correct", .int4Array),
        .init("baselines", .float8Array), .init("deviations", .float8Array),
      ])
  ]

  /// A proposal or an attempt, as far as this experiment recorded it: a fork does not know what its parent did in an
  /// iteration that both played.
  private struct Sample: Codable {
    /// The version that drew it, where this experiment recorded that.
    var version: Int?
    /// Position at which it was drawn, and what came of it, where this experiment recorded that.
    var position: Position?
    var problem: ProposalID?
    /// A verdict; for a proposal the reason of its refusal, `accepted` or `unformatted`.
    var outcome: String?
  }

  private struct Probes: Codable {
    var attempts = 0
    var correct = 0

    mutating func count(_ verdict: Verdict) {
      attempts += 1
      if verdict == .correct { correct += 1 }
    }
  }

  private var iteration = 0
  /// Whether probes are trained on: else they are counted, and not kept one by one.
  private var reusesProbes = false
  private var proposals: [ProposalID: Sample] = [:]
  private var attempts: [AttemptID: Sample] = [:]
  private var probes: [ProposalID: Probes] = [:]

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    if case .settings(let settings) = event.fact { reusesProbes = settings.play.reuseProbes }
    guard !event.isInherited else { return }
    switch event.fact {
    case .proposalMade(let proposal):
      begin(proposal.iteration)
      proposals[proposal, default: Sample()].version = event.recorded.policyVersion
    case .proposalVerified(let proposal, let refusal):
      begin(proposal.iteration)
      var outcome = refusal?.rawValue ?? "accepted"
      if refusal == nil, case .proposalVerified(let verified) = try event.event(), verified.unformatted ?? false {
        outcome = "unformatted"
      }
      var sample = proposals[proposal] ?? Sample()
      sample.position = event.recorded.cause
      sample.problem = refusal == nil ? proposal : nil
      sample.outcome = outcome
      proposals[proposal] = sample
    case .attemptMade(let attempt, _):
      begin(attempt.iteration)
      guard isConsumed(attempt.purpose) else { return }
      attempts[attempt, default: Sample()].version = event.recorded.policyVersion
    case .attemptVerified(let attempt, let problem, let verdict):
      begin(attempt.iteration)
      if attempt.purpose == .probe { probes[problem, default: Probes()].count(verdict) }
      guard isConsumed(attempt.purpose) else { return }
      var sample = attempts[attempt] ?? Sample()
      sample.position = event.recorded.cause
      sample.problem = problem
      sample.outcome = verdict.rawValue
      attempts[attempt] = sample
    case .weightsUpdated(let update): try changes.insert(0, row(update, event))
    default: break
    }
  }

  private func isConsumed(_ purpose: Purpose) -> Bool {
    switch purpose {
    case .solve: true
    case .probe: reusesProbes
    case .evaluate: false
    }
  }

  /// Nothing is consumed after the iteration it was drawn in.
  private mutating func begin(_ iteration: Int) {
    guard iteration != self.iteration else { return }
    self.iteration = iteration
    proposals.removeAll(keepingCapacity: true)
    attempts.removeAll(keepingCapacity: true)
    probes.removeAll(keepingCapacity: true)
  }

  private func row(_ update: WeightsUpdated, _ event: ProjectedEvent) throws -> [RowValue] {
    let groups = Dictionary(
      update.groups.map { (GroupKey(role: $0.role, kind: $0.kind, problem: $0.problem), $0) },
      uniquingKeysWith: { first, _ in first })
    let consumed = try update.consumed.map(consumed)
    let measured = consumed.map { sample -> RewardGroup? in
      // Probes have a group for each problem.
      let isProbe = sample.purpose == Purpose.probe.rawValue
      if isProbe, sample.known?.problem == nil { return nil }
      let problem = isProbe ? sample.known?.problem : nil
      return groups[GroupKey(role: sample.role, kind: sample.kind, problem: problem)]
        ?? groups[GroupKey(role: sample.role, kind: nil, problem: problem)]
    }
    let probed = consumed.map { sample in sample.role == .proposer ? sample.known?.problem.flatMap { probes[$0] } : nil
    }
    return [
      .position(event.position), .integer(event.recorded.iteration), .integer(update.toVersion),
      .integer(update.fromVersion), .texts(update.consumed), .texts(consumed.map(\.kind.rawValue)),
      .texts(consumed.map(\.purpose)), .texts(consumed.map { $0.known?.problem?.description }),
      .texts(consumed.map { $0.known?.outcome }), .integers(consumed.map { $0.known?.position?.rawValue }),
      .integers(consumed.map { $0.known?.version }), .integers(probed.map { $0?.attempts }),
      .integers(probed.map { $0?.correct }), .numbers(measured.map { $0?.meanReward }),
      .numbers(measured.map { $0?.deviation }),
    ]
  }

  private struct GroupKey: Hashable {
    var role: Role
    var kind: Kind?
    var problem: ProposalID?
  }

  private struct Consumed {
    var role: Role
    var kind: Kind
    var purpose: String
    var known: Sample?
  }

  private func consumed(_ name: String) throws -> Consumed {
    if let id = AttemptID(name) {
      return Consumed(role: .solver, kind: id.kind, purpose: id.purpose.rawValue, known: attempts[id])
    }
    guard let id = ProposalID(name) else {
      throw ProjectionError.unexpected("the update consumed \(name), which is neither a proposal nor an attempt")
    }
    return Consumed(role: .proposer, kind: id.kind, purpose: "propose", known: proposals[id])
  }
}

/// For saved states: in order, so that equal states have equal bytes.
extension SamplesProjection: Codable {
  private enum CodingKeys: String, CodingKey { case iteration, reusesProbes, proposals, attempts, probes }

  private struct Entry<ID: Codable & Comparable & Hashable, Value: Codable>: Codable {
    var id: ID
    var value: Value

    static func all(_ values: [ID: Value]) -> [Self] {
      values.map { Self(id: $0.key, value: $0.value) }.sorted { $0.id < $1.id }
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    iteration = try container.decode(Int.self, forKey: .iteration)
    reusesProbes = try container.decode(Bool.self, forKey: .reusesProbes)
    for entry in try container.decode([Entry<ProposalID, Sample>].self, forKey: .proposals) {
      proposals[entry.id] = entry.value
    }
    for entry in try container.decode([Entry<AttemptID, Sample>].self, forKey: .attempts) {
      attempts[entry.id] = entry.value
    }
    for entry in try container.decode([Entry<ProposalID, Probes>].self, forKey: .probes) {
      probes[entry.id] = entry.value
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(iteration, forKey: .iteration)
    try container.encode(reusesProbes, forKey: .reusesProbes)
    try container.encode(Entry.all(proposals), forKey: .proposals)
    try container.encode(Entry.all(attempts), forKey: .attempts)
    try container.encode(Entry.all(probes), forKey: .probes)
  }
}
