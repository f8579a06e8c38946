import EventLog

/// Tables `iterations`, `iteration_kinds` and `refusals`: what each iteration came to. A fork has the ones that it shares with
/// its parent too.
///
/// The state is the iteration begun last; its events follow each other without another's between them.
package struct IterationsProjection: Projection {
  package static let name = "iterations"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "iterations", key: [.init("iteration", .int4)],
      [
        .init("position", .int8), .init("ended_position", .int8), .init("started_at", .timestamptz),
        .init("ended_at", .timestamptz), .init("rounds", .int4), .init("policy_version_before", .int4),
        .init("policy_version_after", .int4), .init("inherited", .bool), .init("skipped", .text),
      ]),
    ProjectionTable(
      "iteration_kinds", key: [.init("iteration", .int4), .init("kind", .text)],
      [.init("position", .int8), .init("inherited", .bool)]
        + ["tokens_proposed", "tokens_probed", "tokens_solved"].map { .init($0, .int8) }
        + [
          "proposals", "accepted", "refused", "admitted", "probed", "learnable", "probes", "probes_correct", "solves",
          "solves_correct", "solves_malformed", "evaluations", "evaluations_correct",
        ].map { .init($0, .int4) }),
    ProjectionTable(
      "refusals", key: [.init("iteration", .int4), .init("kind", .text), .init("refusal", .text)],
      [.init("position", .int8), .init("inherited", .bool), .init("proposals", .int4)]),
  ]

  private struct Current: Codable {
    var iteration: Int
    var position: Position
    var startedAt: Timestamp
    var rounds = 1
    var policyVersion: Int
    var isInherited: Bool
    var kinds: [Kind: KindCounts] = [:]
    var refusals: [String: Refused] = [:]
    /// Probes of this iteration's problems.
    var probes: [String: SolveCount] = [:]
  }

  private struct KindCounts: Codable {
    var position: Position
    var isInherited: Bool
    var tokens = [0, 0, 0]
    var proposals = 0
    var accepted = 0
    var refused = 0
    var admitted = 0
    var probed = 0
    var learnable = 0
    var probes = SolveCount()
    var solves = SolveCount()
    var malformed = 0
    var evaluations = SolveCount()
  }

  private struct Refused: Codable {
    var position: Position
    var isInherited: Bool
    var count = 0
  }

  private var current: Current?
  /// Of the current iteration.
  private var touched = TouchedRows<Kind>()

  private enum CodingKeys: String, CodingKey { case current }

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    switch event.fact {
    case .iterationStarted(let started): try begin(started, event, &changes)
    case .weightsUpdated(let update): try end(event, policyVersion: update.toVersion, skipped: nil, &changes)
    case .updateSkipped(let skip):
      try end(event, policyVersion: skip.policyVersion, skipped: skip.reason, &changes)
    case .proposalMade(let id):
      try count(id.kind, event) {
        $0.proposals += 1
        $0.tokens[0] += event.tokens ?? 0
      }
    case .proposalVerified(let id, let refusal):
      if let refusal { try refuse(id.kind, refusal, event, &changes) }
      try count(id.kind, event) { if refusal == nil { $0.accepted += 1 } else { $0.refused += 1 } }
    case .problemAdmitted(let id): try count(id.kind, event) { $0.admitted += 1 }
    case .attemptMade(let id, _):
      let place: Int? = id.purpose == .probe ? 1 : id.purpose == .solve ? 2 : nil
      guard let place, let tokens = event.tokens else { return }
      try count(id.kind, event) { $0.tokens[place] += tokens }
    case .attemptVerified(let id, let problem, let verdict): try verify(id, problem, verdict, event)
    case .settings, .other: break
    }
  }

  private mutating func begin(
    _ started: IterationStarted, _ event: ProjectedEvent, _ changes: inout RowChanges
  ) throws {
    if current?.iteration == started.iteration {
      current?.rounds += 1
      if let current { try changes.update(0, row(current)) }
      return
    }
    try finish(&changes)
    let begun = Current(
      iteration: started.iteration, position: event.position, startedAt: event.recorded.recordedAt,
      policyVersion: started.policyVersion, isInherited: event.isInherited)
    current = begun
    try changes.insert(0, row(begun))
  }

  private mutating func end(
    _ event: ProjectedEvent, policyVersion: Int, skipped: String?, _ changes: inout RowChanges
  ) throws {
    // A shadow learner's updates belong to iterations that it has not played.
    guard let current else { return }
    try finish(&changes)
    try changes.update(0, row(current, ended: event, policyVersion: policyVersion, skipped: skipped))
    self.current = nil
  }

  private mutating func count(
    _ kind: Kind, _ event: ProjectedEvent, _ change: (inout KindCounts) -> Void
  ) throws {
    guard current != nil else {
      throw ProjectionError.unexpected("\(event.recorded.type) outside an iteration")
    }
    if current?.kinds[kind] == nil {
      current?.kinds[kind] = KindCounts(position: event.position, isInherited: event.isInherited)
      touched.insert(kind)
    } else {
      touched.update(kind)
    }
    if let place = current?.kinds.index(forKey: kind) { change(&current!.kinds.values[place]) }
  }

  package mutating func finish(_ changes: inout RowChanges) throws {
    for (kind, isNew) in touched.take() {
      guard let current, let counts = current.kinds[kind] else { continue }
      let row = Self.row(current.iteration, kind, counts)
      if isNew { try changes.insert(1, row) } else { try changes.update(1, row) }
    }
  }

  private mutating func refuse(
    _ kind: Kind, _ refusal: Refusal, _ event: ProjectedEvent, _ changes: inout RowChanges
  ) throws {
    guard let iteration = current?.iteration else {
      throw ProjectionError.unexpected("\(event.recorded.type) outside an iteration")
    }
    let key = "\(kind.rawValue) \(refusal.rawValue)"
    let known = current?.refusals[key]
    var refused = known ?? Refused(position: event.position, isInherited: event.isInherited)
    refused.count += 1
    current?.refusals[key] = refused
    let row: [RowValue] = [
      .integer(iteration), .text(kind.rawValue), .text(refusal.rawValue), .position(refused.position),
      .flag(refused.isInherited), .integer(refused.count),
    ]
    if known == nil { try changes.insert(2, row) } else { try changes.update(2, row) }
  }

  private mutating func verify(
    _ attempt: AttemptID, _ problem: ProposalID, _ verdict: Verdict, _ event: ProjectedEvent
  ) throws {
    let isCorrect = verdict == .correct
    var before: SolveCount?
    var after = SolveCount()
    if attempt.purpose == .probe {
      before = current?.probes[problem.description]
      after = before ?? SolveCount()
      after.count(isCorrect)
      current?.probes[problem.description] = after
    }
    try count(attempt.kind, event) { counts in
      switch attempt.purpose {
      case .probe:
        counts.probes.count(isCorrect)
        if before == nil { counts.probed += 1 }
        counts.learnable += (learnability(after) > 0 ? 1 : 0) - (before.map { learnability($0) > 0 } == true ? 1 : 0)
      case .solve:
        counts.solves.count(isCorrect)
        if verdict == .malformed { counts.malformed += 1 }
      case .evaluate: counts.evaluations.count(isCorrect)
      }
    }
  }

  private func row(
    _ current: Current, ended: ProjectedEvent? = nil, policyVersion: Int? = nil, skipped: String? = nil
  ) -> [RowValue] {
    [
      .integer(current.iteration), .position(current.position), .position(ended?.position), .time(current.startedAt),
      .time(ended?.recorded.recordedAt), .integer(current.rounds), .integer(current.policyVersion),
      .integer(policyVersion), .flag(current.isInherited), .text(skipped),
    ]
  }

  private static func row(_ iteration: Int, _ kind: Kind, _ counts: KindCounts) -> [RowValue] {
    [.integer(iteration), .text(kind.rawValue), .position(counts.position), .flag(counts.isInherited)]
      + counts.tokens.map { .integer($0) }
      + [
        counts.proposals, counts.accepted, counts.refused, counts.admitted, counts.probed, counts.learnable,
        counts.probes.attempts, counts.probes.correct, counts.solves.attempts, counts.solves.correct,
        counts.malformed, counts.evaluations.attempts, counts.evaluations.correct,
      ].map { .integer($0) }
  }
}
