import Domain
import EventLog

/// Table `tallies`: verified attempts counted by problem, iteration, purpose and policy version, under the experiment that recorded
/// their verdicts. Views that count attempts read it instead of every one of them.
package struct TalliesProjection: Projection {
  package static let name = "tallies"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "tallies",
      key: [
        .init("iteration", .int4), .init("policy_version", .int4), .init("purpose", .text), .init("problem", .text),
      ],
      [
        .init("position", .int8), .init("attempts", .int4), .init("correct", .int4), .init("malformed", .int4),
        .init("kind", .text),
      ])
  ]

  /// Whose outcomes are counted together.
  private struct Key: Hashable, Codable {
    var policyVersion: Int
    var purpose: Purpose
    var problem: ProposalID
  }

  private struct Tally: Codable {
    var position: Position
    var attempts = 0
    var correct = 0
    var malformed = 0

    mutating func count(_ verdict: Verdict) {
      attempts += 1
      if verdict == .correct { correct += 1 }
      if verdict == .malformed { malformed += 1 }
    }
  }

  private var iteration = 0
  /// Of that iteration: earlier ones get no more attempts.
  private var tallies: [Key: Tally] = [:]
  private var touched = TouchedRows<Key>()

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    guard case .attemptVerified(let attempt, let problem, let verdict) = event.fact, !event.isInherited else { return }
    if attempt.iteration != iteration {
      guard attempt.iteration > iteration || tallies.isEmpty else {
        throw ProjectionError.unexpected("attempt \(attempt) is verified after iteration \(iteration) began")
      }
      try finish(&changes)
      iteration = attempt.iteration
      tallies = [:]
    }
    let key = Key(policyVersion: event.recorded.policyVersion ?? 0, purpose: attempt.purpose, problem: problem)
    if tallies[key] == nil { touched.insert(key) } else { touched.update(key) }
    tallies[key, default: Tally(position: event.position)].count(verdict)
  }

  package mutating func finish(_ changes: inout RowChanges) throws {
    for (key, isNew) in touched.take() {
      guard let tally = tallies[key] else { continue }
      let row: [RowValue] = [
        .integer(iteration), .integer(key.policyVersion), .text(key.purpose.rawValue), .text(key.problem.description),
        .position(tally.position), .integer(tally.attempts), .integer(tally.correct), .integer(tally.malformed),
        .text(key.problem.kind.rawValue),
      ]
      if isNew { try changes.insert(0, row) } else { try changes.update(0, row) }
    }
  }
}

/// For saved states: in the order of the keys, so that equal states have equal bytes.
extension TalliesProjection: Codable {
  private enum CodingKeys: String, CodingKey { case iteration, tallies }

  private struct Entry: Codable {
    var key: Key
    var tally: Tally
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    iteration = try container.decode(Int.self, forKey: .iteration)
    for entry in try container.decode([Entry].self, forKey: .tallies) { tallies[entry.key] = entry.tally }
  }

  package func encode(to encoder: any Encoder) throws {
    let entries = tallies.map { Entry(key: $0.key, tally: $0.value) }.sorted { left, right in
      let (left, right) = (left.key, right.key)
      return (left.policyVersion, left.purpose.rawValue, left.problem)
        < (right.policyVersion, right.purpose.rawValue, right.problem)
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(iteration, forKey: .iteration)
    try container.encode(entries, forKey: .tallies)
  }
}
