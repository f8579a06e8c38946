import Domain
import EventLog
import FoundationEssentials

/// Tables `difficulty` and `difficulty_cells`: how difficult each problem and each cell is, with sample sizes and intervals, as
/// the decider's own fold has it (`Difficulty`, docs/curriculum.md). A fork has the problems that it shares with its parent
/// too, because attempts at them go on.
///
/// A row says what was known when its problem or cell was last attempted: `policy_version` is the version then. Ratings are not
/// here, because one attempt moves all of them; `autodidact difficulty` fits them.
package struct DifficultyProjection: Projection {
  package static let name = Difficulty.name
  package static let version = Difficulty.version
  package static let tables = [
    ProjectionTable(
      "difficulty", key: [.init("problem", .text)],
      figures + [
        .init("novelty", .float8), .init("surprise", .float8), .init("compared", .int4), .init("iteration", .int4),
        .init("inherited", .bool), .init("kind", .text), .init("size", .text), .init("nearest", .text),
      ]),
    ProjectionTable(
      "difficulty_cells", key: [.init("kind", .text), .init("size", .text)],
      figures + [
        .init("progress", .float8), .init("progress_deviation", .float8), .init("progress_excess", .float8),
        .init("progress_outcomes", .int4), .init("problems", .int4),
      ]),
  ]

  /// What both tables have of their attempts.
  private static let figures: [ProjectionTable.Column] = [
    .init("position", .int8), .init("effective_attempts", .float8), .init("solve_rate", .float8),
    .init("learnability", .float8), .init("wilson_low", .float8), .init("wilson_high", .float8),
    .init("policy_version", .int4), .init("attempts", .int4), .init("correct", .int4),
  ]

  private var difficulty = Difficulty()
  private var settings = CurriculumSettings()
  private var problems: [ProposalID: Beginning] = [:]
  private var cells: [Cell: Position] = [:]
  private var touchedProblems = TouchedRows<ProposalID>()
  private var touchedCells = TouchedRows<Cell>()

  /// Where a row begins.
  private struct Beginning: Hashable, Sendable {
    var position: Position
    var isInherited: Bool
  }

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    switch event.fact {
    // Rows say what was known when they were touched: before the version or the settings change.
    case .settings(let settings):
      try finish(&changes)
      self.settings = settings.curriculum
    case .iterationStarted(let started):
      if started.policyVersion != difficulty.policyVersion { try finish(&changes) }
      difficulty.apply(.iterationStarted(started))
    case .weightsUpdated(let updated):
      if updated.toVersion != difficulty.policyVersion { try finish(&changes) }
      difficulty.apply(.weightsUpdated(updated))
    case .proposalVerified(let proposal, nil):
      let decoded = try event.event()
      if difficulty.isFull { try finish(&changes) }
      difficulty.apply(decoded)
      touch(proposal, event)
    case .attemptVerified(let attempt, let problem, let verdict):
      guard attempt.purpose != .evaluate else { return }
      if difficulty.isFull { try finish(&changes) }
      difficulty.count(attempt, at: problem, verdict)
      touch(problem, event)
    default: break
    }
  }

  package mutating func finish(_ changes: inout RowChanges) throws {
    for (id, isNew) in touchedProblems.take() {
      guard let record = difficulty.problem(id), let beginning = problems[id] else { continue }
      if isNew { try changes.insert(0, row(record, beginning)) } else { try changes.update(0, row(record, beginning)) }
    }
    for (cell, isNew) in touchedCells.take() {
      guard let record = difficulty.cell(cell), let position = cells[cell] else { continue }
      if isNew { try changes.insert(1, row(record, position)) } else { try changes.update(1, row(record, position)) }
    }
  }

  /// Says that the rows of a problem and of its cell are others now. A problem that the fold has forgotten keeps the row it had.
  private mutating func touch(_ id: ProposalID, _ event: ProjectedEvent) {
    guard let cell = difficulty.cell(ofProblem: id) else { return }
    if problems[id] == nil {
      problems[id] = Beginning(position: event.position, isInherited: event.isInherited)
      touchedProblems.insert(id)
    } else {
      touchedProblems.update(id)
    }
    if cells[cell] == nil {
      cells[cell] = event.position
      touchedCells.insert(cell)
    } else {
      touchedCells.update(cell)
    }
  }

  private func row(_ record: ProblemRecord, _ beginning: Beginning) -> [RowValue] {
    [.text(record.id.description)] + figures(record.counts, from: beginning.position) + [
      .number((record.novelty?.distance).map { Double($0) / 1000 }),
      .number((record.novelty?.surprise).map { Double($0) / 1000 }), .integer(record.novelty?.compared),
      .integer(record.id.iteration), .flag(beginning.isInherited), .text(record.id.kind.rawValue),
      .text(record.cell.size.name), .text(record.novelty?.nearest.description),
    ]
  }

  private func row(_ record: CellRecord, _ position: Position) -> [RowValue] {
    let progress = LearningProgress.halves(record.outcomes, window: settings.progressWindow)
    return [.text(record.cell.kind.rawValue), .text(record.cell.size.name)]
      + figures(record.counts, from: position) + [
        .number(progress.change), .number(progress.deviation), .number(progress.excess(noise: settings.progressNoise)),
        .integer(progress.outcomes), .integer(record.problems),
      ]
  }

  private func figures(_ counts: [VersionCount], from position: Position) -> [RowValue] {
    let count = settings.weigh(counts, at: difficulty.policyVersion)
    let (posterior, wilson) = (count.posterior, count.wilson)
    return [
      .position(position), .number(count.attempts), .number(posterior.mean), .number(posterior.learnability),
      .number(wilson.low), .number(wilson.high), .integer(difficulty.policyVersion), .integer(count.sample.attempts),
      .integer(count.sample.correct),
    ]
  }
}

/// For saved states: where rows begin is a block of numbers, as the fold's problems are.
extension DifficultyProjection: Codable {
  private enum CodingKeys: String, CodingKey { case difficulty, settings, problems, cells }

  /// A position is two numbers of 31 bits.
  private static let half: Int64 = 1 << 31

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    difficulty = try container.decode(Difficulty.self, forKey: .difficulty)
    settings = try container.decode(CurriculumSettings.self, forKey: .settings)
    var numbers = NumberBlock(try container.decode(Data.self, forKey: .problems))
    while !numbers.isAtEnd {
      let id = try numbers.proposal()
      let position = Int64(try numbers.next()) * Self.half + Int64(try numbers.next())
      problems[id] = Beginning(position: Position(position), isInherited: try numbers.next() == 1)
    }
    for begun in try container.decode([BegunCell].self, forKey: .cells) { cells[begun.cell] = Position(begun.position) }
  }

  package func encode(to encoder: any Encoder) throws {
    var numbers = NumberBlock()
    for id in problems.keys.sorted() {
      guard let beginning = problems[id] else { continue }
      numbers.add(id)
      numbers.add(Int(beginning.position.rawValue / Self.half))
      numbers.add(Int(beginning.position.rawValue % Self.half))
      numbers.add(beginning.isInherited ? 1 : 0)
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(difficulty, forKey: .difficulty)
    try container.encode(settings, forKey: .settings)
    try container.encode(numbers.data, forKey: .problems)
    let begun = cells.map { BegunCell(cell: $0.key, position: $0.value.rawValue) }
    try container.encode(begun.sorted { $0.cell < $1.cell }, forKey: .cells)
  }

  private struct BegunCell: Codable {
    var cell: Cell
    var position: Int64
  }
}
