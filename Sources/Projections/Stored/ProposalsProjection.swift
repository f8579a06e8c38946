import EventLog

/// Table `proposals`: one row a proposal, under the experiment that recorded it: what a fork shares is its parent's.
///
/// The state is the proposals that are not verified yet, a batch of them at most.
package struct ProposalsProjection: Projection {
  package static let name = "proposals"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "proposals", key: [.init("position", .int8)],
      [
        .init("verified_position", .int8), .init("made_at", .timestamptz), .init("iteration", .int4),
        .init("policy_version", .int4), .init("slot", .int4), .init("tokens", .int4), .init("accepted", .bool),
        .init("kind", .text), .init("proposal", .text), .init("refusal", .text),
      ])
  ]

  private struct Made: Codable {
    var proposal: ProposalID
    var position: Position
    var at: Timestamp
    var policyVersion: Int?
    var tokens: Int?
    /// Recorded by the parent: the row is the parent's.
    var isInherited: Bool
  }

  private var open: [String: Made] = [:]

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    switch event.fact {
    case .proposalMade(let proposal):
      let made = Made(
        proposal: proposal, position: event.position, at: event.recorded.recordedAt,
        policyVersion: event.recorded.policyVersion, tokens: event.tokens, isInherited: event.isInherited)
      guard open.updateValue(made, forKey: proposal.description) == nil else {
        throw ProjectionError.unexpected("proposal \(proposal) is made twice")
      }
      if !made.isInherited { try changes.insert(0, row(made, verified: nil, nil)) }
    case .proposalVerified(let proposal, let refusal):
      guard let made = open.removeValue(forKey: proposal.description) else {
        throw ProjectionError.unexpected("proposal \(proposal) is verified and was never made, or twice")
      }
      if made.isInherited, event.isInherited { return }
      // Made before the fork and verified after it: the parent has a row of its own for it.
      let row = row(made, verified: event.position, refusal)
      if made.isInherited { try changes.insert(0, row) } else { try changes.update(0, row) }
    default: break
    }
  }

  private func row(_ made: Made, verified: Position?, _ refusal: Refusal?) -> [RowValue] {
    [
      .position(made.position), .position(verified), .time(made.at), .integer(made.proposal.iteration),
      .integer(made.policyVersion), .integer(made.proposal.slot), .integer(made.tokens),
      verified == nil ? .null : .flag(refusal == nil), .text(made.proposal.kind.rawValue),
      .text(made.proposal.description), .text(refusal?.rawValue),
    ]
  }
}
