import Domain
import Environments
import Foundation
import Testing
import Verification

/// Measures of syntax trees by the real worker, against figures worked out by hand (docs/intrinsic.md).
@Suite("Measures of programs")
struct MeasureTests {
  private func measured(_ program: String, _ references: [String] = []) async throws -> ProgramMeasures {
    var found: VerificationOutcome?
    try await withRealVerifier { (real: RealVerifier) async throws in
      found = try await real.verifier.verify([.measure(program: program, references: references)])[0].outcomes[0]
    }
    guard case .measured(let measures) = found else { throw NoMeasures(outcome: found) }
    return measures
  }

  private struct NoMeasures: Error { var outcome: VerificationOutcome? }

  @Test("a program that does nothing measures nothing, and comments and docstrings are nothing")
  func nothing() async throws {
    let none = ProgramMeasures(cognitive: 0, cyclomatic: 1, volume: 0, effort: 0, distance: nil)
    #expect(try await measured("def f(x):\n    return x") == none)
    #expect(try await measured("# c\ndef f(x):\n    'if and for'\n    return x  # x + 1") == none)
  }

  @Test("cognitive complexity weighs breaks of the flow by their depth; cyclomatic complexity counts branches")
  func complexity() async throws {
    let program = """
      def f(x, y):
          total = 0
          for i in range(x):
              if i % 2 == 0 and i > y:
                  total = i
              elif i == 3:
                  total = 1
              else:
                  total = 2
          return total if total else y
      """
    // for 1, if 1 + 1, and 1, elif 1, else 1, conditional expression 1; branches: for, if, elif, and, conditional.
    let measures = try await measured(program)
    #expect(measures.cognitive == 7 && measures.cyclomatic == 6)
    // A function inside is one deeper, and so is what it holds: 1 + 1 for its while; try 1, comprehension 2 branches.
    let nested = """
      def f(x):
          def g(y):
              while y > 1:
                  y -= 1
              return y
          try:
              return [g(i) for i in x if i]
          except TypeError:
              return g(x)
      """
    let inner = try await measured(nested)
    #expect(inner.cognitive == 3 && inner.cyclomatic == 5)
  }

  @Test("Halstead's volume and effort")
  func halstead() async throws {
    // Operators + and *, operands x, 1 * x, 1, x: N = 6, η = 2 + 3, volume 6·log₂5 = 13.932, difficulty 2/2 · 4/3.
    let measures = try await measured("def f(x):\n    return x + 1 * x")
    #expect(measures.volume == 13_932 && measures.effort == 18_575)
    // One operator +=, one operand twice.
    let same = try await measured("def f(x):\n    x += x\n    return x")
    #expect(same.volume == 3000 && same.effort == 3000)
  }

  @Test("the distance is that of the trees' tokens, the mean over the references")
  func distance() async throws {
    let identity = "def f(x):\n    return x"
    #expect(try await measured(identity, [identity, "def f( x ):\n  return (x)"]).distance == 0)
    // Nine tokens, seven in common: 1 − 2·7/18.
    #expect(try await measured(identity, ["def f(y):\n    return y"]).distance == 222_222)
    #expect(try await measured(identity, [identity, "def f(y):\n    return y"]).distance == 111_111)
  }

  @Test("what is no program has no measures")
  func syntax() async throws {
    await #expect(throws: NoMeasures.self) { _ = try await measured("def f(:") }
  }

  @Test("proposals are measured where it is paid for, what the proposer wrote and no more")
  func proposals() async throws {
    func proposed(_ kind: Kind, functions: [Problem] = [], _ completion: String) async throws -> ProposalVerified {
      var settings = EnvironmentsTests.settings
      settings.intrinsic.editDistanceCoefficient = 1
      let given = Problem(kind: .deduction, program: identity, pairs: [Pair(input: "1", output: "1")])
      let made = ProposalMade(
        proposal: ProposalID(iteration: 1, kind: kind, slot: 0), references: [], program: nil,
        functions: functions.isEmpty ? nil : [ProposalID(iteration: 0, kind: .deduction, slot: 1)])
      let check = CodeReasoning().check(
        proposal: made, completion: completion,
        material: ProposalMaterial(program: given, references: [given], functions: functions), settings: settings)
      var decision: ProposalVerified?
      try await withRealVerifier { (real: RealVerifier) async throws in decision = try await real.decide(check) }
      return try #require(decision)
    }
    let triplet = "```python\n\(identity)\n```\n```input\n1\n```"
    let none = ProgramMeasures(cognitive: 0, cyclomatic: 1, volume: 0, effort: 0, distance: 0)
    #expect(try await proposed(.deduction, triplet).measures == none)
    let branching = Problem(
      kind: .deduction, program: "def f(x):\n    return 1 if x else 2", pairs: [Pair(input: "1", output: "1")])
    let composite = try await proposed(
      .abduction, functions: [branching], "```python\ndef f(x):\n    return g_0(x)\n```\n```input\n1\n```")
    #expect(composite.problem?.composition?.forwards == true && composite.measures?.cyclomatic == 1)
    let refused = try await proposed(.deduction, "```python\ndef f(x):\n    return 1 / 0\n```\n```input\n1\n```")
    #expect(refused.refusal == .raised && refused.measures == nil)
    let induction = "```message\nm\n```\n```input\n1\n```\n```input\n2\n```"
    #expect(try await proposed(.induction, induction).measures == nil)
  }
}
