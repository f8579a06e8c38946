import Domain
import Testing

/// The exploits and defects of Absolute Zero's published executor, one test each (docs/sandbox.md): what was rewarded or
/// broke there, and what comes of it here, through the environment and the real verifier.
@Suite("Defects of the published executor")
struct PublishedDefectTests {
  private func verdict(
    _ kind: Kind, _ program: String, _ pairs: [(String, String)], answer: String, bytesMax: Int = 400
  ) async throws -> AttemptVerified {
    let fence = [Kind.deduction: "output", .abduction: "input", .induction: "python"][kind]!
    let problem = Problem(
      kind: kind, program: program, pairs: pairs.map { Pair(input: $0.0, output: $0.1) }, message: "m")
    return try await deciding(bytesMax) { try await $0.decide(check(problem, attempt: "```\(fence)\n\(answer)\n```")) }
  }

  private func proposal(_ program: String, input: String, bytesMax: Int = 400) async throws -> ProposalVerified {
    try await deciding(bytesMax) {
      try await $0.decide(check(.deduction, proposal: "```python\n\(program)\n```\n```input\n\(input)\n```"))
    }
  }

  private func deciding<Decision: Sendable>(
    _ bytesMax: Int, _ body: (RealVerifier) async throws -> Decision
  ) async throws -> Decision {
    var limits = settings.verifier
    limits.valueBytesMax = bytesMax
    var decision: Decision?
    try await withRealVerifier(limits) { (real: RealVerifier) async throws in decision = try await body(real) }
    return try #require(decision)
  }

  @Test("1: an abduction answer that closes the call and adds a condition is no argument list")
  func templateInjection() async throws {
    for answer in ["1) or True or f(1", "1) == 1 or (1", "1 if True else f(1)", "__import__('os').getpid()"] {
      let verified = try await verdict(.abduction, modulo, [("7", "1")], answer: answer)
      #expect(verified.verdict == .malformed, "\(answer): \(verified)")
    }
  }

  private static let alwaysEqual = """
    class E:
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __hash__(self): return 0
    """

  @Test("2: a program that returns an object equal to everything solves no induction problem")
  func alwaysEqualProgram() async throws {
    let answer = "\(Self.alwaysEqual)\ndef f(x):\n    return E()"
    let verified = try await verdict(
      .induction, modulo, [("0", "0"), ("1", "1"), ("2", "2"), ("3", "0")], answer: answer)
    #expect(verified.verdict == .incorrect)
  }

  @Test("3: a deduction answer that is an expression, not a literal, is malformed")
  func alwaysEqualAnswer() async throws {
    for answer in ["type('E', (), {'__eq__': lambda s, o: True})()", "f(7)", "[x for x in [1]][0]", "1 or 2"] {
      let verified = try await verdict(.deduction, modulo, [("7", "1")], answer: answer)
      #expect(verified.verdict == .malformed, "\(answer): \(verified)")
    }
  }

  @Test("4: an answer that would take forever to evaluate is not evaluated")
  func evaluationInTheTrainer() async throws {
    for answer in ["9**9**9", "'a' * 10**12", "__import__('os')._exit(1)"] {
      let verified = try await verdict(.deduction, modulo, [("7", "1")], answer: answer)
      #expect(verified.verdict == .malformed, "\(answer): \(verified)")
    }
  }

  @Test("5: a program whose value is no literal makes no problem")
  func nonLiteralOutput() async throws {
    for program in [
      "from collections import Counter\ndef f(x):\n    return Counter([x])",
      "from collections import deque\ndef f(x):\n    return deque([x])",
      "class P:\n    pass\ndef f(x):\n    return P()", "def f(x):\n    return lambda: x",
    ] {
      let verified = try await proposal(program, input: "1")
      #expect(verified.problem == nil && verified.refusal == .unsupported, "\(program): \(verified)")
    }
  }

  @Test("6: 1, 1.0 and True are different answers")
  func typeBlindEquality() async throws {
    let program = "def f(x):\n    return x * 1.0"
    for (answer, expected) in [("1.0", Verdict.correct), ("1", .incorrect), ("True", .incorrect)] {
      #expect(try await verdict(.deduction, program, [("1", "1.0")], answer: answer).verdict == expected)
    }
  }

  @Test("7: the order of a set decides neither a problem nor an answer")
  func hashOrder() async throws {
    let words = "['pear', 'fig', 'plum', 'kiwi', 'date', 'lime', 'melon', 'grape']"
    let ordered = try await proposal("def f(x):\n    return list(set(x))", input: words)
    #expect(ordered.refusal == .nondeterministic)
    let set = try await proposal("def f(x):\n    return set(x)", input: words)
    let output = try #require(set.problem).pairs[0].output
    let answer = "{'fig', 'lime', 'melon', 'plum', 'kiwi', 'grape', 'pear', 'date'}"
    #expect(
      try await verdict(.deduction, "def f(x):\n    return set(x)", [(words, output)], answer: answer).verdict
        == .correct)
  }

  @Test("8: a long value is refused as a problem, never cut into one that nobody can solve")
  func cutValues() async throws {
    let program = "def f(x):\n    return 'a' * x"
    #expect(try await proposal(program, input: "398").problem != nil)
    let verified = try await proposal(program, input: "399")
    #expect(verified.problem == nil && verified.refusal == .tooLarge)
  }

  @Test("9: a name that ends in input( is a name, and print changes no value")
  func sourceMatching() async throws {
    let program = "def process_input(x):\n    print('noise')\n    return x + 1\ndef f(x):\n    return process_input(x)"
    #expect(try #require(try await proposal(program, input: "1").problem).pairs[0].output == "2")
  }

  @Test("10: a program that catches everything does not outlive its time limit")
  func swallowedAlarm() async throws {
    let program =
      "def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass"
    let verified = try await proposal(program, input: "1")
    #expect(verified.problem == nil && verified.refusal == .timedOut)
  }

  @Test("11: a program reaches no file, process or socket, also where screening does not see it")
  func noSandbox() async throws {
    for program in [
      "def f(x):\n    return open('/etc/passwd').read()", "import os\ndef f(x):\n    return os.listdir('/')",
      "import socket\ndef f(x):\n    return socket.socket()",
      "def f(x):\n    g = getattr(__builtins__, 'op' + 'en', None) or __builtins__['op' + 'en']\n    return g('/etc/passwd')",
    ] {
      let verified = try await proposal(program, input: "1")
      #expect(verified.problem == nil && verified.refusal != nil, "\(program): \(verified)")
    }
  }
}
