import Domain
import Testing

@Suite("Judging proposals")
struct ProposalTests {
  private let triplet = "```python\n\(modulo)\n```\n```input\n7\n```\n"
  private let induction = "```message\nrest by three\n```\n```input\n7\n```\n```input\n8\n```\n"
  private let given = Problem(kind: .deduction, program: modulo, pairs: [Pair(input: "1", output: "1")])

  @Test("a triplet is accepted with the output that its program returns", arguments: [Kind.deduction, .abduction])
  func accepted(kind: Kind) {
    let check = check(kind, proposal: triplet)
    #expect(check.jobs == [.run(program: modulo, inputs: ["7"])])
    let verified = decided(check, [.value("1", input: "7")])
    #expect(verified.problem == Problem(kind: kind, program: modulo, pairs: [Pair(input: "7", output: "1")]))
    #expect(verified.refusal == nil)
  }

  @Test("an induction problem has the given program, the message and a pair for each input")
  func acceptedInduction() {
    let check = check(.induction, proposal: induction, program: given)
    #expect(check.jobs == [.run(program: modulo, inputs: ["7", "8"])])
    let verified = decided(check, [.value("1", input: "7"), .value("2", input: "8")])
    #expect(
      verified.problem
        == Problem(
          kind: .induction, program: modulo, pairs: [Pair(input: "7", output: "1"), Pair(input: "8", output: "2")],
          message: "rest by three"))
  }

  @Test("inputs are read from input blocks and from the lines of inputs blocks, and the last N are taken")
  func inputs() {
    let completion = "```message\nm\n```\n```input\n1\n```\n```inputs\n2\n\n 3, 4 \n```\n```input\n5\n```\n"
    #expect(
      check(.induction, proposal: completion, program: given).jobs == [.run(program: modulo, inputs: ["3, 4", "5"])])
    let lines = "```message\r\nm\r\n```\r\n```inputs\r\n2\r\n3\r\n```\r\n"
    #expect(check(.induction, proposal: lines, program: given).jobs == [.run(program: modulo, inputs: ["2", "3"])])
  }

  @Test("an input block of several lines is one argument list")
  func longInput() {
    let completion = "```message\nm\n```\n```input\n[1,\n 2]\n```\n```input\n5\n```\n"
    #expect(
      check(.induction, proposal: completion, program: given).jobs == [
        .run(program: modulo, inputs: ["[1,\n 2]", "5"])
      ])
  }

  @Test(
    "a completion that lacks a part is malformed, and nothing is run",
    arguments: [
      (Kind.deduction, "```input\n7\n```"), (.deduction, "```python\ndef f(x):\n  pass\n```"),
      (.abduction, "```python\n\n```\n```input\n7\n```"),
      (.abduction, "```python\ndef f(): pass\n```\n```input\n\n```"),
      (.induction, "```input\n7\n```\n```input\n8\n```"), (.induction, "```message\nm\n```\n```input\n7\n```"),
      (.induction, "```message\n \n```\n```inputs\n7\n8\n```"),
    ])
  func malformed(kind: Kind, completion: String) {
    let check = check(kind, proposal: completion, program: given)
    #expect(check.jobs.isEmpty)
    let verified = check.decision([])
    #expect(verified.refusal == .malformed)
    #expect(!verified.detail.isEmpty)
  }

  @Test(
    "each way a program can fail is a reason of its own",
    arguments: [
      (VerificationOutcome.malformed("d"), Refusal.syntax), (.malformedInput("d"), .input), (.raised("d"), .raised),
      (.timedOut, .timedOut), (.outOfMemory, .outOfMemory), (.tooLarge("d"), .tooLarge),
      (.unsupported("d"), .unsupported), (.nondeterministic("d"), .nondeterministic), (.forbidden("d"), .forbidden),
    ])
  func refused(outcome: VerificationOutcome, reason: Refusal) {
    #expect(decided(check(.deduction, proposal: triplet), [outcome]).refusal == reason)
    let second = decided(
      check(.induction, proposal: induction, program: given), [.value("1", input: "7"), outcome])
    #expect(second.refusal == reason)
    #expect(second.problem == nil)
  }

  @Test("the real verifier gives the reasons that programs deserve")
  func realReasons() async throws {
    func completion(_ body: String, input: String = "3") -> String {
      "```python\ndef f(x):\n    \(body)\n```\n```input\n\(input)\n```\n"
    }
    try await withRealVerifier { (real: RealVerifier) async throws in
      func refusal(_ completion: String) async throws -> Refusal? {
        try await real.decide(check(.deduction, proposal: completion)).refusal
      }
      #expect(try await refusal(completion("return x * 2")) == nil)
      #expect(try await refusal(completion("return x * 2", input: "g(3)")) == .input)
      #expect(try await refusal(completion("return x +* 2")) == .syntax)
      #expect(try await refusal(completion("return 1 // 0")) == .raised)
      #expect(try await refusal(completion("return lambda: x")) == .unsupported)
      #expect(try await refusal(completion("return 'a' * 1000")) == .tooLarge)
      #expect(try await refusal(completion("import os; return os.getpid()")) == .forbidden)
      #expect(try await refusal(completion("return [hash(str(i)) for i in range(x)]")) == .nondeterministic)
      #expect(try await refusal(completion("while True: pass")) == .timedOut)
    }
  }

  @Test("a problem is recorded with canonical values, whatever way they were written")
  func canonical() async throws {
    try await withRealVerifier { (real: RealVerifier) async throws in
      let completion = "```python\ndef f(a, b):\n    return {b: a, 'a': 1}\n```\n```input\n\"x\",(2,)\n```\n"
      let problem = try #require(try await real.decide(check(.deduction, proposal: completion)).problem)
      #expect(problem.pairs[0].input == "'x', (2,)")
    }
  }
}
