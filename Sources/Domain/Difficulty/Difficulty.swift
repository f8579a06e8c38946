/// How difficult problems are, as a fold over an experiment's events: which attempts at each problem and cell came out right
/// under which policy version, and how new each problem was.
///
/// The state is whole numbers and knows no settings: estimates, ratings and progress are computed from it when they are asked
/// for (`Difficulty+figures`, `RaschFit`), so a fork with other settings reads the same state. The decider keeps one in memory
/// and draws by it (`Curriculum`); a projection keeps its rows.
package struct Difficulty: Hashable, Sendable {
  /// Name and version of the fold. The version grows whenever other state or another digest comes out of the same events.
  package static let name = "difficulty"
  package static let version = 1

  /// Problems beyond this many are forgotten, the oldest quarter at once; attempts at them count no more.
  package static let problemsMax = 100_000

  package private(set) var iteration = 0
  package private(set) var policyVersion: PolicyVersion = 0
  /// In the order they were accepted; given ones when first attempted.
  package private(set) var problems: [ProblemRecord] = []
  /// In order.
  package private(set) var cells: [CellRecord] = []
  private(set) var memories: [NoveltyMemory] = Kind.allCases.sorted().map { NoveltyMemory($0) }
  let limit: Int

  private var places: [ProposalID: Int] = [:]

  /// - Parameter problemsMax: less than usual in tests.
  package init(problemsMax: Int = Self.problemsMax) {
    precondition(problemsMax >= 4, "problemsMax \(problemsMax)")
    limit = problemsMax
  }

  /// What was saved.
  init(
    iteration: Int, policyVersion: PolicyVersion, problems: [ProblemRecord], cells: [CellRecord],
    memories: [NoveltyMemory], limit: Int
  ) {
    self.iteration = iteration
    self.policyVersion = policyVersion
    self.problems = problems
    self.cells = cells
    self.memories = memories
    self.limit = limit
    index()
  }

  /// Takes the next event of the experiment. Evaluations never count.
  package mutating func apply(_ event: Event) {
    switch event {
    case .iterationStarted(let started):
      iteration = started.iteration
      policyVersion = started.policyVersion
    case .weightsUpdated(let updated): policyVersion = updated.toVersion
    case .proposalVerified(let verified):
      if let problem = verified.problem { begin(verified.proposal, problem) }
    case .attemptVerified(let verified): count(verified.attempt, at: verified.problem, verified.verdict)
    default: break
    }
  }

  /// A problem by name; nil if it was never attempted nor accepted, or is forgotten.
  package func problem(_ id: ProposalID) -> ProblemRecord? { places[id].map { problems[$0] } }

  /// The cell of a problem, as `problem` would say.
  package func cell(ofProblem id: ProposalID) -> Cell? { places[id].map { problems[$0].cell } }

  /// Whether the next new problem makes it forget the oldest.
  package var isFull: Bool { problems.count >= limit }

  /// A cell; nil if it has no problem.
  package func cell(_ cell: Cell) -> CellRecord? { cells.first { $0.cell == cell } }

  private mutating func begin(_ id: ProposalID, _ problem: Problem) {
    guard places[id] == nil else { return }
    let text = ProgramText(problem.program)
    let cell = Cell(kind: id.kind, size: Cell.Size(tokens: text.tokens))
    var novelty: Novelty?
    if let memory = memories.firstIndex(where: { $0.kind == id.kind }) {
      novelty = memories[memory].take(id, problem, text)
    }
    append(ProblemRecord(id: id, cell: cell, novelty: novelty))
  }

  private mutating func append(_ record: ProblemRecord) {
    places[record.id] = problems.count
    problems.append(record)
    cells[place(of: record.cell)].begin()
    guard problems.count > limit else { return }
    problems.removeFirst(limit / 4)
    index()
  }

  /// Takes the outcome of an attempt: what `apply` does with `AttemptVerified`, for those who have not decoded the rest of it.
  package mutating func count(_ attempt: AttemptID, at id: ProposalID, _ verdict: Verdict) {
    guard attempt.purpose != .evaluate else { return }
    if places[id] == nil, id == Experiment.zero(id.kind) {
      let text = ProgramText(Problem.zero(id.kind, inputs: 1).program)
      append(ProblemRecord(id: id, cell: Cell(kind: id.kind, size: Cell.Size(tokens: text.tokens)), novelty: nil))
    }
    guard let place = places[id] else { return }
    let isCorrect = verdict == .correct
    problems[place].count(isCorrect, version: policyVersion)
    cells[self.place(of: problems[place].cell)].count(isCorrect, version: policyVersion)
  }

  private mutating func place(of cell: Cell) -> Int {
    let place = cells.firstIndex { $0.cell >= cell } ?? cells.count
    if place == cells.count || cells[place].cell != cell { cells.insert(CellRecord(cell), at: place) }
    return place
  }

  private mutating func index() {
    places = [:]
    for (place, problem) in problems.enumerated() { places[problem.id] = place }
  }
}

extension Difficulty {
  /// SHA-256 over the whole state, in hexadecimal: whole numbers only, so it is the same on every machine.
  package var digest: String {
    var bytes = CanonicalDigest()
    bytes.add("\(Self.name)/\(Self.version)")
    bytes.add(iteration)
    bytes.add(policyVersion)
    bytes.add(problems.count)
    for problem in problems {
      bytes.add(problem.id)
      bytes.add(problem.cell.size.rawValue)
      if let novelty = problem.novelty {
        bytes.add(novelty.distance)
        bytes.add(novelty.nearest)
        bytes.add(novelty.compared)
        bytes.add(novelty.surprise)
        bytes.add(novelty.outputs)
      } else {
        bytes.add(-1)
      }
      bytes.add(problem.counts)
    }
    bytes.add(cells.count)
    for cell in cells {
      bytes.add(cell.cell.description)
      bytes.add(cell.problems)
      bytes.add(cell.counts)
      bytes.add(cell.outcomes.count)
      for outcome in cell.outcomes { bytes.add(Int(outcome)) }
    }
    for memory in memories { memory.add(to: &bytes) }
    return bytes.finalize()
  }
}
