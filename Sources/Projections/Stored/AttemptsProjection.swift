import EventLog

/// Table `attempts`: one row an attempt, under the experiment that recorded it: what a fork shares is its parent's.
///
/// The state is the attempts that are not verified yet, a batch of them at most.
package struct AttemptsProjection: Projection {
  package static let name = "attempts"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "attempts", key: [.init("position", .int8)],
      [
        .init("verified_position", .int8), .init("made_at", .timestamptz), .init("iteration", .int4),
        .init("policy_version", .int4), .init("slot", .int4), .init("sample", .int4), .init("tokens", .int4),
        .init("purpose", .text), .init("kind", .text), .init("problem", .text), .init("verdict", .text),
      ])
  ]

  private struct Made: Codable {
    var attempt: AttemptID
    var problem: ProposalID
    var position: Position
    var at: Timestamp
    var policyVersion: Int?
    var tokens: Int?
    /// Recorded by the parent: the row is the parent's.
    var isInherited: Bool
  }

  private var open: [AttemptID: Made] = [:]
  /// The first event of this batch: rows of attempts made from there on are made when they are verified, or when the batch ends.
  private var batchStart: Position?

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    let batchStart = batchStart ?? event.position
    self.batchStart = batchStart
    switch event.fact {
    case .attemptMade(let attempt, let problem):
      let made = Made(
        attempt: attempt, problem: problem, position: event.position, at: event.recorded.recordedAt,
        policyVersion: event.recorded.policyVersion, tokens: event.tokens, isInherited: event.isInherited)
      guard open.updateValue(made, forKey: attempt) == nil else {
        throw ProjectionError.unexpected("attempt \(attempt) is made twice")
      }
    case .attemptVerified(let attempt, _, let verdict):
      guard let made = open.removeValue(forKey: attempt) else {
        throw ProjectionError.unexpected("attempt \(attempt) is verified and was never made, or twice")
      }
      if made.isInherited, event.isInherited { return }
      // Made before the fork and verified after it: the parent has a row of its own for it.
      let row = row(made, verified: event.position, verdict)
      if made.isInherited || made.position >= batchStart {
        try changes.insert(0, row)
      } else {
        try changes.update(0, row)
      }
    default: break
    }
  }

  package mutating func finish(_ changes: inout RowChanges) throws {
    guard let batchStart else { return }
    self.batchStart = nil
    let unverified = open.values.filter { $0.position >= batchStart && !$0.isInherited }
    for made in unverified.sorted(by: { $0.position < $1.position }) {
      try changes.insert(0, row(made, verified: nil, nil))
    }
  }

  private func row(_ made: Made, verified: Position?, _ verdict: Verdict?) -> [RowValue] {
    [
      .position(made.position), .position(verified), .time(made.at), .integer(made.attempt.iteration),
      .integer(made.policyVersion), .integer(made.attempt.slot), .integer(made.attempt.sample),
      .integer(made.tokens), .text(made.attempt.purpose.rawValue), .text(made.attempt.kind.rawValue),
      .text(made.problem.description), .text(verdict?.rawValue),
    ]
  }
}

/// For saved states: by name.
extension AttemptsProjection: Codable {
  private enum CodingKeys: String, CodingKey { case open }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    for made in try container.decode([String: Made].self, forKey: .open).values { open[made.attempt] = made }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(
      Dictionary(uniqueKeysWithValues: open.map { ($0.key.description, $0.value) }), forKey: .open)
  }
}
