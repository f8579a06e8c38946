import Domain
import Environments
import Foundation
import Testing
import Verification

/// Proposals that build upon functions of earlier problems, by the real worker.
@Suite("Composite functions")
struct CompositionTests {
  private static let ids = [
    ProposalID(iteration: 1, kind: .deduction, slot: 4), ProposalID(iteration: 2, kind: .abduction, slot: 0),
  ]

  private static let programs = [
    """
    STEP = 2
    def help(n, step=1):
        return n + step * STEP
    def f(n):
        return help(n, step=3)  # adds six
    print(f(1))
    """,
    "def help(text):\n    return text * 2\ndef f(text, again=True):\n    return f(text, False) + '!' if again else help(text)",
  ]

  private static func functions(_ count: Int) -> [Problem] {
    programs.prefix(count).map { Problem(kind: .deduction, program: $0, pairs: [Pair(input: "1", output: "1")]) }
  }

  private func proposed(
    _ program: String, input: String = "1", given count: Int = 1,
    _ change: (inout ExperimentSettings) -> Void = { _ in }
  ) async throws -> ProposalVerified {
    var settings = EnvironmentsTests.settings
    change(&settings)
    let made = ProposalMade(
      proposal: ProposalID(iteration: 3, kind: .deduction, slot: 0), references: [], program: nil,
      functions: Array(Self.ids.prefix(count)))
    let check = CodeReasoning().check(
      proposal: made, completion: "```python\n\(program)\n```\n```input\n\(input)\n```",
      material: ProposalMaterial(functions: Self.functions(count)), settings: settings)
    var decision: ProposalVerified?
    try await withRealVerifier { (real: RealVerifier) async throws in decision = try await real.decide(check) }
    return try #require(decision)
  }

  @Test("the functions stand before the program under their own names, work as before, and are named")
  func composed() async throws {
    let program = "def f(n):\n    # both of them\n    return g_1(str(g_0(n)) + '?')"
    let verified = try await proposed(program, input: "4", given: 2)
    let problem = try #require(verified.problem, "\(verified)")
    #expect(problem.pairs == [Pair(input: "4", output: "'10?10?!'")])
    #expect(problem.composition == Composition(functions: Self.ids, forwards: false))
    #expect(problem.program.hasSuffix(program))
    #expect(problem.program.contains("def g_0_help(n, step=1):") && problem.program.contains("def g_1_help(text):"))
    #expect(!problem.program.contains("print") && problem.program.components(separatedBy: "def f(").count == 2)
  }

  @Test(
    "a program that does not call a function with something of its own, or makes it anew, is refused for that",
    arguments: [
      ("def f(n):\n    return n + 1", "'f' does not call 'g_0'"),
      ("def f(n):\n    return g_0(5) + n", "'f' calls 'g_0' without an argument of its own"),
      ("def f(n):\n    return g_0", "'f' does not call 'g_0'"),
      ("def g_0(n):\n    return n\ndef f(n):\n    return g_0(n)", "'g_0' is defined anew"),
      ("def f(n):\n    g_0 = abs\n    return g_0(n)", "'g_0' is defined anew"),
      ("def f(g_0):\n    return g_0(g_0)", "'g_0' is defined anew"),
      ("from math import floor as g_0\ndef f(n):\n    return g_0(n)", "'g_0' is defined anew"),
      ("def h(n):\n    return g_0(n)\ndef f(n):\n    return h(n)", "'f' does not call 'g_0'"),
    ])
  func uncomposed(program: String, reason: String) async throws {
    let verified = try await proposed(program)
    #expect(verified.refusal == .composition && verified.detail == reason, "\(verified)")
  }

  @Test("all functions are to be called, not one of them")
  func all() async throws {
    let verified = try await proposed("def f(n):\n    return g_0(n) + 1", given: 2)
    #expect(verified.refusal == .composition && verified.detail == "'f' does not call 'g_1'")
  }

  @Test("what is no program, raises, or has too many functions is refused for that as ever")
  func otherReasons() async throws {
    #expect(try await proposed("def f(n:\n    return g_0(n)").refusal == .syntax)
    #expect(try await proposed("def f(n):\n    return g_0(n) / 0").refusal == .raised)
    // Only what the proposer wrote counts.
    #expect(
      try await proposed("def f(n):\n    return g_0(n) + 1", given: 1) { $0.play.functions = .one }.refusal == nil)
    let two = "def h(n):\n    return n\ndef f(n):\n    return g_0(h(n))"
    #expect(try await proposed(two) { $0.play.functions = .one }.refusal == .functions)
  }

  @Test(
    "f that only hands its arguments on is told apart from f that adds something",
    arguments: [
      ("def f(n):\n    return g_0(n)", true), ("def f(n):\n    'doc'\n    m = g_0(n)\n    return g_0(m)", true),
      ("def f(n, m=2):\n    return g_0(g_0(n))", true), ("def f(n):\n    return g_0(n) + 1", false),
      ("def f(n):\n    return [g_0(n)]", false), ("def f(n):\n    return g_0(abs(n))", false),
      ("def f(n):\n    for _ in range(3): n = g_0(n)\n    return n", false),
    ])
  func forwarding(program: String, forwards: Bool) async throws {
    let problem = try #require(try await proposed(program).problem)
    #expect(problem.composition?.forwards == forwards)
  }

  @Test("a prompt shows the functions it gives, and nothing in their place where it gives none")
  func prompt() async throws {
    var changed = EnvironmentsTests.settings
    changed.prompts.proposeDeduction = template("{{references}}<{{functions}}>", opening: "def")
    changed.prompts.proposeDeduction.functions = "call {{names}}:\n{{programs}}\n"
    let experiment = Experiment(
      id: ExperimentID(rawValue: UUID()),
      created: ExperimentCreated(name: "test", settings: changed, promptsDigest: ""))
    let entries = zip(Self.ids, Self.functions(2)).map { ProblemBuffer.Entry(id: $0, problem: $1) }
    let id = ProposalID(iteration: 3, kind: .deduction, slot: 0)
    let environment = CodeReasoning()
    let none = environment.prepare(
      Step.ProposalPlan(id: id, references: [], program: nil), settings: changed)
    let plan = try #require(none.decision)
    #expect(environment.request(for: plan, in: experiment).prompt == "<>def")
    let check = environment.prepare(
      Step.ProposalPlan(id: id, references: [], program: nil, functions: entries), settings: changed)
    var prepared: Step.ProposalPlan?
    try await withRealVerifier { (real: RealVerifier) async throws in prepared = try await real.decide(check) }
    let prompt = environment.request(for: try #require(prepared), in: experiment).prompt
    #expect(prompt.hasPrefix("<call g_0, g_1:\nSTEP = 2".replacing("STEP", with: "g_0_STEP")), "\(prompt)")
    #expect(prompt.contains("def g_0(n):\n    return g_0_help(n, step=3)"))
    #expect(
      prompt.contains("def g_1(text, again=True):\n    return g_1(text, False) + '!' if again else g_1_help(text)"))
  }

  @Test("a class keeps what its methods are called, and an attribute its name")
  func attributes() async throws {
    let program =
      "class Box:\n    size = 3\n    def grow(self, n):\n        return n * self.size\n"
      + "def size(n):\n    return n\ndef f(n):\n    return Box().grow(size(n))"
    var text: String?
    try await withRealVerifier { (real: RealVerifier) async throws in
      let results = try await real.verifier.verify([.rename(program: program, to: "g_2")])
      guard case .value(let renamed, _) = results[0].outcomes[0] else { return }
      text = renamed
    }
    #expect(
      text == """
        class g_2_Box:
            size = 3

            def grow(self, n):
                return n * self.size

        def size(n):
            return n

        def g_2(n):
            return g_2_Box().grow(size(n))
        """)
  }
}
