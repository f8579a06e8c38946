import Domain
import Testing

/// What every implementation of Absolute Zero must get right (docs/conformance.md lists all of it), as far as it concerns
/// completions, answers and values. What the published executor got wrong is in `PublishedDefectTests`.
@Suite("Conformance")
struct ConformanceTests {
  private let deduction = Problem(kind: .deduction, program: modulo, pairs: [Pair(input: "7", output: "1")])
  private let abduction = Problem(kind: .abduction, program: modulo, pairs: [Pair(input: "7", output: "1")])

  @Test("a fence inside a block closes it: nested blocks leave the rest without form")
  func nestedFences() {
    let completion = "```python\ndef f(x):\n    return 1\n```python\n    return x\n```\n```input\n3\n```"
    #expect(check(.deduction, proposal: completion).jobs.isEmpty)
  }

  @Test("text after the answer is nothing, and of several answers the last counts")
  func textAfterTheAnswer() {
    for after in ["", "\n", " So the output is 5.", "\n```\nmore\n```\n"] {
      #expect(check(deduction, attempt: "```output\n5\n```\n```output\n1\n```\(after)").jobs == [.literal("1")])
    }
  }

  @Test("any preimage solves an abduction problem")
  func anotherPreimage() async throws {
    try await withRealVerifier { (real: RealVerifier) async throws in
      func verdict(_ answer: String) async throws -> Verdict {
        try await real.decide(check(abduction, attempt: "```input\n\(answer)\n```")).verdict
      }
      #expect(try await verdict("7") == .correct)
      #expect(try await verdict("100") == .correct)
      #expect(try await verdict("-2") == .correct)
      #expect(try await verdict("8") == .incorrect)
      #expect(try await verdict("'a'") == .raised)
    }
  }

  @Test("a value that is not a number makes a problem, whose answer is that value")
  func notANumber() async throws {
    let program = "def f(x):\n    return float('nan') if x else 0.0"
    let completion = "```python\n\(program)\n```\n```input\n1\n```"
    try await withRealVerifier { (real: RealVerifier) async throws in
      let made = try await real.decide(check(.deduction, proposal: completion))
      let problem = try #require(made.problem)
      #expect(problem.pairs[0].output == "nan")
      #expect(try await real.decide(check(problem, attempt: "```output\nnan\n```")).verdict == .correct)
      #expect(try await real.decide(check(problem, attempt: "```output\n0.0\n```")).verdict == .incorrect)
    }
  }
}
