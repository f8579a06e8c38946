/// The admitted problems of one kind, in the order of admission; a fold over `ProblemAdmitted`.
package struct ProblemBuffer: Hashable, Sendable {
  /// A problem and the iteration it was admitted in.
  package struct Entry: Hashable, Codable, Sendable {
    package var id: ProposalID
    package var problem: Problem

    package init(id: ProposalID, problem: Problem) {
      self.id = id
      self.problem = problem
    }
  }

  package private(set) var entries: [Entry] = []
  private var ids: [ProblemDigest: ProposalID] = [:]
  private let capacity: Int
  private let eviction: PlaySettings.Eviction
  /// Problems ever admitted, those that were refused or dropped included.
  private var admitted = 0

  package init(capacity: Int, eviction: PlaySettings.Eviction) {
    precondition(capacity > 0, "buffer capacity \(capacity)")
    self.capacity = capacity
    self.eviction = eviction
  }

  package var count: Int { entries.count }

  /// The problem in the buffer that equals this one, if any.
  package func duplicate(of problem: Problem) -> ProposalID? { ids[ProblemDigest(problem)] }

  /// Admits a problem. A full buffer drops its oldest, one by lot, or refuses the newcomer, as the settings say.
  ///
  /// - Parameter seed: the experiment's; with the problem's name it decides what a reservoir gives up.
  package mutating func admit(_ id: ProposalID, _ problem: Problem, seed: UInt64) {
    admitted += 1
    if entries.count == capacity {
      guard let place = placeToFree(for: id, seed: seed) else { return }
      let dropped = entries.remove(at: place)
      if ids[ProblemDigest(dropped.problem)] == dropped.id { ids[ProblemDigest(dropped.problem)] = nil }
    }
    entries.append(Entry(id: id, problem: problem))
    ids[ProblemDigest(problem), default: id] = id
  }

  /// The entry that makes room; nil if the newcomer is refused.
  private func placeToFree(for id: ProposalID, seed: UInt64) -> Int? {
    switch eviction {
    case .keepFirst: return nil
    case .keepLast: return 0
    case .reservoir:
      let key = RandomKey(seed: seed, purpose: .eviction, kind: id.kind, iteration: id.iteration, slot: id.slot)
      var stream = RandomStream(key)
      let place = stream.below(admitted)
      return place < capacity ? place : nil
    }
  }

  /// K references for a proposer: distinct, uniform (paper §3.2; no weighting by recency, App. D.3).
  package func references(_ count: Int, stream: inout RandomStream) -> [Entry] {
    stream.distinct(count, of: entries.count).map { entries[$0] }
  }

  /// The solve batch: problems of this iteration, or of the one before, first, and filled up from the rest (code:
  /// `max_new`); or all from everywhere. With `previous`, problems of this iteration are not there yet.
  ///
  /// - Parameter curriculum: what the rest is drawn by; nil for uniformly.
  package func solveBatch(
    _ count: Int, iteration: Int, from: PlaySettings.SolveFrom, curriculum: Curriculum? = nil,
    stream: inout RandomStream
  ) -> [Entry] {
    var newest: [Entry] = []
    switch from {
    case .newest: newest = Array(entries.filter { $0.id.iteration == iteration }.prefix(count))
    case .previous:
      // Seeding may have left more than a batch.
      let recent = entries.filter { $0.id.iteration == iteration - 1 }
      newest = stream.distinct(count, of: recent.count).map { recent[$0] }
    case .uniform: break
    }
    let rest = fillers(iteration: iteration, from: from)
    let open = count - newest.count
    guard let curriculum else { return newest + stream.distinct(open, of: rest.count).map { rest[$0] } }
    let draw = WeightedDraw(curriculum.weights(rest.map(\.id)))
    return newest + draw.distinct(open, stream: &stream).map { rest[$0] }
  }

  /// What the solve batch is filled up from.
  func fillers(iteration: Int, from: PlaySettings.SolveFrom) -> [Entry] {
    switch from {
    case .newest: entries.filter { $0.id.iteration != iteration }
    case .previous: entries.filter { $0.id.iteration < iteration - 1 }
    case .uniform: entries
    }
  }
}

/// For snapshots. The index is made again: of equal problems it names the one admitted last.
extension ProblemBuffer: Codable {
  private enum CodingKeys: String, CodingKey {
    case capacity, eviction, entries, admitted
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    capacity = try container.decode(Int.self, forKey: .capacity)
    eviction = try container.decode(PlaySettings.Eviction.self, forKey: .eviction)
    entries = try container.decode([Entry].self, forKey: .entries)
    admitted = try container.decode(Int.self, forKey: .admitted)
    for entry in entries { ids[ProblemDigest(entry.problem)] = entry.id }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(capacity, forKey: .capacity)
    try container.encode(eviction, forKey: .eviction)
    try container.encode(entries, forKey: .entries)
    try container.encode(admitted, forKey: .admitted)
  }
}

/// What makes two problems equal: the normal form of the program where it is recorded, else its text without surrounding
/// space; and the inputs. Two messages about the same program and inputs are the same problem.
package struct ProblemDigest: Hashable, Sendable {
  private let program: String
  private let inputs: [String]

  package init(_ problem: Problem) {
    inputs = problem.pairs.map(\.input)
    if let normalForm = problem.normalForm {
      program = normalForm
      return
    }
    // "\r\n" is one Character, and Python reads it as one line end.
    var lines = problem.program.split(omittingEmptySubsequences: true) { $0 == "\n" || $0 == "\r\n" }.map { line in
      String(line.reversed().drop { $0 == " " || $0 == "\t" || $0 == "\r" }.reversed())
    }
    lines.removeAll { $0.isEmpty }
    program = lines.joined(separator: "\n")
  }
}
