/// What the answers of an evaluation say: a pure fold over `AnswerEvaluated`, in the order of the log.
package struct EvaluationScore: Hashable, Sendable {
  /// One problem's answers.
  package struct Tally: Hashable, Sendable {
    package var problem: String
    package var group: String
    package var level: Int?
    package var correct: Int
    package var answers: Int
  }

  /// In the order of the suite.
  package private(set) var tallies: [Tally] = []
  /// How many answers have each verdict.
  package private(set) var verdicts: [Verdict: Int] = [:]

  package init(_ answers: some Sequence<AnswerEvaluated>) {
    var places: [String: Int] = [:]
    for answer in answers {
      verdicts[answer.verdict, default: 0] += 1
      let place = places[answer.problem] ?? tallies.count
      if place == tallies.count {
        places[answer.problem] = place
        tallies.append(
          Tally(problem: answer.problem, group: answer.group, level: answer.level, correct: 0, answers: 0))
      }
      tallies[place].answers += 1
      if answer.verdict == .correct { tallies[place].correct += 1 }
    }
  }

  /// The groups, in the order in which they first occur.
  package var groups: [String] {
    tallies.map(\.group).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// The levels, ascending; empty for a suite without.
  package var levels: [Int] { Set(tallies.compactMap(\.level)).sorted() }

  /// The problems of a group and a level; nil takes all.
  package func tallies(group: String? = nil, level: Int? = nil) -> [Tally] {
    tallies.filter { (group == nil || $0.group == group) && (level == nil || $0.level == level) }
  }

  /// pass@k of a part of the problems, over a bootstrap of the problems; for one answer a problem pass@1 with Wilson's
  /// interval. nil when there are no such problems.
  package func pass(_ k: Int, of part: [Tally], seed: UInt64 = 0) -> Estimate? {
    guard let first = part.first else { return nil }
    if first.answers == 1 { return .share(part.reduce(0) { $0 + $1.correct }, of: part.count) }
    return .mean(
      part.map { passAtK(correct: $0.correct, samples: $0.answers, k: k) },
      stream: Self.resampling(seed))
  }

  /// The paired difference in pass@1 on problems both have: what `other` gains over this.
  package func difference(to other: EvaluationScore, seed: UInt64 = 0) -> EvaluationDifference? {
    let others = Dictionary(uniqueKeysWithValues: other.tallies.map { ($0.problem, $0) })
    let pairs = tallies.compactMap { tally in others[tally.problem].map { (tally, $0) } }
    guard !pairs.isEmpty else { return nil }
    func share(_ tally: Tally) -> Double { Double(tally.correct) / Double(tally.answers) }
    let differences = pairs.map { share($1) - share($0) }
    return EvaluationDifference(
      problems: pairs.count, gained: differences.count { $0 > 0 }, lost: differences.count { $0 < 0 },
      difference: .mean(differences, stream: Self.resampling(seed)))
  }

  /// Draws that no answer uses: those are of iteration 0.
  private static func resampling(_ seed: UInt64) -> RandomStream {
    RandomStream(RandomKey(seed: seed, purpose: .evaluate, iteration: 1))
  }
}

/// Two evaluations of the same problems, side by side.
package struct EvaluationDifference: Hashable, Codable, Sendable {
  package var problems: Int
  /// Problems on which the second is better, and worse.
  package var gained: Int
  package var lost: Int
  /// Mean difference in pass@1, paired bootstrap.
  package var difference: Estimate

  package init(problems: Int, gained: Int, lost: Int, difference: Estimate) {
    self.problems = problems
    self.gained = gained
    self.lost = lost
    self.difference = difference
  }

  /// Exact, two-sided.
  package var mcNemarP: Double { mcNemar(gained: gained, lost: lost) }
}
