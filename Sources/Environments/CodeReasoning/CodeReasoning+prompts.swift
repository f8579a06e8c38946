import Domain

extension CodeReasoning {
  package func request(for plan: Step.ProposalPlan, in experiment: Experiment) -> GenerationRequest {
    let settings = experiment.settings
    let template = settings.prompts[.proposer, plan.id.kind]
    let references = plan.references.map { render(template.item, places(of: $0.problem)) }.joined()
    let values = [
      "references": references, "program": plan.program?.problem.program ?? "",
      "input": plan.program?.problem.pairs[0].input ?? "", "inputs": String(settings.play.inputs),
      "functions": shown(plan.given, template),
    ]
    return GenerationRequest(
      prompt: render(template.text, values) + template.opening,
      sampling: sampling(settings.proposer, template), key: experiment.key(of: plan.id))
  }

  package func request(for plan: Step.AttemptPlan, in experiment: Experiment) -> GenerationRequest {
    let settings = experiment.settings
    let template = settings.prompts[.solver, plan.id.kind]
    var values = places(of: plan.problem.problem)
    let pairs = plan.problem.problem.shownPairs.map {
      render(template.item, ["input": $0.input, "output": $0.output])
    }
    values["pairs"] = pairs.joined()
    return GenerationRequest(
      prompt: render(template.text, values) + template.opening,
      sampling: sampling(settings.solver.sampling(for: plan.id.purpose), template), key: experiment.key(of: plan.id))
  }

  private func sampling(_ role: RoleSettings, _ template: PromptTemplate) -> Sampling {
    Sampling(temperature: role.temperature, tokensMax: role.tokensMax, stops: template.stops)
  }

  /// What a template may show of a problem. `inputs` has one argument list per line.
  private func places(of problem: Problem) -> [String: String] {
    [
      "program": problem.program, "input": problem.pairs[0].input, "output": problem.pairs[0].output,
      "message": problem.message, "inputs": problem.pairs.map(\.input).joined(separator: "\n"),
    ]
  }
}
