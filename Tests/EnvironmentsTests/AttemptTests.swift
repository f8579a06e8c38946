import Domain
import Testing

@Suite("Judging attempts")
struct AttemptTests {
  private let deduction = Problem(kind: .deduction, program: modulo, pairs: [Pair(input: "7", output: "1")])
  private let abduction = Problem(kind: .abduction, program: modulo, pairs: [Pair(input: "7", output: "1")])
  private let induction = Problem(
    kind: .induction, program: modulo,
    pairs: (0..<5).map { Pair(input: "\($0)", output: "\($0 % 3)") }, message: "rest by three")

  @Test("an answer to a deduction problem is read as a literal and compared by its canonical text")
  func deductionJob() {
    let check = check(deduction, attempt: "```output\n 1 \n```")
    #expect(check.jobs == [.literal("1")])
    #expect(decided(check, [.value("1", input: "")]).verdict == .correct)
    #expect(decided(check, [.value("2", input: "")]).verdict == .incorrect)
    #expect(decided(check, [.malformed("no literal")]).verdict == .malformed)
  }

  @Test("an answer to an abduction problem is run, never evaluated beside the program")
  func abductionJob() {
    let check = check(abduction, attempt: "```input\n10\n```")
    #expect(check.jobs == [.run(program: modulo, inputs: ["10"])])
    #expect(decided(check, [.value("1", input: "10")]).verdict == .correct)
    #expect(decided(check, [.malformedInput("no literal")]).verdict == .malformed)
  }

  @Test("an answer to an induction problem is run on the hidden pairs only, and all of them decide")
  func inductionJob() {
    let check = check(induction, attempt: "```python\n\(identity)\n```")
    #expect(check.jobs == [.run(program: identity, inputs: ["2", "3", "4"])])
    let right: [VerificationOutcome] = [.value("2", input: "2"), .value("0", input: "3"), .value("1", input: "4")]
    #expect(decided(check, right).verdict == .correct)
    for place in right.indices {
      var wrong = right
      wrong[place] = .value("9", input: "")
      #expect(decided(check, wrong).verdict == .incorrect)
    }
    #expect(decided(check, right).answer == identity)
  }

  @Test("of several answers the last counts")
  func lastAnswer() {
    #expect(check(deduction, attempt: "```output\n5\n```\nNo:\n```output\n1\n```").jobs == [.literal("1")])
    #expect(
      check(abduction, attempt: "```input\n5\n```\n```input\n1\n```").jobs == [.run(program: modulo, inputs: ["1"])])
  }

  @Test(
    "an answer without the form asked for is malformed, and nothing is run",
    arguments: ["1", "```python\n1\n```", "```output\n1\n", "```output\n\n```", ""])
  func malformed(completion: String) {
    let check = check(deduction, attempt: completion)
    #expect(check.jobs.isEmpty)
    #expect(check.decision([]).verdict == .malformed)
    #expect(check.decision([]).answer.isEmpty)
  }

  @Test(
    "each way a written program can fail is a verdict",
    arguments: [
      (VerificationOutcome.malformed("d"), Verdict.malformed), (.raised("d"), .raised), (.timedOut, .timedOut),
      (.outOfMemory, .outOfMemory), (.tooLarge("d"), .incorrect), (.unsupported("d"), .incorrect),
      (.nondeterministic("d"), .nondeterministic), (.forbidden("d"), .forbidden),
    ])
  func verdicts(outcome: VerificationOutcome, verdict: Verdict) {
    let check = check(induction, attempt: "```python\n\(identity)\n```")
    let outcomes = [.value("2", input: "2"), outcome, .value("1", input: "4")]
    #expect(decided(check, outcomes).verdict == verdict)
  }

  @Test(
    "an answer that is code is malformed, not evaluated",
    arguments: ["1) or True or f(1", "f(7)", "1 if True else 2", "__import__('os')", "x", "7; 8", "*[7]"])
  func injection(answer: String) async throws {
    try await withRealVerifier { (real: RealVerifier) async throws in
      let abduced = try await real.decide(check(abduction, attempt: "```input\n\(answer)\n```"))
      #expect(abduced.verdict == .malformed)
      let deduced = try await real.decide(check(deduction, attempt: "```output\n\(answer)\n```"))
      #expect(deduced.verdict == .malformed)
    }
  }

  @Test("1, 1.0 and True are three answers, however Python compares them")
  func types() async throws {
    try await withRealVerifier { (real: RealVerifier) async throws in
      func verdict(_ answer: String, _ expected: String) async throws -> Verdict {
        var problem = deduction
        problem.pairs[0].output = expected
        return try await real.decide(check(problem, attempt: "```output\n\(answer)\n```")).verdict
      }
      let values = ["1", "1.0", "True"]
      for answer in values {
        for expected in values {
          #expect(try await verdict(answer, expected) == (answer == expected ? .correct : .incorrect))
        }
      }
      #expect(try await verdict("{2, 1}", "{1, 2}") == .correct)
      #expect(try await verdict("\"a\"", "'a'") == .correct)
    }
  }

  @Test("a program that fits the shown pairs but not the hidden ones is wrong")
  func hiddenPairs() async throws {
    try await withRealVerifier { (real: RealVerifier) async throws in
      func verdict(_ program: String) async throws -> Verdict {
        try await real.decide(check(induction, attempt: "```python\n\(program)\n```")).verdict
      }
      #expect(try await verdict(modulo) == .correct)
      #expect(try await verdict("def f(x):\n    return [0, 1][x]") == .raised)
      #expect(try await verdict(identity) == .incorrect)
      #expect(try await verdict("def g(x):\n    return x") == .malformed)
    }
  }
}
