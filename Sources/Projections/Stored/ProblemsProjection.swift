import EventLog
import FoundationEssentials

/// Table `problems`: one row an accepted problem, with how attempts at it went. A fork has the problems that it shares with
/// its parent too, because attempts at them go on.
///
/// The state is the tally of every problem.
package struct ProblemsProjection: Projection {
  package static let name = "problems"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "problems", key: [.init("problem", .text)],
      [
        .init("position", .int8), .init("verified_position", .int8), .init("admitted_position", .int8),
        .init("iteration", .int4), .init("policy_version", .int4), .init("slot", .int4), .init("probes", .int4),
        .init("probes_correct", .int4), .init("attempts", .int4), .init("correct", .int4),
        .init("first_solved_version", .int4), .init("last_solved_version", .int4),
        .init("last_attempted_version", .int4), .init("given", .bool), .init("inherited", .bool),
        .init("kind", .text),
      ])
  ]

  private var tallies: [ProposalID: Tally] = [:]
  private var touched = TouchedRows<ProposalID>()

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    switch event.fact {
    case .settings(let settings):
      for kind in settings.play.kinds where tallies[Experiment.zero(kind)] == nil {
        let tally = Tally(position: event.position, isGiven: true, isInherited: event.isInherited)
        tallies[Experiment.zero(kind)] = tally
        touched.insert(Experiment.zero(kind))
      }
    case .proposalVerified(let proposal, nil):
      var tally = Tally(
        position: event.recorded.cause ?? event.position, isGiven: false, isInherited: event.isInherited)
      tally.verified = event.position
      tally.policyVersion = event.recorded.policyVersion
      guard tallies.updateValue(tally, forKey: proposal) == nil else {
        throw ProjectionError.unexpected("problem \(proposal) is accepted twice")
      }
      touched.insert(proposal)
    case .problemAdmitted(let problem):
      try change(problem) { $0.admitted = event.position }
    case .attemptVerified(let attempt, let problem, let verdict):
      guard attempt.purpose != .evaluate else { return }
      try change(problem) {
        $0.count(verdict == .correct, isProbe: attempt.purpose == .probe, event.recorded.policyVersion ?? 0)
      }
    default: break
    }
  }

  package mutating func finish(_ changes: inout RowChanges) throws {
    for (problem, isNew) in touched.take() {
      guard let tally = tallies[problem] else { continue }
      if isNew { try changes.insert(0, tally.row(problem)) } else { try changes.update(0, tally.row(problem)) }
    }
  }

  private mutating func change(_ problem: ProposalID, _ change: (inout Tally) -> Void) throws {
    guard let index = tallies.index(forKey: problem) else {
      throw ProjectionError.unexpected("problem \(problem) was never accepted")
    }
    change(&tallies.values[index])
    touched.update(problem)
  }

  /// What is known of a problem.
  private struct Tally {
    var position: Position
    var verified: Position?
    var admitted: Position?
    var policyVersion: Int?
    var probes = SolveCount()
    var attempts = SolveCount()
    var firstSolved: Int?
    var lastSolved: Int?
    var lastAttempted: Int?
    let isGiven: Bool
    let isInherited: Bool

    init(position: Position, isGiven: Bool, isInherited: Bool) {
      self.position = position
      self.isGiven = isGiven
      self.isInherited = isInherited
    }

    mutating func count(_ isCorrect: Bool, isProbe: Bool, _ version: Int) {
      attempts.count(isCorrect)
      if isProbe { probes.count(isCorrect) }
      lastAttempted = max(lastAttempted ?? version, version)
      guard isCorrect else { return }
      firstSolved = min(firstSolved ?? version, version)
      lastSolved = max(lastSolved ?? version, version)
    }

    func row(_ problem: ProposalID) -> [RowValue] {
      [
        .text(problem.description), .position(position), .position(verified), .position(admitted),
        .integer(problem.iteration), .integer(policyVersion), .integer(problem.slot), .integer(probes.attempts),
        .integer(probes.correct), .integer(attempts.attempts), .integer(attempts.correct), .integer(firstSolved),
        .integer(lastSolved), .integer(lastAttempted), .flag(isGiven), .flag(isInherited),
        .text(problem.kind.rawValue),
      ]
    }
  }
}

/// For saved states: one array of numbers, because there are as many problems as a long experiment has proposed.
extension ProblemsProjection: Codable {
  private static let width = 17
  /// Stands for nil; no position, count or version is negative.
  private static let none: Int64 = -1

  package init(from decoder: any Decoder) throws {
    self.init()
    let data = try decoder.singleValueContainer().decode(Data.self)
    guard data.count % (8 * Self.width) == 0 else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "\(data.count) bytes of problems, not in rows of \(8 * Self.width)"))
    }
    let numbers = data.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 8).map {
        Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self))
      }
    }
    for start in stride(from: 0, to: numbers.count, by: Self.width) {
      try take(Array(numbers[start..<start + Self.width]))
    }
  }

  private mutating func take(_ row: [Int64]) throws {
    func optional(_ index: Int) -> Int? { row[index] == Self.none ? nil : Int(row[index]) }
    guard Kind.allCases.indices.contains(Int(row[1])) else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "a problem of kind \(row[1])"))
    }
    var tally = Tally(position: Position(row[3]), isGiven: row[15] == 1, isInherited: row[16] == 1)
    tally.verified = optional(4).map { Position(Int64($0)) }
    tally.admitted = optional(5).map { Position(Int64($0)) }
    tally.policyVersion = optional(6)
    tally.probes = SolveCount(attempts: Int(row[7]), correct: Int(row[8]))
    tally.attempts = SolveCount(attempts: Int(row[9]), correct: Int(row[10]))
    tally.firstSolved = optional(11)
    tally.lastSolved = optional(12)
    tally.lastAttempted = optional(13)
    tallies[ProposalID(iteration: Int(row[0]), kind: Kind.allCases[Int(row[1])], slot: Int(row[2]))] = tally
  }

  package func encode(to encoder: any Encoder) throws {
    var data = Data()
    data.reserveCapacity(tallies.count * Self.width * 8)
    for id in tallies.keys.sorted() {
      guard let tally = tallies[id], let kind = Kind.allCases.firstIndex(of: id.kind) else { continue }
      let numbers: [Int64] = [
        Int64(id.iteration), Int64(kind), Int64(id.slot), tally.position.rawValue,
        tally.verified?.rawValue ?? Self.none, tally.admitted?.rawValue ?? Self.none, number(tally.policyVersion),
        Int64(tally.probes.attempts), Int64(tally.probes.correct), Int64(tally.attempts.attempts),
        Int64(tally.attempts.correct), number(tally.firstSolved), number(tally.lastSolved),
        number(tally.lastAttempted), 0, tally.isGiven ? 1 : 0, tally.isInherited ? 1 : 0,
      ]
      for number in numbers { withUnsafeBytes(of: number.littleEndian) { data.append(contentsOf: $0) } }
    }
    var container = encoder.singleValueContainer()
    try container.encode(data)
  }

  private func number(_ value: Int?) -> Int64 { value.map(Int64.init) ?? Self.none }
}
