import Domain
import Environments
import Testing

/// Completions that think before they answer (`play.thinking`): the published code's extraction and format check.
@Suite("Thinking before answering")
struct ThinkingTests {
  private static func thinking(_ change: (inout PlaySettings) -> Void = { _ in }) -> ExperimentSettings {
    var thinking = settings
    thinking.play.thinking = true
    change(&thinking.play)
    for path in [\PromptTemplates.proposeDeduction, \.proposeInduction, \.solveDeduction, \.solveInduction] {
      thinking.prompts[keyPath: path].opening = "<think>"
    }
    return thinking
  }

  private let deduction = Problem(kind: .deduction, program: modulo, pairs: [Pair(input: "7", output: "1")])
  private let triplet = "```python\n\(modulo)\n```\n```input\n7\n```\n"

  private func answer(_ completion: String) -> [VerificationJob] {
    check(deduction, attempt: completion, Self.thinking()).jobs
  }

  @Test("the answer is read, the thoughts are not, and text after the answer is allowed")
  func plain() {
    let completion = "is it\n```output\n5\n```\n? No.</think>\n<answer>\n```output\n1\n```\n</answer> I am sure."
    #expect(answer(completion) == [.literal("1")])
  }

  @Test("of several answers the last is read, and of its blocks the last")
  func severalAnswers() {
    let completion =
      "a</think><answer>```output\n5\n```</answer> or <answer>```output\n6\n```\n```output\n1\n```</answer>"
    #expect(answer(completion) == [.literal("1")])
  }

  @Test("an answer without a fence is the answer")
  func withoutFence() {
    #expect(answer("a</think><answer> {'a': 1}\n</answer>") == [.literal("{'a': 1}")])
    #expect(check(deduction, attempt: "a</think><answer> </answer>", Self.thinking()).decision?.verdict == .malformed)
  }

  @Test("a thought may hold tags, and what ends it is what an answer follows")
  func tagsInThoughts() {
    #expect(answer("one </think> two <answer>5</answer> three </think> <answer>1</answer>") == [.literal("1")])
  }

  @Test(
    "an answer of another form is malformed, and nothing is run",
    arguments: [
      "```output\n1\n```", "a</think>```output\n1\n```", "a</think> so <answer>1</answer>",
      "a<answer>1</answer></think>", "a</think><answer>1", "<answer>1</answer>", "",
    ])
  func unformatted(completion: String) {
    let check = check(deduction, attempt: completion, Self.thinking())
    #expect(check.jobs.isEmpty && check.decision?.verdict == .malformed)
  }

  @Test("without the setting the tags mean nothing")
  func off() {
    #expect(check(deduction, attempt: "a<answer>```output\n1\n```").jobs == [.literal("1")])
  }

  @Test("a well-formed proposal is what stands in its answer")
  func proposal() {
    let check = check(
      .deduction, proposal: "```python\ndef f(): 1\n```</think><answer>\(triplet)</answer>", Self.thinking())
    #expect(check.jobs == [.run(program: modulo, inputs: ["7"])])
    let verified = decided(check, [.value("1", input: "7")])
    #expect(verified.problem != nil && verified.unformatted == nil)
  }

  @Test("a valid proposal of another form enters the buffer and is paid as malformed, or is refused")
  func unformattedProposal() {
    let completion = "no end <answer>\(triplet)</answer>"
    let accepted = decided(check(.deduction, proposal: completion, Self.thinking()), [.value("1", input: "7")])
    #expect(accepted.problem?.program == modulo && accepted.unformatted == true)
    #expect(RewardSettings().proposer(accepted, probes: SolveCount(attempts: 8, correct: 1)) == -1)
    let refusing = check(.deduction, proposal: completion, Self.thinking { $0.unformatted = .refuse })
    #expect(refusing.jobs.isEmpty && refusing.decision?.refusal == .malformed)
  }

  @Test("seeding reads the whole text and asks for no form")
  func seeding() {
    let made = ProposalMade(
      proposal: ProposalID(iteration: 0, kind: .deduction, slot: 1), references: [], program: nil)
    let read = CodeReasoning().check(
      proposal: made, completion: "so ```python\n\(modulo)\n```\n```input\n7\n```\n",
      material: ProposalMaterial(), settings: Self.thinking())
    #expect(decided(read, [.value("1", input: "7")]).unformatted == nil)
  }
}
