/// How often a proposal's values were there before; recorded with it, so that its reward follows from its own events. What the
/// counts must be follows from all events before (`Experiment.earlierValues`).
package struct EarlierValues: Hashable, Codable, Sendable {
  /// Of its inputs and outputs; absent where nothing is paid for them.
  package var inputs: Counts?
  package var outputs: Counts?

  package init(inputs: Counts? = nil, outputs: Counts? = nil) {
    self.inputs = inputs
    self.outputs = outputs
  }

  /// Counts of one side of a problem's pairs.
  package struct Counts: Hashable, Codable, Sendable {
    /// Values of the kind's problems that were accepted in earlier iterations.
    package var seen: Int
    /// How many of them are equal to each of this problem's, in the order of the pairs.
    package var equal: [Int]

    package init(seen: Int, equal: [Int]) {
      self.seen = seen
      self.equal = equal
    }

    /// Mean of 1 − p(value) over the pairs; 1 where there was nothing before.
    var surprise: Double {
      let sum = equal.reduce(0.0) { $0 + (seen == 0 ? 1 : 1 - Double($1) / Double(seen)) }
      return sum / Double(equal.count)
    }
  }
}

/// The values that accepted problems have had, by kind: a fold over the iterations that are over. Proposals of one iteration are
/// all judged by the same history, so that none is paid for its slot.
package struct ValueHistory: Hashable, Codable, Sendable {
  private var sides: [Side]

  /// Values by hash: the first ones are kept, the rest only counts as seen.
  package static let valuesMax = 65_536

  fileprivate struct Side: Hashable, Codable, Sendable {
    var seen = 0
    /// By hash, ascending.
    var hashes: [UInt64] = []
    var counts: [Int] = []
  }

  package init() { sides = Array(repeating: Side(), count: 2 * Kind.allCases.count) }

  /// Takes what an iteration accepted.
  mutating func take(_ problems: [Problem]) {
    for problem in problems {
      for pair in problem.pairs {
        sides[Self.place(problem.kind, isOutput: false)].take(fnv(pair.input.utf8))
        sides[Self.place(problem.kind, isOutput: true)].take(fnv(pair.output.utf8))
      }
    }
  }

  /// How often the values of one side of a problem are here.
  func counts(_ problem: Problem, outputs: Bool) -> EarlierValues.Counts {
    let side = sides[Self.place(problem.kind, isOutput: outputs)]
    return EarlierValues.Counts(
      seen: side.seen,
      equal: problem.pairs.map { side.count(fnv((outputs ? $0.output : $0.input).utf8)) })
  }

  private static func place(_ kind: Kind, isOutput: Bool) -> Int {
    2 * (Int(kind.randomTag) - 1) + (isOutput ? 1 : 0)
  }
}

extension ValueHistory.Side {
  mutating func take(_ hash: UInt64) {
    seen += 1
    let place = place(of: hash)
    if place < hashes.count, hashes[place] == hash {
      counts[place] += 1
    } else if hashes.count < ValueHistory.valuesMax {
      hashes.insert(hash, at: place)
      counts.insert(1, at: place)
    }
  }

  func count(_ hash: UInt64) -> Int {
    let place = place(of: hash)
    return place < hashes.count && hashes[place] == hash ? counts[place] : 0
  }

  /// Where a hash is, or would be.
  private func place(of hash: UInt64) -> Int {
    var (low, high) = (0, hashes.count)
    while low < high {
      let middle = (low + high) / 2
      if hashes[middle] < hash { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Experiment {
  /// What the history says of an accepted proposal's values; nil where nothing is paid for them.
  ///
  /// Pure; what `countingEarlierValues` records, and what a recorded proposal is compared with.
  package func earlierValues(_ verified: ProposalVerified) -> EarlierValues? {
    guard settings.intrinsic.needsHistory, let problem = verified.problem else { return nil }
    let sides: (inputs: Bool, outputs: Bool) =
      switch problem.kind {
      case .deduction: (false, settings.intrinsic.pays(.answerDiversity))
      case .abduction: (settings.intrinsic.pays(.answerDiversity), false)
      case .induction: (settings.intrinsic.pays(.inputDiversity), settings.intrinsic.pays(.outputDiversity))
      }
    guard sides.inputs || sides.outputs else { return nil }
    return EarlierValues(
      inputs: sides.inputs ? history.counts(problem, outputs: false) : nil,
      outputs: sides.outputs ? history.counts(problem, outputs: true) : nil)
  }

  /// Freshly judged proposals with the counts of their values, where something is paid for them.
  ///
  /// Pure; called by the performer of `verifyProposals` after `refuseDuplicates`.
  package func countingEarlierValues(_ verified: [ProposalVerified]) -> [ProposalVerified] {
    guard settings.intrinsic.needsHistory else { return verified }
    return verified.map { proposal in
      var counted = proposal
      counted.earlier = earlierValues(proposal)
      return counted
    }
  }
}
