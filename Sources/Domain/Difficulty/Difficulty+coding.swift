import FoundationEssentials

/// For snapshots and saved states. The problems are one block of numbers, because there are as many as a long experiment has
/// proposed; the index is made again.
extension Difficulty: Codable {
  private enum CodingKeys: String, CodingKey {
    case iteration, policyVersion, problems, cells, memories, limit
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    var numbers = NumberBlock(try container.decode(Data.self, forKey: .problems))
    var problems: [ProblemRecord] = []
    do {
      while !numbers.isAtEnd { problems.append(try Self.problem(&numbers)) }
    } catch {
      throw DecodingError.dataCorruptedError(
        forKey: .problems, in: container, debugDescription: "problem \(problems.count) of the difficulty: \(error)")
    }
    self.init(
      iteration: try container.decode(Int.self, forKey: .iteration),
      policyVersion: try container.decode(PolicyVersion.self, forKey: .policyVersion), problems: problems,
      cells: try container.decode([CellRecord].self, forKey: .cells),
      memories: try container.decode([NoveltyMemory].self, forKey: .memories),
      limit: try container.decode(Int.self, forKey: .limit))
  }

  package func encode(to encoder: any Encoder) throws {
    var numbers = NumberBlock()
    for problem in problems { Self.add(problem, to: &numbers) }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(iteration, forKey: .iteration)
    try container.encode(policyVersion, forKey: .policyVersion)
    try container.encode(numbers.data, forKey: .problems)
    try container.encode(cells, forKey: .cells)
    try container.encode(memories, forKey: .memories)
    try container.encode(limit, forKey: .limit)
  }

  private static func add(_ problem: ProblemRecord, to numbers: inout NumberBlock) {
    numbers.add(problem.id)
    numbers.add(problem.cell.size.rawValue)
    // A distance is not negative.
    numbers.add(problem.novelty?.distance ?? -1)
    if let novelty = problem.novelty {
      numbers.add(novelty.nearest)
      numbers.add(novelty.compared)
      numbers.add(novelty.surprise)
      numbers.add(novelty.outputs)
    }
    numbers.add(problem.counts.count)
    for count in problem.counts {
      numbers.add(count.version)
      numbers.add(count.solves.attempts)
      numbers.add(count.solves.correct)
    }
  }

  private static func problem(_ numbers: inout NumberBlock) throws(NumberBlock.Failure) -> ProblemRecord {
    let id = try numbers.proposal()
    guard let size = Cell.Size(rawValue: try numbers.next()) else { throw .unexpected("a size that is none") }
    let distance = try numbers.next()
    var novelty: Novelty?
    if distance >= 0 {
      novelty = Novelty(
        distance: distance, nearest: try numbers.proposal(), compared: try numbers.next(),
        surprise: try numbers.next(), outputs: try numbers.next())
    }
    var counts: [VersionCount] = []
    for _ in 0..<max(0, try numbers.next()) {
      counts.append(
        VersionCount(
          version: try numbers.next(), solves: SolveCount(attempts: try numbers.next(), correct: try numbers.next())))
    }
    return ProblemRecord(id: id, cell: Cell(kind: id.kind, size: size), novelty: novelty, counts: counts)
  }
}

/// Whole numbers of 32 bits in a row, little-endian: what a state of many rows is saved as.
package struct NumberBlock: Sendable {
  /// What a block that was not written by this program says.
  package enum Failure: Error, CustomStringConvertible {
    case ended
    case unexpected(String)

    package var description: String {
      switch self {
      case .ended: "the numbers end too early"
      case .unexpected(let what): what
      }
    }
  }

  package private(set) var data: Data
  private var place: Int

  package init(_ data: Data = Data()) {
    self.data = data
    place = data.startIndex
  }

  package var isAtEnd: Bool { place >= data.endIndex }

  /// - Precondition: `number` has 32 bits: counts, versions, iterations and slots do.
  package mutating func add(_ number: Int) {
    withUnsafeBytes(of: Int32(number).littleEndian) { data.append(contentsOf: $0) }
  }

  package mutating func add(_ id: ProposalID) {
    add(id.iteration)
    add(Kind.allCases.firstIndex(of: id.kind) ?? 0)
    add(id.slot)
  }

  package mutating func next() throws(Failure) -> Int {
    guard place + 4 <= data.endIndex else { throw .ended }
    let number = data.withUnsafeBytes {
      Int32(littleEndian: $0.loadUnaligned(fromByteOffset: place - data.startIndex, as: Int32.self))
    }
    place += 4
    return Int(number)
  }

  package mutating func proposal() throws(Failure) -> ProposalID {
    let iteration = try next()
    let kind = try next()
    guard Kind.allCases.indices.contains(kind) else { throw .unexpected("a problem of kind \(kind)") }
    return ProposalID(iteration: iteration, kind: Kind.allCases[kind], slot: try next())
  }
}
