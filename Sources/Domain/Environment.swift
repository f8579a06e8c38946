/// A family of self-play: how its roles are prompted, how their completions are read, and how answers are checked.
///
/// Everything here is pure. An environment turns completions into jobs for the verifier and the verifier's outcomes into
/// decisions; the daemon carries them to and fro.
package protocol Environment: Sendable {
  /// What must be run before a proposal can be prompted: its plan, with everything the prompt shows.
  func prepare(_ plan: Step.ProposalPlan, settings: ExperimentSettings) -> Check<Step.ProposalPlan>
  /// The prompt of a proposal.
  func request(for plan: Step.ProposalPlan, in experiment: Experiment) -> GenerationRequest
  /// The prompt of an attempt.
  func request(for plan: Step.AttemptPlan, in experiment: Experiment) -> GenerationRequest
  /// What must be run to accept or refuse a proposal.
  ///
  /// - Parameters:
  ///   - completion: the decoded tokens.
  ///   - material: what the proposer was given.
  func check(
    proposal: ProposalMade, completion: String, material: ProposalMaterial, settings: ExperimentSettings
  ) -> Check<ProposalVerified>
  /// What must be run to judge an attempt.
  func check(
    attempt: AttemptMade, at problem: Problem, completion: String, settings: ExperimentSettings
  ) -> Check<AttemptVerified>
}

/// The problems behind a proposal's prompt, as far as its check may need them.
package struct ProposalMaterial: Hashable, Sendable {
  /// Induction: the problem whose program was given.
  package var program: Problem?
  /// What it was shown, where a distance from them is paid for; empty otherwise.
  package var references: [Problem]
  /// The problems whose functions it was given.
  package var functions: [Problem]

  package init(program: Problem? = nil, references: [Problem] = [], functions: [Problem] = []) {
    self.program = program
    self.references = references
    self.functions = functions
  }

  /// Of a proposal of this experiment's iteration in progress.
  package init(_ made: ProposalMade, in experiment: Experiment) {
    program = made.program.map { experiment.problem($0) }
    references = experiment.settings.intrinsic.needsMeasures ? made.references.map { experiment.problem($0) } : []
    functions = (made.functions ?? []).map { experiment.problem($0) }
  }
}

extension Environment {
  /// Nothing is to be run.
  package func prepare(_ plan: Step.ProposalPlan, settings: ExperimentSettings) -> Check<Step.ProposalPlan> {
    .decided(plan)
  }
}

/// A decision that is clear from the text alone, or one that waits for the verifier.
package indirect enum Check<Decision: Sendable>: Sendable {
  case decided(Decision)
  /// What is to be checked depends on the verifier's results of these jobs, in their order.
  case prepare([VerificationJob], next: @Sendable ([Verification]) -> Check<Decision>)
  /// The judge gets one verification per job, in the order of the jobs.
  case verify([VerificationJob], judge: @Sendable ([Verification]) -> Decision)

  /// The jobs to run; none if decided.
  package var jobs: [VerificationJob] {
    switch self {
    case .decided: []
    case .verify(let jobs, _), .prepare(let jobs, _): jobs
    }
  }

  /// What is left to check, given the results of `jobs`.
  package func advanced(_ results: [Verification]) -> Check<Decision> {
    precondition(jobs.count == results.count, "\(jobs.count) jobs, \(results.count) results")
    switch self {
    case .decided: return self
    case .verify(_, let judge): return .decided(judge(results))
    case .prepare(_, let next): return next(results)
    }
  }

  /// The decision; nil while it waits for the verifier.
  package var decision: Decision? {
    if case .decided(let decision) = self { decision } else { nil }
  }

  /// The decision, given the results of `jobs`.
  ///
  /// - Precondition: nothing is left to check after them.
  package func decision(_ results: [Verification]) -> Decision {
    guard let decision = advanced(results).decision else { preconditionFailure("a check of more than one stage") }
    return decision
  }
}

extension Check {
  /// The same jobs with a decision made from this one's.
  package func map<Other: Sendable>(_ transform: @escaping @Sendable (Decision) -> Other) -> Check<Other> {
    switch self {
    case .decided(let decision): .decided(transform(decision))
    case .verify(let jobs, let judge): .verify(jobs) { transform(judge($0)) }
    case .prepare(let jobs, let next): .prepare(jobs) { next($0).map(transform) }
    }
  }
}
