/// Which family, kind and size of problem: what problems are pooled by where one alone has too few attempts.
///
/// Sizes and not solve rates, because a cell of equal solve rates could not show progress.
package struct Cell: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  package var kind: Kind
  package var size: Size

  /// Code reasoning is the only environment there is.
  package var environment: String { "code_reasoning" }

  package init(kind: Kind, size: Size) {
    self.kind = kind
    self.size = size
  }

  /// Tokens of the program.
  package enum Size: Int, Codable, Sendable, CaseIterable {
    case under16, under32, under64, under128, larger

    package init(tokens: Int) {
      self =
        switch tokens {
        case ..<16: .under16
        case ..<32: .under32
        case ..<64: .under64
        case ..<128: .under128
        default: .larger
        }
    }

    /// For people and tables: `16-31`.
    package var name: String { ["1-15", "16-31", "32-63", "64-127", "128+"][rawValue] }
  }

  package var description: String { "\(environment)/\(kind.rawValue)/\(size.name)" }

  package static func < (left: Cell, right: Cell) -> Bool {
    (left.kind, left.size.rawValue) < (right.kind, right.size.rawValue)
  }
}

/// Attempts by one policy version.
package struct VersionCount: Hashable, Codable, Sendable {
  package var version: PolicyVersion
  package var solves: SolveCount

  package init(version: PolicyVersion, solves: SolveCount) {
    self.version = version
    self.solves = solves
  }
}

/// A problem and every outcome at it, by policy version.
package struct ProblemRecord: Hashable, Codable, Sendable {
  package let id: ProposalID
  package let cell: Cell
  /// nil for the first problem of a kind, and for the given one.
  package let novelty: Novelty?
  /// In order of version.
  package private(set) var counts: [VersionCount] = []

  package init(id: ProposalID, cell: Cell, novelty: Novelty?, counts: [VersionCount] = []) {
    self.id = id
    self.cell = cell
    self.novelty = novelty
    self.counts = counts
  }

  mutating func count(_ isCorrect: Bool, version: PolicyVersion) { counts.tally(isCorrect, version: version) }

  /// All attempts, whichever policy made them.
  package var solves: SolveCount { counts.total }
}

/// A cell and the outcomes at its problems.
package struct CellRecord: Hashable, Codable, Sendable {
  package let cell: Cell
  package private(set) var problems = 0
  package private(set) var counts: [VersionCount] = []
  /// The newest outcomes, oldest first: 1 is solved.
  package private(set) var outcomes: [UInt8] = []

  /// Longest window of learning progress.
  package static let outcomesMax = 1000

  init(_ cell: Cell) { self.cell = cell }

  mutating func begin() { problems += 1 }

  mutating func count(_ isCorrect: Bool, version: PolicyVersion) {
    counts.tally(isCorrect, version: version)
    outcomes.append(isCorrect ? 1 : 0)
    if outcomes.count > Self.outcomesMax { outcomes.removeFirst() }
  }
}

extension [VersionCount] {
  fileprivate mutating func tally(_ isCorrect: Bool, version: PolicyVersion) {
    if last?.version != version {
      precondition(version >= last?.version ?? 0, "policy version \(version) after \(last?.version ?? 0)")
      append(VersionCount(version: version, solves: SolveCount()))
    }
    self[endIndex - 1].solves.count(isCorrect)
  }

  package var total: SolveCount {
    reduce(into: SolveCount()) { total, count in
      total.attempts += count.solves.attempts
      total.correct += count.solves.correct
    }
  }
}
