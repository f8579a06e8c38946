import Foundation

/// How new a problem was when it was accepted. Whole numbers, so that the fold has one digest on every machine.
package struct Novelty: Hashable, Codable, Sendable {
  /// Distance in thousandths to the nearest of the last accepted programs of the kind: 0 is the same but for names, 1000
  /// shares nothing.
  package var distance: Int
  /// That program's problem.
  package var nearest: ProposalID
  /// How many earlier programs it was compared with.
  package var compared: Int
  /// −log₂ of how frequent this output was among the earlier ones of the kind, in thousandths of a bit.
  package var surprise: Int
  /// How many earlier outputs that is judged by.
  package var outputs: Int

  package init(distance: Int, nearest: ProposalID, compared: Int, surprise: Int, outputs: Int) {
    self.distance = distance
    self.nearest = nearest
    self.compared = compared
    self.surprise = surprise
    self.outputs = outputs
  }
}

/// The earlier problems of one kind that a new one is compared with; bounded.
struct NoveltyMemory: Hashable, Codable, Sendable {
  let kind: Kind
  private var programs: [Program] = []
  /// By hash, ascending.
  private var outputs: [OutputCount] = []
  private var outputsSeen = 0

  private struct Program: Hashable, Codable, Sendable {
    var id: ProposalID
    var text: ProgramText
    var normalForm: String?
  }

  private struct OutputCount: Hashable, Codable, Sendable {
    var hash: UInt64
    var count: Int
  }

  /// The newest programs are kept; of outputs the first ones, the rest only counts as seen.
  static let programsMax = 64
  static let outputsMax = 4096

  init(_ kind: Kind) { self.kind = kind }

  /// Judges an accepted problem, and remembers it. nil for the first of its kind.
  mutating func take(_ id: ProposalID, _ problem: Problem, _ text: ProgramText) -> Novelty? {
    let surprise = surprise(problem)
    var novelty: Novelty?
    for program in programs {
      let isSame = problem.normalForm != nil && problem.normalForm == program.normalForm
      let distance = isSame ? 0 : text.distance(to: program.text)
      if distance < novelty?.distance ?? Int.max {
        novelty = Novelty(
          distance: distance, nearest: program.id, compared: programs.count, surprise: surprise.millibits,
          outputs: surprise.seen)
      }
    }
    programs.append(Program(id: id, text: text, normalForm: problem.normalForm))
    if programs.count > Self.programsMax { programs.removeFirst() }
    return novelty
  }

  /// With one more for each output and one for all that were never seen (Laplace).
  private mutating func surprise(_ problem: Problem) -> (millibits: Int, seen: Int) {
    let text = problem.pairs.map(\.output).joined(separator: "\n")
    let hash = fnv(text.utf8)
    let seen = outputsSeen
    var (low, high) = (0, outputs.count)
    while low < high {
      let middle = (low + high) / 2
      if outputs[middle].hash < hash { low = middle + 1 } else { high = middle }
    }
    let isKnown = low < outputs.count && outputs[low].hash == hash
    let share = Double((isKnown ? outputs[low].count : 0) + 1) / Double(seen + outputs.count + 1)
    outputsSeen += 1
    if isKnown {
      outputs[low].count += 1
    } else if outputs.count < Self.outputsMax {
      outputs.insert(OutputCount(hash: hash, count: 1), at: low)
    }
    return (Int((-1000 * log2(share)).rounded()), seen)
  }

  /// Everything that later answers depend on.
  func add(to bytes: inout CanonicalDigest) {
    bytes.add(kind.rawValue)
    bytes.add(programs.count)
    for program in programs {
      bytes.add(program.id)
      bytes.add(program.normalForm ?? "")
      bytes.add(program.text.tokens)
      bytes.add(program.text.pairs.count)
      for pair in program.text.pairs { bytes.add(Int(pair)) }
    }
    bytes.add(outputsSeen)
    bytes.add(outputs.count)
    for output in outputs {
      bytes.add(Int(truncatingIfNeeded: output.hash))
      bytes.add(output.count)
    }
  }
}
