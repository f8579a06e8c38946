import Domain
import Environments
import Foundation
import Testing

@Suite("Prompts")
struct PromptTests {
  private let environment = CodeReasoning()

  private func experiment(_ change: (inout ExperimentSettings) -> Void) -> Experiment {
    var changed = settings
    change(&changed)
    return Experiment(
      id: ExperimentID(rawValue: UUID()),
      created: ExperimentCreated(name: "test", settings: changed, promptsDigest: ""))
  }

  private func entry(_ kind: Kind, _ slot: Int, _ problem: Problem) -> ProblemBuffer.Entry {
    ProblemBuffer.Entry(id: ProposalID(iteration: 1, kind: kind, slot: slot), problem: problem)
  }

  private func problem(_ program: String, _ kind: Kind = .deduction) -> Problem {
    Problem(
      kind: kind, program: program, pairs: (0..<5).map { Pair(input: "i\($0)", output: "o\($0)") }, message: "says")
  }

  @Test("references are written one after the other where the template says so, and the opening comes last")
  func references() {
    let experiment = experiment {
      $0.prompts.proposeDeduction = template(
        "A {{references}}B {{inputs}}", item: "[{{program}}|{{input}}|{{output}}]", opening: "def")
      $0.proposer = RoleSettings(temperature: 0.5, tokensMax: 9)
      $0.prompts.proposeDeduction.stops = ["END"]
    }
    let plan = Step.ProposalPlan(
      id: ProposalID(iteration: 2, kind: .deduction, slot: 1),
      references: [entry(.deduction, 0, problem("p")), entry(.deduction, 1, problem("q"))], program: nil)
    let request = environment.request(for: plan, in: experiment)
    #expect(request.prompt == "A [p|i0|o0][q|i0|o0]B 2def")
    #expect(request.sampling == Sampling(temperature: 0.5, tokensMax: 9, stops: ["END"]))
    #expect(request.key == experiment.key(of: plan.id))
  }

  @Test("a value that looks like a place is left as it is")
  func braces() {
    let program = "def f(x):\n    return {'a': {{x}}, '{{references}}': '{{output}}'}"
    let experiment = experiment { $0.prompts.proposeDeduction = template("{{references}}", item: "{{program}}!") }
    let plan = Step.ProposalPlan(
      id: ProposalID(iteration: 1, kind: .deduction, slot: 1), references: [entry(.deduction, 0, problem(program))],
      program: nil)
    #expect(environment.request(for: plan, in: experiment).prompt == program + "!")
  }

  @Test("braces without an end are text")
  func unfinishedPlace() {
    let experiment = experiment { $0.prompts.proposeDeduction = template("a {{references") }
    let plan = Step.ProposalPlan(
      id: ProposalID(iteration: 1, kind: .deduction, slot: 1), references: [], program: nil)
    #expect(environment.request(for: plan, in: experiment).prompt == "a {{references")
  }

  @Test("an induction proposer is given the program it writes inputs for")
  func inductionProposal() {
    let experiment = experiment { $0.prompts.proposeInduction = template("{{program}} needs {{inputs}}") }
    let plan = Step.ProposalPlan(
      id: ProposalID(iteration: 1, kind: .induction, slot: 1), references: [],
      program: entry(.deduction, 0, problem("p")))
    #expect(environment.request(for: plan, in: experiment).prompt == "p needs 2")
  }

  @Test("a solver is shown its part of the problem only")
  func solver() {
    let experiment = experiment {
      $0.prompts.solveDeduction = template("{{program}} {{input}}")
      $0.prompts.solveAbduction = template("{{program}} {{output}}")
      $0.prompts.solveInduction = template("{{message}}:{{pairs}}", item: " {{input}}->{{output}}")
    }
    func prompt(_ kind: Kind) -> String {
      let plan = Step.AttemptPlan(
        id: attempt(kind).attempt, problem: entry(kind, 0, problem("p", kind)))
      return environment.request(for: plan, in: experiment).prompt
    }
    #expect(prompt(.deduction) == "p i0")
    #expect(prompt(.abduction) == "p o0")
    // Five pairs: two are shown, three decide.
    #expect(prompt(.induction) == "says: i0->o0 i1->o1")
  }
}
