import Domain
import Environments
import Testing
import Verification

@Suite("Equality of answers")
struct EqualityTests {
  /// Values close to each other under `==`, and some that are not.
  private static let atoms = [
    "0", "1", "-1", "2", "0.0", "-0.0", "1.0", "2.5", "True", "False", "None", "'1'", "b'1'", "'a, b'", "\"it's\"",
    "nan", "inf", "-inf", "9007199254740993", "9007199254740992.0", "1e+16", "10000000000000000", "1e+300",
    "\(String(repeating: "7", count: 40))", "1e-07", "''", "'\\\\'", "[]", "()", "{}", "set()", "frozenset()",
  ]

  private static let nested: [String] =
    atoms.flatMap { ["[\($0)]", "(\($0),)", "[\($0), 1]", "{'k': \($0)}"] } + [
      "{1, 2}", "{1.0, 2}", "frozenset({1, 2})", "frozenset({True, 2.0})", "{(1, 2): 3}", "{(1.0, True): 3}",
      "{1: 'a', 2: 'b'}", "{1.0: 'a', 2: 'b'}", "{frozenset({1})}", "{frozenset({True})}", "[[1], (2,)]",
      "[[1.0], (2,)]",
      "{'a': {'b': [0, False]}}", "{'a': {'b': [0.0, 0]}}",
    ]

  @Test("the setting python compares canonical texts as Python's == compares the values")
  func likePython() async throws {
    let values = Self.atoms + Self.nested
    var generator = RandomStream(RandomKey(seed: 20_261_123, purpose: .problems, iteration: 0))
    var pairs = values.flatMap { left in Self.atoms.map { (left, $0) } }
    for _ in 0..<1500 {
      pairs.append((values.randomElement(using: &generator)!, values.randomElement(using: &generator)!))
    }
    pairs += values.map { ($0, $0) }
    let program = "def f(pairs):\n    return [a == b for a, b in pairs]"
    var limits = settings.verifier
    limits.valueBytesMax = 16 << 10
    try await withRealVerifier(limits) { (real: RealVerifier) async throws in
      for chunk in stride(from: 0, to: pairs.count, by: 200) {
        let part = Array(pairs[chunk..<min(chunk + 200, pairs.count)])
        let input = "[" + part.map { "(\($0.0), \($0.1))" }.joined(separator: ", ") + "]"
        let outcome = try await real.verifier.verify([.run(program: program, inputs: [input])])[0].outcomes[0]
        guard case .value(let text, _) = outcome else {
          Issue.record("\(outcome)")
          return
        }
        let expected = text.dropFirst().dropLast().split(separator: ", ").map { $0 == "True" }
        for (pair, isEqual) in zip(part, expected) {
          #expect(PythonEquality.areEqual(pair.0, pair.1) == isEqual, "\(pair.0) == \(pair.1) is \(isEqual) in Python")
        }
      }
    }
  }

  @Test("typed equality tells 1, 1.0 and True apart, and the setting python does not")
  func setting() {
    let problem = Problem(kind: .deduction, program: modulo, pairs: [Pair(input: "7", output: "1")])
    var python = settings
    python.verifier.equality = .python
    for answer in ["1.0", "True"] {
      let completion = "```output\n\(answer)\n```"
      let typed = check(problem, attempt: completion)
      #expect(decided(typed, [.value(answer, input: "")]).verdict == .incorrect)
      let loose = check(problem, attempt: completion, python)
      #expect(decided(loose, [.value(answer, input: "")]).verdict == .correct)
    }
    let other = check(problem, attempt: "```output\n2\n```", python)
    #expect(decided(other, [.value("2", input: "")]).verdict == .incorrect)
  }

  @Test(
    "a text that is no canonical value equals nothing but itself",
    arguments: ["[1", "1,", "{1: 2", "f(1)", "'a", "[1]]"])
  func notCanonical(text: String) {
    #expect(PythonEquality.areEqual(text, text))
    #expect(!PythonEquality.areEqual(text, "1"))
  }
}
