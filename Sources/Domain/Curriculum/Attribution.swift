/// Whether an iteration's groups of outcomes could teach anything: those whose members differ. Near zero, no selection of
/// problems helps; other problems are needed.
package struct GroupShare: Hashable, Codable, Sendable {
  /// Problems whose probes came out both ways, of all that were probed.
  package var mixedProblems: Int
  package var problems: Int
  /// Baselines of the update whose rewards differ, of all.
  package var mixedBaselines: Int
  package var baselines: Int

  /// The effective-group ratio; nil where nothing was probed.
  package var ratio: Double? { problems == 0 ? nil : Double(mixedProblems) / Double(problems) }

  /// - Parameter ledger: an iteration that is over.
  package init(_ ledger: IterationLedger) {
    let probed = ledger.accepted.map { ledger.probes(of: $0.id) }.filter { $0.attempts > 0 }
    problems = probed.count
    mixedProblems = probed.count { $0.correct > 0 && $0.correct < $0.attempts }
    let groups = ledger.update?.groups ?? ledger.skipped?.groups ?? []
    baselines = groups.count
    mixedBaselines = groups.count { $0.deviation > 0 }
  }
}

/// Where a gradient step came from: how much of the batch's advantages, by size, belongs to samples of one role, kind,
/// difficulty and age of problem.
package struct AttributionRow: Hashable, Codable, Sendable {
  package var role: Role
  package var kind: Kind
  package var difficulty: RateBucket
  package var age: AgeBucket
  package var samples: Int
  /// Σ|advantage|, and its share of the batch's; shares of a batch add up to 1.
  package var mass: Double
  package var share: Double
}

/// How often a problem was solved so far.
package enum RateBucket: String, Hashable, Codable, Sendable, CaseIterable, Comparable {
  case never
  case toQuarter = "to_1_4"
  case toHalf = "to_1_2"
  case toThreeQuarters = "to_3_4"
  case underAlways = "under_1"
  case always
  /// Not attempted yet.
  case unknown
  /// A proposal that became no problem.
  case refused

  package init(_ solves: SolveCount) {
    guard let rate = solves.rate else {
      self = .unknown
      return
    }
    self =
      switch rate {
      case 0: .never
      case 1: .always
      case ...0.25: .toQuarter
      case ...0.5: .toHalf
      case ...0.75: .toThreeQuarters
      default: .underAlways
      }
  }

  package static func < (left: Self, right: Self) -> Bool { left.order < right.order }
  private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Iterations since a problem was proposed.
package enum AgeBucket: String, Hashable, Codable, Sendable, CaseIterable, Comparable {
  case new
  case to3 = "1_3"
  case to15 = "4_15"
  case to63 = "16_63"
  case older

  package init(_ iterations: Int) {
    self =
      switch iterations {
      case ..<1: .new
      case ..<4: .to3
      case ..<16: .to15
      case ..<64: .to63
      default: .older
      }
  }

  package static func < (left: Self, right: Self) -> Bool { left.order < right.order }
  private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension IterationLedger {
  /// Where the update's gradient came from, in order of role, kind, difficulty and age. Baselines take the sum of the
  /// advantages to zero, so sizes are added.
  ///
  /// - Parameters:
  ///   - advantages: of the trained samples, by id: those of the batch (`TrainingBatch.samples`).
  ///   - solves: how often a problem was solved up to now. Where there is nothing, the probes of this iteration say.
  package func attribution(
    _ advantages: [(id: String, advantage: Double)], solves: (ProposalID) -> SolveCount?
  ) -> [AttributionRow] {
    var rows: [AttributionRow] = []
    var mass = 0.0
    for sample in advantages {
      guard var row = row(sample.id, solves) else { preconditionFailure("trained sample \(sample.id) is unknown") }
      row.mass = abs(sample.advantage)
      mass += row.mass
      if let place = rows.firstIndex(where: { $0.key == row.key }) {
        rows[place].samples += 1
        rows[place].mass += row.mass
      } else {
        rows.append(row)
      }
    }
    for place in rows.indices where mass > 0 { rows[place].share = rows[place].mass / mass }
    return rows.sorted { $0.key < $1.key }
  }

  /// The same from the ledger alone; nil where advantages need the number of tokens (`advantages.whitening: token`).
  package func attribution(
    _ settings: ExperimentSettings, solves: (ProposalID) -> SolveCount?
  ) -> [AttributionRow]? {
    guard settings.advantages.whitening == .sequence else { return nil }
    let scored = scoredSamples(settings)
    let (values, _) = advantages(
      scored, tokenCounts: scored.map { _ in 1 }, settings: settings.advantages)
    return attribution(zip(scored, values).map { ($0.id, $1) }, solves: solves)
  }

  /// An empty row of one sample.
  private func row(_ id: String, _ solves: (ProposalID) -> SolveCount?) -> AttributionRow? {
    func row(_ role: Role, _ problem: ProposalID, _ difficulty: RateBucket?) -> AttributionRow {
      AttributionRow(
        role: role, kind: problem.kind,
        difficulty: difficulty ?? RateBucket(solves(problem) ?? probes(of: problem)),
        age: AgeBucket(iteration - problem.iteration), samples: 1, mass: 0, share: 0)
    }
    if let proposal = ProposalID(id) {
      return row(.proposer, proposal, entry(proposal)?.verified?.problem == nil ? .refused : nil)
    }
    return AttemptID(id).flatMap(entry).map { row(.solver, $0.made.problem, nil) }
  }
}

extension AttributionRow {
  fileprivate struct Key: Hashable, Comparable {
    var role: String
    var kind: Kind
    var difficulty: RateBucket
    var age: AgeBucket

    static func < (left: Key, right: Key) -> Bool {
      (left.role, left.kind, left.difficulty, left.age) < (right.role, right.kind, right.difficulty, right.age)
    }
  }

  fileprivate var key: Key { Key(role: role.rawValue, kind: kind, difficulty: difficulty, age: age) }
}
