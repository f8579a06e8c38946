import Domain
import Environments
import Foundation
import Testing
import Verification

@Suite("Suites of problems")
struct SuiteTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let reasoning =
    #"{"id":"a","kind":"deduction","level":2,"program":"def f(x):\n    return x","pairs":[{"input":"1","output":"1"}]}"#
  private static let function =
    #"{"task_id":"T/0","prompt":"def inc(x):\n    \"\"\"One more.\"\"\"\n","entry_point":"inc","test":"def check(candidate):\n    assert candidate(1) == 2\n","canonical_solution":"    return x + 1\n"}"#

  private static func read(_ text: String) throws -> Suite {
    try Suite.read(Data(text.utf8), name: "test", file: "test.jsonl")
  }

  private static func frozen() throws -> (suite: Suite, content: Data) {
    let path = root.appending(path: "suites/code-reasoning-1.jsonl")
    let content = try Data(contentsOf: path)
    return (try Suite.read(content, name: "code-reasoning/1", file: path.path), content)
  }

  // MARK: The frozen suite

  @Test("the frozen suite is what its generator gives, byte for byte, and what the manifest says")
  func generated() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [Self.root.appending(path: "suites/generate").path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let generated = try output.fileHandleForReading.readToEnd()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let (suite, content) = try Self.frozen()
    #expect(generated == content)
    let manifest = try String(contentsOf: Self.root.appending(path: "suites/manifest.tsv"), encoding: .utf8)
    #expect(manifest.contains("code-reasoning/1\tcode-reasoning-1.jsonl\t\(suite.digest)\n"))
  }

  @Test("the frozen suite has 32 problems of each kind and level, and no program twice")
  func strata() throws {
    let suite = try Self.frozen().suite
    #expect(suite.problems.count == 384)
    for kind in Kind.allCases {
      for level in 1...4 {
        #expect(suite.problems.count { $0.group == kind.rawValue && $0.level == level } == 32)
      }
    }
    #expect(Set(suite.problems.map(\.program)).count == 384)
  }

  @Test("every problem of the frozen suite runs in the real sandbox and gives the outputs it says")
  func executed() async throws {
    let suite = try Self.frozen().suite
    let settings = EvaluationSettings(form: .reasoning, prompts: PromptTemplates())
    try await withRealVerifier(settings.limits.verifier) { real in
      let jobs = suite.problems.map { problem in
        VerificationJob.run(program: problem.program, inputs: problem.pairs.map(\.input))
      }
      for (problem, result) in zip(suite.problems, try await real.verifier.verify(jobs)) {
        let expected = problem.pairs.map { VerificationOutcome.value($0.output, input: $0.input) }
        #expect(result.outcomes == expected, "\(problem.id)")
      }
    }
  }

  @Test("a right answer to each kind is correct and a wrong one is not")
  func judged() async throws {
    let suite = try Self.frozen().suite
    var prompts = PromptTemplates()
    prompts.solveDeduction = template("{{program}} {{input}}", opening: "```output\n")
    prompts.solveAbduction = template("{{program}} {{output}}", opening: "```input\n")
    prompts.solveInduction = template("{{pairs}}{{message}}", item: "{{input}} {{output}}\n", opening: "```python\n")
    let settings = EvaluationSettings(form: .reasoning, prompts: prompts)
    let examiner = SuiteExaminer(suite: suite, settings: settings, environment: CodeReasoning())
    try await withRealVerifier(settings.limits.verifier) { real in
      for index in stride(from: 0, to: suite.problems.count, by: 16) {
        let problem = suite.problems[index]
        let right =
          problem.group == "deduction"
          ? problem.pairs[0].output
          : problem.group == "abduction" ? problem.pairs[0].input : problem.program
        let wrong = problem.group == "induction" ? "def f(x):\n    return None" : "'none of this'"
        let verdicts = try await [right, wrong].asyncMap {
          try await real.decide(examiner.check(index, sample: 0, completion: $0 + "\n```"))
        }
        #expect(verdicts[0].verdict == .correct && verdicts[0].problem == problem.id, "\(verdicts[0])")
        #expect(verdicts[1].verdict != .correct, "\(verdicts[1])")
        #expect(!examiner.request(index, sample: 0).prompt.contains("{{"))
      }
    }
  }

  @Test("where the prompts open a thought, the answer is what follows it")
  func thoughtful() throws {
    let suite = try Self.frozen().suite
    let index = try #require(suite.problems.firstIndex { $0.group == "deduction" })
    func jobs(_ opening: String, _ completion: String) -> [VerificationJob] {
      var prompts = PromptTemplates()
      prompts.solveDeduction = template("{{program}} {{input}}", opening: opening)
      let settings = EvaluationSettings(form: .reasoning, prompts: prompts)
      let examiner = SuiteExaminer(suite: suite, settings: settings, environment: CodeReasoning())
      return examiner.check(index, sample: 0, completion: completion).jobs
    }
    #expect(jobs("<think>", "it is 5</think><answer>```output\n7\n```</answer>") == [.literal("7")])
    #expect(jobs("<think>", "```output\n7\n```").isEmpty)
    #expect(jobs("```output\n", "7\n```") == [.literal("7")])
  }

  // MARK: HumanEval's form

  @Test(
    "a completed function is right exactly if it passes the tests",
    arguments: [
      ("    return x + 1\n", Verdict.correct), ("    return x + 1\n\ndef other():\n    return (", .correct),
      ("    return x", .incorrect), ("    return x + ", .malformed), ("    return y", .raised),
      ("    while True: pass", .timedOut), ("    return 2\nprint(1)", .correct),
    ])
  func functions(body: String, verdict: Verdict) async throws {
    let suite = try Self.read(Self.function)
    #expect(suite.form == .functions)
    let settings = EvaluationSettings(form: .functions, prompts: PromptTemplates())
    let examiner = SuiteExaminer(suite: suite, settings: settings, environment: CodeReasoning())
    try await withRealVerifier(settings.limits.verifier) { real in
      let answer = try await real.decide(examiner.check(0, sample: 3, completion: body))
      #expect(answer.verdict == verdict, "\(answer)")
      #expect(answer.problem == "T/0" && answer.group == "function" && answer.sample == 3)
    }
  }

  @Test("a function that is called f may call itself")
  func recursive() async throws {
    let suite = try Self.read(
      #"{"task_id":"T/1","prompt":"def f(n):\n","entry_point":"f","test":"def check(candidate):\n    assert candidate(4) == 24\n"}"#
    )
    let settings = EvaluationSettings(form: .functions, prompts: PromptTemplates())
    let examiner = SuiteExaminer(suite: suite, settings: settings, environment: CodeReasoning())
    try await withRealVerifier(settings.limits.verifier) { real in
      for (factor, verdict) in [("n", Verdict.correct), ("2", .incorrect)] {
        let body = "    return 1 if n == 0 else \(factor) * f(n - 1)\n"
        let answer = try await real.decide(examiner.check(0, sample: 0, completion: body))
        #expect(answer.verdict == verdict)
      }
    }
  }

  @Test("a completion ends before the first stop")
  func bodies() {
    #expect(FunctionProblem.body("    return 1\n\ndef g():\n    pass") == "    return 1\n")
    #expect(
      FunctionProblem.body("    x = 1\n    if x:\n        return 2\n# end\nprint(3)")
        == "    x = 1\n    if x:\n        return 2")
    #expect(FunctionProblem.body("") == "")
  }

  // MARK: Malformed suites

  @Test(
    "a malformed suite is refused with file, line and key",
    arguments: [
      ("", "test.jsonl: it has no problem"),
      ("[1]", "test.jsonl:1: not a JSON object"),
      (reasoning + "\n{", "test.jsonl:2: not a JSON object"),
      (#"{"id": "a"}"#, "test.jsonl:1: neither a problem of HumanEval's form"),
      (reasoning + "\n\n" + reasoning, "test.jsonl:3: id: 'a' is on line 1 too"),
      (reasoning.replacing("deduction", with: "seduction"), "test.jsonl:1: kind: 'seduction'; allowed are deduction"),
      (
        reasoning.replacing("\"level\":2", with: "\"level\":0"),
        "test.jsonl:1: level: missing, or no number from 1 to 99"
      ),
      (
        reasoning.replacing("deduction", with: "induction"), "test.jsonl:1: pairs: 1 of them; induction has two or more"
      ),
      (
        reasoning.replacing("\"input\":\"1\",", with: ""),
        "test.jsonl:1: pairs: number 1 lacks the text input or output"
      ),
      (function + "\n" + reasoning, "test.jsonl:2: entry_point: missing"),
      (function.replacing("\"inc\"", with: "\"check\""), "test.jsonl:1: entry_point: 'check' cannot be tested"),
      (function.replacing("\"inc\"", with: "\"a.b\""), "test.jsonl:1: entry_point: 'a.b' cannot be tested"),
      (function.replacing("def check", with: "def test"), "test.jsonl:1: test: it does not define check(candidate)"),
      (function.replacing("def inc", with: "def dec"), "test.jsonl:1: prompt: it does not define the entry_point inc"),
      (function.replacing("\"T/0\"", with: "7"), "test.jsonl:1: task_id: not a text"),
    ])
  func malformed(text: String, message: String) {
    let error = #expect(throws: SuiteError.self) { try Self.read(text) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
  }

  @Test("a suite's digest is that of its bytes, and a part keeps it")
  func digest() throws {
    let suite = try Self.read(Self.reasoning + "\n")
    #expect(suite.digest == sha256(Data((Self.reasoning + "\n").utf8)))
    let frozen = try Self.frozen().suite
    #expect(frozen.prefix(5).problems.count == 5 && frozen.prefix(5).digest == frozen.digest)
  }
}

extension SuiteProblem {
  fileprivate var problem: Problem {
    guard case .problem(let problem) = content else { preconditionFailure("\(id) is a function") }
    return problem
  }
  fileprivate var program: String { problem.program }
  fileprivate var pairs: [Pair] { problem.pairs }
}

extension Array {
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
