import Domain
import EventLog

/// Table `origins`: one row a verified proposal, under the experiment that recorded the verdict: which problems it was made from, what became
/// of it, and its program as numbers that are equal where programs are (`TextKey`). Views that compare programs or follow
/// provenance read it instead of a million characters of JSON.
///
/// A row is made when the verdict comes and never changed. The state is the proposals that are not verified yet, a batch of them at most.
package struct OriginsProjection: Projection {
  package static let name = "origins"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "origins", key: [.init("number", .int8)],
      [
        .init("position", .int8), .init("verified_position", .int8), .init("iteration", .int4),
        .init("policy_version", .int4), .init("verified_version", .int4), .init("program_key", .int8),
        .init("problem_key", .int8), .init("given", .int8), .init("inherited", .bool), .init("unformatted", .bool),
        .init("kind", .text), .init("proposal", .text), .init("refusal", .text), .init("repeats", .text),
        .init("shown", .int8Array),
      ])
  ]

  private struct Made: Codable {
    var proposal: ProposalID
    var position: Position
    var policyVersion: Int?
    var shown: [ProposalID]
    var given: ProposalID?
    /// Recorded by the parent.
    var isInherited: Bool
  }

  private var open: [ProposalID: Made] = [:]

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    switch event.fact {
    case .proposalMade(let proposal):
      let sources = try event.sources()
      let made = Made(
        proposal: proposal, position: event.position, policyVersion: event.recorded.policyVersion,
        shown: sources.shown, given: sources.given, isInherited: event.isInherited)
      guard open.updateValue(made, forKey: proposal) == nil else {
        throw ProjectionError.unexpected("proposal \(proposal) is made twice")
      }
    case .proposalVerified(let proposal, let refusal):
      guard let made = open.removeValue(forKey: proposal) else {
        throw ProjectionError.unexpected("proposal \(proposal) is verified and was never made, or twice")
      }
      if !event.isInherited { try changes.insert(0, row(made, event, refusal)) }
    default: break
    }
  }

  private func row(_ made: Made, _ event: ProjectedEvent, _ refusal: Refusal?) throws -> [RowValue] {
    var verified: ProposalVerified?
    // Of most refusals the reason is enough.
    if refusal == nil || refusal == .duplicate, case .proposalVerified(let decoded) = try event.event() {
      verified = decoded
    }
    let problem = verified?.problem
    return [
      .integer(try Self.number(made.proposal)), .position(made.position), .position(event.position),
      .integer(made.proposal.iteration), .integer(made.policyVersion), .integer(event.recorded.policyVersion),
      Self.key(problem.map { TextKey.key($0.program) }), Self.key(problem.map(Self.problemKey)),
      Self.key(try made.given.map(Self.number)), .flag(made.isInherited), .flag(verified?.unformatted ?? false),
      .text(made.proposal.kind.rawValue), .text(made.proposal.description), .text(refusal?.rawValue),
      .text(refusal == .duplicate ? verified?.detail : nil), .integers(try made.shown.map(Self.number)),
    ]
  }

  private static func key(_ value: Int64?) -> RowValue { value.map { .integer($0) } ?? .null }

  /// A problem's id as one number, which `projection.problem_name` reads: iteration, kind and slot from the top down.
  ///
  /// - Throws: `.unexpected` for parts that are too large.
  package static func number(_ id: ProposalID) throws(ProjectionError) -> Int64 {
    let kind: Int64 =
      switch id.kind {
      case .deduction: 0
      case .abduction: 1
      case .induction: 2
      }
    guard id.slot < 1 << 30, id.iteration < 1 << 31 else {
      throw .unexpected("the iteration or the slot of \(id) is too large")
    }
    return Int64(id.iteration) << 32 | kind << 30 | Int64(id.slot)
  }

  /// Equal for problems of one kind that repeat each other: the same program, apart from empty lines and blanks before the ends of lines,
  /// and the same inputs. `projection.problem_key` is the same in SQL.
  package static func problemKey(_ problem: Problem) -> Int64 {
    var text: [UInt8] = []
    text.reserveCapacity(problem.program.utf8.count + 64)
    for line in problem.program.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
      guard let last = line.lastIndex(where: { !isBlank($0) }) else { continue }
      if !text.isEmpty { text.append(UInt8(ascii: "\n")) }
      text += line[...last]
    }
    text.append(TextKey.separator)
    for (index, pair) in problem.pairs.enumerated() {
      if index > 0 { text.append(UInt8(ascii: "\n")) }
      text += pair.input.utf8
    }
    return TextKey.key(text)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }
}

/// For saved states: in order, so that equal states have equal bytes.
extension OriginsProjection: Codable {
  private enum CodingKeys: String, CodingKey { case open }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    for made in try container.decode([Made].self, forKey: .open) { open[made.proposal] = made }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(open.values.sorted { $0.position < $1.position }, forKey: .open)
  }
}
