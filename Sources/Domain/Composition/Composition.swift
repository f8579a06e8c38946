/// What a composite problem's program was built from (paper App. D.2): it begins with the programs of earlier problems, whose
/// entries are called g_0, g_1, … there, and its `f` calls every one of them.
package struct Composition: Hashable, Codable, Sendable {
  /// The problems whose functions it was given; the n-th is g_n.
  package var functions: [ProposalID]
  /// Whether `f` only hands its arguments on to them and adds nothing, such as `f(x) = g_0(x)`: the shortcut for which the paper
  /// gave composite functions up.
  package var forwards: Bool

  package init(functions: [ProposalID], forwards: Bool) {
    precondition(!functions.isEmpty, "a composition of nothing")
    self.functions = functions
    self.forwards = forwards
  }
}

/// A function that a proposer is given: the program of an earlier problem, its entry renamed.
package struct GivenFunction: Hashable, Sendable {
  /// `g_0`, `g_1`, ….
  package var name: String
  package var program: String

  package init(name: String, program: String) {
    self.name = name
    self.program = program
  }

  /// The name of the n-th function that a proposal is given.
  package static func name(_ place: Int) -> String { "g_\(place)" }
}

extension Experiment {
  /// The problems whose functions proposals may be given: those of deduction and abduction that are not composite themselves.
  var plainPrograms: [ProblemBuffer.Entry] { inductionPrograms.filter { $0.problem.composition == nil } }

  /// The problems whose functions a proposal is given; none for most.
  ///
  /// - Parameters:
  ///   - slot: that of the first of the proposals that share a prompt.
  ///   - candidates: `plainPrograms`.
  func functions(
    _ kind: Kind, iteration: Int, slot: Int, of candidates: [ProblemBuffer.Entry]
  ) -> [ProblemBuffer.Entry] {
    let composite = settings.composite
    guard isComposing(kind, iteration: iteration), !candidates.isEmpty else { return [] }
    let key = RandomKey(
      seed: settings.seed.value, purpose: .functions, kind: kind, iteration: iteration, slot: slot)
    var stream = RandomStream(key)
    // 53 bits, as many as a number below 1 has.
    let chance = Double(stream.next() >> 11) * 0x1p-53
    guard chance < composite.probability(at: iteration) else { return [] }
    let count = 1 + stream.below(composite.functionsMax(at: iteration))
    return stream.distinct(count, of: candidates.count).map { candidates[$0] }
  }

  /// Whether proposals of a kind may be given functions at all. Seeding collects what is composed later, and an induction
  /// proposal writes no program.
  func isComposing(_ kind: Kind, iteration: Int) -> Bool {
    settings.composite.probability > 0 && iteration > 0 && kind != .induction
  }
}
