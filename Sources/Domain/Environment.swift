/// A family of self-play: how its roles are prompted, how their completions are read, and how answers are checked.
///
/// Everything here is pure. An environment turns completions into jobs for the verifier and the verifier's outcomes into
/// decisions; the daemon carries them to and fro.
package protocol Environment: Sendable {
  /// The prompt of a proposal.
  func request(for plan: Step.ProposalPlan, in experiment: Experiment) -> GenerationRequest
  /// The prompt of an attempt.
  func request(for plan: Step.AttemptPlan, in experiment: Experiment) -> GenerationRequest
  /// What must be run to accept or refuse a proposal.
  ///
  /// - Parameters:
  ///   - completion: the decoded tokens.
  ///   - program: induction: the problem whose program was given.
  func check(
    proposal: ProposalMade, completion: String, program: Problem?, settings: ExperimentSettings
  ) -> Check<ProposalVerified>
  /// What must be run to judge an attempt.
  func check(
    attempt: AttemptMade, at problem: Problem, completion: String, settings: ExperimentSettings
  ) -> Check<AttemptVerified>
}

/// A decision that is clear from the text alone, or one that waits for the verifier.
package enum Check<Decision: Sendable>: Sendable {
  case decided(Decision)
  /// The judge gets one verification per job, in the order of the jobs.
  case verify([VerificationJob], judge: @Sendable ([Verification]) -> Decision)

  /// The jobs to run; none if decided.
  package var jobs: [VerificationJob] {
    switch self {
    case .decided: []
    case .verify(let jobs, _): jobs
    }
  }

  /// The decision, given the results of `jobs`.
  package func decision(_ results: [Verification]) -> Decision {
    switch self {
    case .decided(let decision): return decision
    case .verify(let jobs, let judge):
      precondition(jobs.count == results.count, "\(jobs.count) jobs, \(results.count) results")
      return judge(results)
    }
  }
}

extension Check {
  /// The same jobs with a decision made from this one's.
  package func map<Other: Sendable>(_ transform: @escaping @Sendable (Decision) -> Other) -> Check<Other> {
    switch self {
    case .decided(let decision): .decided(transform(decision))
    case .verify(let jobs, let judge): .verify(jobs) { transform(judge($0)) }
    }
  }
}
