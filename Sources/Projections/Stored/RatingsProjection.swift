import Domain
import EventLog
import FoundationEssentials

/// Tables `problem_ratings` and `policy_ratings`: problems and policy versions on one scale (`RaschFit`, docs/curriculum.md), for
/// "are the problems getting harder, or the model better?". A fork has the problems that it shares with its parent too.
///
/// One attempt moves every rating, so they are fitted now and then: at the end of an iteration, once there are half as many
/// attempts again as at the fit before. All fits together then cost three times the last one, however long the log is. A row says
/// which version it was fitted at; `autodidact difficulty` fits with the newest attempt.
package struct RatingsProjection: Projection {
  package static let name = "ratings"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "problem_ratings", key: [.init("problem", .text)],
      figures + [.init("iteration", .int4), .init("versions", .int4), .init("inherited", .bool), .init("kind", .text)]),
    ProjectionTable(
      "policy_ratings", key: [.init("policy_version", .int4)],
      figures + [
        .init("first_version", .int4), .init("last_version", .int4), .init("links", .int4), .init("converged", .bool),
      ]),
  ]

  /// What both tables have.
  private static let figures: [ProjectionTable.Column] = [
    .init("position", .int8), .init("rating", .float8), .init("rating_low", .float8), .init("rating_high", .float8),
    .init("fitted_version", .int4), .init("attempts", .int4), .init("correct", .int4),
  ]

  private var policyVersion: PolicyVersion = 0
  private var attempts = 0
  /// Attempts at the last fit.
  private var fitted = 0
  /// In the order they were accepted; given ones when first attempted. The oldest are forgotten as `Difficulty` forgets them, and
  /// keep the rows they have.
  private var problems: [Outcomes] = []
  private var places: [ProposalID: Int] = [:]
  /// Versions that have a row.
  private var rated: Set<PolicyVersion> = []

  private struct Outcomes: Hashable, Sendable {
    var id: ProposalID
    var counts: [VersionCount] = []
    var isInherited: Bool
    /// Whether it has a row.
    var isRated = false
  }

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    switch event.fact {
    case .iterationStarted(let started): policyVersion = started.policyVersion
    case .proposalVerified(let proposal, nil): begin(proposal, event)
    case .attemptVerified(let attempt, let problem, let verdict):
      guard attempt.purpose != .evaluate else { return }
      if problem == Experiment.zero(problem.kind) { begin(problem, event) }
      count(problem, verdict == .correct)
    case .weightsUpdated(let updated):
      policyVersion = updated.toVersion
      try fitIfDue(event, &changes)
    case .updateSkipped: try fitIfDue(event, &changes)
    default: break
    }
  }

  private mutating func begin(_ id: ProposalID, _ event: ProjectedEvent) {
    guard places[id] == nil else { return }
    places[id] = problems.count
    problems.append(Outcomes(id: id, isInherited: event.isInherited))
    guard problems.count > Difficulty.problemsMax else { return }
    problems.removeFirst(Difficulty.problemsMax / 4)
    index()
  }

  private mutating func index() {
    places = Dictionary(uniqueKeysWithValues: problems.enumerated().map { ($1.id, $0) })
  }

  private mutating func count(_ id: ProposalID, _ isCorrect: Bool) {
    guard let place = places[id] else { return }
    attempts += 1
    if problems[place].counts.last?.version != policyVersion {
      problems[place].counts.append(VersionCount(version: policyVersion, solves: SolveCount()))
    }
    problems[place].counts[problems[place].counts.count - 1].solves.count(isCorrect)
  }

  private mutating func fitIfDue(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    guard attempts > fitted, 2 * attempts >= 3 * fitted else { return }
    fitted = attempts
    // A rating depends on outcomes and iterations alone, so any cell will do.
    let fit = RaschFit(
      problems.map {
        ProblemRecord(id: $0.id, cell: Cell(kind: $0.id.kind, size: .larger), novelty: nil, counts: $0.counts)
      })
    for place in problems.indices {
      guard let rating = fit.rating(of: problems[place].id) else { continue }
      let row = row(problems[place], rating, event.position)
      if problems[place].isRated { try changes.update(0, row) } else { try changes.insert(0, row) }
      problems[place].isRated = true
    }
    try storePolicies(fit, event.position, &changes)
  }

  private func row(_ problem: Outcomes, _ rating: Estimate, _ position: Position) -> [RowValue] {
    [.text(problem.id.description)] + figures(rating, problem.counts.total, position) + [
      .integer(problem.id.iteration), .integer(problem.counts.count), .flag(problem.isInherited),
      .text(problem.id.kind.rawValue),
    ]
  }

  private mutating func storePolicies(_ fit: RaschFit, _ position: Position, _ changes: inout RowChanges) throws {
    var totals: [PolicyVersion: SolveCount] = [:]
    for count in problems.lazy.flatMap(\.counts) {
      totals[count.version, default: SolveCount()].attempts += count.solves.attempts
      totals[count.version, default: SolveCount()].correct += count.solves.correct
    }
    for (version, total) in totals.sorted(by: { $0.key < $1.key }) {
      guard let group = fit.groups.lastIndex(where: { $0.firstVersion <= version }) else { continue }
      let row =
        [.integer(version)] + figures(fit.rating(ofGroup: group), total, position) + [
          .integer(fit.groups[group].firstVersion), .integer(fit.groups[group].lastVersion), .integer(fit.links),
          .flag(fit.hasConverged),
        ]
      if rated.insert(version).inserted { try changes.insert(1, row) } else { try changes.update(1, row) }
    }
  }

  private func figures(_ rating: Estimate, _ solves: SolveCount, _ position: Position) -> [RowValue] {
    [
      .position(position), .number(rating.value), .number(rating.low), .number(rating.high), .integer(policyVersion),
      .integer(solves.attempts), .integer(solves.correct),
    ]
  }
}

/// For saved states: one block of numbers, as long as the experiment has problems.
extension RatingsProjection: Codable {
  private enum CodingKeys: String, CodingKey { case policyVersion, attempts, fitted, problems, rated }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    policyVersion = try container.decode(PolicyVersion.self, forKey: .policyVersion)
    attempts = try container.decode(Int.self, forKey: .attempts)
    fitted = try container.decode(Int.self, forKey: .fitted)
    rated = Set(try container.decode([PolicyVersion].self, forKey: .rated))
    var numbers = NumberBlock(try container.decode(Data.self, forKey: .problems))
    while !numbers.isAtEnd {
      var problem = Outcomes(id: try numbers.proposal(), isInherited: try numbers.next() == 1)
      problem.isRated = try numbers.next() == 1
      for _ in 0..<max(0, try numbers.next()) {
        problem.counts.append(
          VersionCount(
            version: try numbers.next(), solves: SolveCount(attempts: try numbers.next(), correct: try numbers.next())))
      }
      problems.append(problem)
    }
    index()
  }

  package func encode(to encoder: any Encoder) throws {
    var numbers = NumberBlock()
    for problem in problems {
      numbers.add(problem.id)
      numbers.add(problem.isInherited ? 1 : 0)
      numbers.add(problem.isRated ? 1 : 0)
      numbers.add(problem.counts.count)
      for count in problem.counts {
        numbers.add(count.version)
        numbers.add(count.solves.attempts)
        numbers.add(count.solves.correct)
      }
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(policyVersion, forKey: .policyVersion)
    try container.encode(attempts, forKey: .attempts)
    try container.encode(fitted, forKey: .fitted)
    try container.encode(numbers.data, forKey: .problems)
    try container.encode(rated.sorted(), forKey: .rated)
  }
}
