import Domain

/// Composite proposals (paper App. D.2): functions of earlier problems are shown, and the program must call every one.
extension CodeReasoning {
  /// The functions a proposal is given, each with its new name.
  package func prepare(_ plan: Step.ProposalPlan, settings: ExperimentSettings) -> Check<Step.ProposalPlan> {
    guard !plan.functions.isEmpty else { return .decided(plan) }
    return .verify(renamings(plan.functions.map(\.problem))) { results in
      var prepared = plan
      prepared.given = given(results)
      return prepared
    }
  }

  /// The jobs that make functions of problems' programs.
  func renamings(_ problems: [Problem]) -> [VerificationJob] {
    problems.enumerated().map { .rename(program: $1.program, to: GivenFunction.name($0)) }
  }

  /// Their results. A program that cannot be written out again is not given; it ran when it was accepted, so this is one that
  /// is nested too deeply for it.
  func given(_ results: [Verification]) -> [GivenFunction] {
    results.enumerated().compactMap { place, result in
      guard case .value(let program, _) = result.outcomes[0] else { return nil }
      return GivenFunction(name: GivenFunction.name(place), program: program)
    }
  }

  /// What the prompt shows at `{{functions}}`.
  func shown(_ functions: [GivenFunction], _ template: PromptTemplate) -> String {
    guard !functions.isEmpty else { return "" }
    return render(
      template.functions ?? "",
      [
        "names": functions.map(\.name).joined(separator: ", "),
        "programs": functions.map(\.program).joined(separator: "\n\n"),
      ])
  }
}
