import Domain
import Environments
import Foundation
import Testing

/// Programs that are changed or compared by their syntax before they become problems.
@Suite("Rewriting of programs")
struct RewritingTests {
  private func settings(_ change: (inout PlaySettings) -> Void) -> ExperimentSettings {
    var changed = EnvironmentsTests.settings
    change(&changed.play)
    return changed
  }

  private func proposed(
    _ program: String, input: String = "1", _ change: (inout PlaySettings) -> Void
  ) async throws -> ProposalVerified {
    let check = check(
      .deduction, proposal: "```python\n\(program)\n```\n```input\n\(input)\n```", settings(change))
    var decision: ProposalVerified?
    try await withRealVerifier { (real: RealVerifier) async throws in decision = try await real.decide(check) }
    return try #require(decision)
  }

  private static let talkative = """
    import math
    LIMIT = 3  # a global

    def f(x):
        '''Says what f does.'''
        # adds the limit
        return math.floor(x) + 3  # the end

    print(f(1))
    """

  @Test("comments and docstrings stay, or go")
  func comments() async throws {
    let kept = try #require(try await proposed(Self.talkative) { $0.comments = .keep }.problem)
    #expect(kept.program == Self.talkative)
    let stripped = try #require(try await proposed(Self.talkative) { $0.comments = .strip }.problem)
    #expect(
      stripped.program
        == "import math\nLIMIT = 3\n\ndef f(x):\n    return math.floor(x) + 3\nprint(f(1))")
    #expect(stripped.pairs == kept.pairs)
  }

  @Test("globals and what follows f go, and what is left keeps its comments")
  func globals() async throws {
    let stripped = try #require(try await proposed(Self.talkative) { $0.globals = .strip }.problem)
    #expect(
      stripped.program
        == "import math\ndef f(x):\n    '''Says what f does.'''\n    # adds the limit\n"
        + "    return math.floor(x) + 3  # the end")
    let both = try #require(
      try await proposed(Self.talkative) { ($0.globals, $0.comments) = (.strip, .strip) }.problem)
    #expect(both.program == "import math\n\ndef f(x):\n    return math.floor(x) + 3")
  }

  @Test("a program that needs its globals is refused without them, for what it raises")
  func neededGlobals() async throws {
    let refused = try await proposed("LIMIT = 3\ndef f(x):\n    return x + LIMIT") { $0.globals = .strip }
    #expect(refused.refusal == .raised && refused.detail.contains("LIMIT"))
    let shared = try #require(
      try await proposed("import math; y = 1\ndef f(x):\n    return x") { $0.globals = .strip }.problem)
    #expect(shared.program == "import math\n\ndef f(x):\n    return x")
  }

  @Test("what is no program is refused as such, whether it is rewritten or run")
  func syntax() async throws {
    for change: (inout PlaySettings) -> Void in [{ $0.comments = .strip }, { $0.duplicatesBy = .normalised }] {
      #expect(try await proposed("def f(:", change).refusal == .syntax)
    }
  }

  @Test("more than one function is refused only if the settings say so, nested ones and methods counted")
  func functions() async throws {
    let nested = "def f(x):\n    async  def g(y):\n        return y\n    return x"
    #expect(try await proposed(nested) { $0.functions = .one }.refusal == .functions)
    #expect(try await proposed(nested) { $0.functions = .several }.refusal == nil)
    #expect(try await proposed("def f(x):\n    define = x\n    return define") { $0.functions = .one }.refusal == nil)
  }

  @Test("programs that differ in comments, spacing and chosen names have one normal form; others have others")
  func normalForm() async throws {
    func form(_ program: String, input: String = "1") async throws -> String {
      let problem = try await proposed(program, input: input) { $0.duplicatesBy = .normalised }.problem
      return try #require(problem?.normalForm)
    }
    let first = try await form("def f(x, y=2):\n    total = x\n    for n in range(y): total += n\n    return total")
    let same = try await form(
      "# the sum\ndef f(a, b = 2):\n  'doc'\n  s = a\n\n  for i in range(b):\n    s += i\n  return (s)")
    let other = try await form("def f(a, b=2):\n    s = a\n    for i in range(b): s += a\n    return s")
    #expect(first == same && first != other)
    let called = try await form("def g(a):\n    return a\ndef f(x):\n    return g(a=x)")
    #expect(try await form("def help2(z):\n    return z\ndef f(n):\n    return help2(z=n)") == called)
    // Names that are not the program's own say what it does.
    #expect(try await form("def f(x):\n    return abs(x)") != form("def f(x):\n    return str(x)"))
    #expect(try await form(identity) == sha256(Data(Problem.zeroNormalForm.utf8)))
  }

  @Test("two problems of one normal form and input are one problem, and only where the settings say so")
  func duplicates() async throws {
    for (by, isDuplicate) in [(PlaySettings.DuplicatesBy.normalised, true), (.exact, false)] {
      let verified = try await proposed("def f(word):\n    # the same\n    return word", input: "'Hello world'") {
        $0.duplicatesBy = by
      }
      let created = ExperimentCreated(
        name: "test", settings: settings { $0.duplicatesBy = by }, promptsDigest: "")
      let judged = Experiment(id: ExperimentID(rawValue: UUID()), created: created).refuseDuplicates([verified])
      #expect((judged[0].refusal == .duplicate) == isDuplicate, "\(by)")
    }
  }
}
