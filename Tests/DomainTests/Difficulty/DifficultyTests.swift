import Domain
import Foundation
import Testing

/// The fold of difficulty over events.
struct DifficultyTests {
  private func id(_ slot: Int, _ kind: Kind = .deduction, iteration: Int = 1) -> ProposalID {
    ProposalID(iteration: iteration, kind: kind, slot: slot)
  }

  private func accepted(_ id: ProposalID, _ program: String, output: String = "1", normalForm: String? = nil) -> Event {
    .proposalVerified(
      ProposalVerified(
        proposal: id,
        problem: Problem(
          kind: id.kind, program: program, pairs: [Pair(input: "1", output: output)], normalForm: normalForm),
        refusal: nil, detail: ""))
  }

  private func attempted(
    _ problem: ProposalID, _ verdict: Verdict, _ purpose: Purpose = .probe, sample: Int = 0
  ) -> Event {
    .attemptVerified(
      AttemptVerified(
        attempt: AttemptID(
          iteration: max(problem.iteration, 1), purpose: purpose, kind: problem.kind, slot: problem.slot,
          sample: sample),
        problem: problem, verdict: verdict, answer: "", detail: ""))
  }

  private func began(_ iteration: Int, _ version: PolicyVersion) -> Event {
    .iterationStarted(IterationStarted(iteration: iteration, round: 0, policyVersion: version))
  }

  private func fold(_ events: some Sequence<Event>, problemsMax: Int = Difficulty.problemsMax) -> Difficulty {
    var difficulty = Difficulty(problemsMax: problemsMax)
    for event in events { difficulty.apply(event) }
    return difficulty
  }

  @Test func `outcomes are counted by problem, cell and policy version`() throws {
    let difficulty = fold([
      began(1, 0), accepted(id(0), "x + 1"), attempted(id(0), .correct), attempted(id(0), .malformed, sample: 1),
      began(2, 3), attempted(id(0), .correct, .solve),
    ])
    let record = try #require(difficulty.problem(id(0)))
    #expect(
      record.counts == [
        VersionCount(version: 0, solves: SolveCount(attempts: 2, correct: 1)),
        VersionCount(version: 3, solves: SolveCount(attempts: 1, correct: 1)),
      ])
    let cell = try #require(difficulty.cell(Cell(kind: .deduction, size: .under16)))
    #expect(cell.counts == record.counts && cell.outcomes == [1, 0, 1] && cell.problems == 1)
    #expect(difficulty.iteration == 2 && difficulty.policyVersion == 3)
  }

  @Test func `held-out attempts and problems nobody knows count nothing`() {
    let before = fold([began(1, 0), accepted(id(0), "x + 1")])
    var after = before
    after.apply(attempted(id(0), .correct, .evaluate))
    after.apply(attempted(id(7), .correct))
    #expect(after == before)
  }

  @Test func `a given problem has a record from its first attempt on`() throws {
    let zero = Experiment.zero(.abduction)
    let difficulty = fold([began(1, 0), attempted(zero, .correct, .solve)])
    #expect(try #require(difficulty.problem(zero)).solves == SolveCount(attempts: 1, correct: 1))
    #expect(difficulty.problem(zero)?.novelty == nil)
  }

  @Test func `a program that differs by names, comments and spacing alone is at distance 0`() throws {
    let difficulty = fold([
      accepted(id(0), "def f(x):\n    y = len(x)\n    return y + 1"),
      accepted(id(1), "def f(word):\n  # how long\n  n = len(word)\n  return n+1", output: "2"),
    ])
    #expect(difficulty.problem(id(0))?.novelty == nil)
    let novelty = try #require(difficulty.problem(id(1))?.novelty)
    #expect(novelty.distance == 0 && novelty.nearest == id(0) && novelty.compared == 1)
  }

  @Test func `distance is that of the pairs of neighbouring tokens`() throws {
    // v0 + and + 1, against v0 + and + 2: one of three in common.
    let difficulty = fold([accepted(id(0), "x + 1"), accepted(id(1), "x + 2"), accepted(id(2), "sum('a b', y)")])
    #expect(difficulty.problem(id(1))?.novelty?.distance == 667)
    #expect(difficulty.problem(id(2))?.novelty?.distance == 1000)
  }

  @Test func `a normal form that is known is at distance 0 whatever the text`() {
    let difficulty = fold([
      accepted(id(0), "x + 1", normalForm: "aa"), accepted(id(1), "sum([y])", normalForm: "aa"),
    ])
    #expect(difficulty.problem(id(1))?.novelty?.distance == 0)
  }

  @Test func `an output surprises by how rare it was`() {
    let difficulty = fold([
      accepted(id(0), "x + 1", output: "1"), accepted(id(1), "x + 2", output: "1"),
      accepted(id(2), "x + 3", output: "9"),
    ])
    // log₂ of (1 + 1 + 1)/(1 + 1), then of (2 + 1 + 1)/1.
    #expect(difficulty.problem(id(1))?.novelty?.surprise == 585)
    #expect(difficulty.problem(id(2))?.novelty?.surprise == 2000)
    #expect(difficulty.problem(id(2))?.novelty?.outputs == 2)
  }

  @Test func `kinds have novelty of their own`() {
    let difficulty = fold([accepted(id(0), "x + 1"), accepted(id(0, .abduction), "x + 1")])
    #expect(difficulty.problem(id(0, .abduction))?.novelty == nil)
  }

  @Test func `the oldest quarter is forgotten beyond the limit, and attempts at it count no more`() {
    var events: [Event] = [began(1, 0)]
    for slot in 0..<9 { events += [accepted(id(slot), "x + \(slot)"), attempted(id(slot), .correct)] }
    var difficulty = fold(events, problemsMax: 8)
    #expect(difficulty.problems.map(\.id.slot) == Array(2...8))
    #expect(difficulty.problem(id(1)) == nil && difficulty.problem(id(8)) != nil)
    let before = difficulty
    difficulty.apply(attempted(id(0), .correct, .solve))
    #expect(difficulty == before)
  }

  @Test func `cells keep the newest outcomes only`() {
    var difficulty = fold([began(1, 0), accepted(id(0), "x + 1")])
    for sample in 0..<CellRecord.outcomesMax { difficulty.apply(attempted(id(0), .incorrect, sample: sample)) }
    difficulty.apply(attempted(id(0), .correct, .solve))
    let cell = difficulty.cells[0]
    #expect(cell.outcomes.count == CellRecord.outcomesMax && cell.outcomes.last == 1)
    #expect(cell.counts.total.attempts == CellRecord.outcomesMax + 1)
  }

  @Test func `folded in pieces, through snapshots, it is what it is in one go`() throws {
    var player = Player(smallSettings { $0.iterations = 4 })
    player.play()
    let whole = fold(player.events)
    #expect(whole == player.experiment.difficulty && !whole.problems.isEmpty && !whole.cells.isEmpty)
    var pieces = Difficulty()
    for (number, event) in player.events.enumerated() {
      pieces.apply(event)
      if number % 17 == 0 { pieces = try JSONDecoder().decode(Difficulty.self, from: JSONEncoder().encode(pieces)) }
    }
    #expect(pieces == whole)
    #expect(pieces.digest == whole.digest)
  }

  @Test func `the digest changes with a verdict, a version and an output, and not with the run`() {
    let events = [began(1, 0), accepted(id(0), "x + 1"), accepted(id(1), "x + 2"), attempted(id(0), .correct)]
    let digest = fold(events).digest
    #expect(digest == fold(events).digest && digest.count == 64)
    #expect(fold([began(1, 1)] + Array(events.dropFirst())).digest != digest)
    #expect(fold(Array(events.dropLast()) + [attempted(id(0), .raised)]).digest != digest)
    #expect(fold([events[0], events[1], accepted(id(1), "x + 2", output: "5"), events[3]]).digest != digest)
  }

  @Test func `this is version 1 of the fold: another digest of these events needs another version`() {
    let events = [began(1, 0), accepted(id(0), "x + 1"), accepted(id(1), "x + 2"), attempted(id(0), .correct)]
    #expect(Difficulty.version == 1)
    #expect(fold(events).digest == Self.digestOfVersion1)
  }

  private static let digestOfVersion1 = "3e1ec018c6eae752101d26d970f64af54e2f86061659a6cf38edec176d6bd51a"

  @Test func `the report has a row for everything, with sample sizes and intervals`() throws {
    var player = Player(smallSettings { $0.iterations = 4 })
    player.play()
    let difficulty = player.experiment.difficulty
    let report = DifficultyReport(difficulty, CurriculumSettings())
    #expect(report.problems.count == difficulty.problems.count && report.cells.count == difficulty.cells.count)
    #expect(report.digest == difficulty.digest)
    #expect(report.problems.allSatisfy { ($0.rating == nil) == ($0.solves.attempts == 0) })
    #expect(report.problems.allSatisfy { $0.wilson.low <= $0.posterior.value && $0.posterior.value <= $0.wilson.high })
    #expect(report.policies.map(\.attempts).reduce(0, +) == report.rating.attempts)
    #expect(report.cohorts.map(\.problems).reduce(0, +) == report.rating.problems)
    #expect(report.rating.hasConverged && report.rating.policyChange != nil && report.rating.problemsChange != nil)
    let json = EventCoding.json(report)
    #expect(try EventCoding.value(DifficultyReport.self, from: json).cells.count == report.cells.count)
  }

  @Test func `an experiment that has not begun has an empty report`() {
    let report = DifficultyReport(Difficulty(), CurriculumSettings())
    #expect(report.problems.isEmpty && report.policies.isEmpty && report.rating.policyChange == nil)
    #expect(report.answer.hasPrefix("too little"))
  }
}
