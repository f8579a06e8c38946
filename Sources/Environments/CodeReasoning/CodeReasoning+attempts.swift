import Domain

/// How an answer is read and judged (paper Eq. 5, §3.2): by value, never by evaluating the answer beside the program.
extension CodeReasoning {
  package func check(
    attempt: AttemptMade, at problem: Problem, completion: String, settings: ExperimentSettings
  ) -> Check<AttemptVerified> {
    let text = settings.prompts[.solver, problem.kind].opening + completion
    let reading = Reading(text, settings.play)
    let judged = Judgement(attempt: attempt, equality: settings.verifier.equality)
    guard reading.isFormatted else { return .decided(judged.malformed(ThoughtfulText.complaint)) }
    switch problem.kind {
    case .deduction: return deduction(problem, reading.last("output", settings.play), judged)
    case .abduction: return abduction(problem, reading.last("input", settings.play), judged)
    case .induction: return induction(problem, reading.blocks, judged)
    }
  }

  /// The answer is a literal; right if it is the value the program returns.
  private func deduction(_ problem: Problem, _ answer: String?, _ judged: Judgement) -> Check<AttemptVerified> {
    guard let answer else { return .decided(judged.malformed("no closed ```output block with an answer")) }
    return .verify([.literal(answer)]) { results in
      judged.compare(results[0].outcomes, with: [problem.pairs[0].output], answer: answer, showsValue: true)
    }
  }

  /// The answer is an argument list of literals; any input is right for which the program returns the output.
  private func abduction(_ problem: Problem, _ answer: String?, _ judged: Judgement) -> Check<AttemptVerified> {
    guard let answer else { return .decided(judged.malformed("no closed ```input block with an answer")) }
    return .verify([.run(program: problem.program, inputs: [answer])]) { results in
      judged.compare(results[0].outcomes, with: [problem.pairs[0].output], answer: answer)
    }
  }

  /// The answer is a program; right if it reproduces every hidden pair.
  private func induction(
    _ problem: Problem, _ blocks: [FencedBlock], _ judged: Judgement
  ) -> Check<AttemptVerified> {
    guard let program = blocks.last(where: { $0.language == "python" || $0.language.isEmpty })?.program else {
      return .decided(judged.malformed("no closed ```python block with a program"))
    }
    let hidden = Array(problem.hiddenPairs)
    return .verify([.run(program: program, inputs: hidden.map(\.input))]) { results in
      judged.compare(results[0].outcomes, with: hidden.map(\.output), answer: program)
    }
  }
}

/// Builds the verdict of one attempt.
private struct Judgement: Sendable {
  var attempt: AttemptMade
  var equality: VerifierSettings.Equality

  private func isExpected(_ value: String, _ expected: String) -> Bool {
    equality.holds(for: value, and: expected)
  }

  func verdict(_ verdict: Verdict, _ answer: String, _ detail: String = "") -> AttemptVerified {
    AttemptVerified(
      attempt: attempt.attempt, problem: attempt.problem, verdict: verdict, answer: answer, detail: detail)
  }

  func malformed(_ detail: String) -> AttemptVerified { verdict(.malformed, "", detail) }

  /// Correct if every outcome is the expected value; otherwise the first difference decides.
  ///
  /// - Parameter showsValue: record the canonical value as the answer, not the text it was written as.
  func compare(
    _ outcomes: [VerificationOutcome], with expected: [String], answer: String, showsValue: Bool = false
  ) -> AttemptVerified {
    precondition(outcomes.count == expected.count, "\(outcomes.count) outcomes, \(expected.count) expected")
    var answer = answer
    for (outcome, expected) in zip(outcomes, expected) {
      switch outcome {
      case .value(let value, _):
        if showsValue { answer = value }
        if !isExpected(value, expected) { return verdict(.incorrect, answer, "got \(value), expected \(expected)") }
      case .malformed(let detail), .malformedInput(let detail): return malformed(detail)
      case .raised(let detail): return verdict(.raised, answer, detail)
      case .timedOut: return verdict(.timedOut, answer)
      case .outOfMemory: return verdict(.outOfMemory, answer)
      case .tooLarge(let detail), .unsupported(let detail): return verdict(.incorrect, answer, detail)
      case .nondeterministic(let detail): return verdict(.nondeterministic, answer, detail)
      case .forbidden(let detail): return verdict(.forbidden, answer, detail)
      case .composed, .uncomposed, .measured: preconditionFailure("\(outcome) of an answer")
      }
    }
    return verdict(.correct, answer)
  }
}
