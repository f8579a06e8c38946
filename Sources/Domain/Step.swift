/// The unit the daemon performs and commits: its events are appended in one transaction, in the order of the slots.
package enum Step: Hashable, Sendable {
  case begin(IterationStarted)
  /// Sample proposals.
  case propose([ProposalPlan])
  /// Verify the proposals made in the step before.
  case verifyProposals([IterationLedger.ProposalEntry])
  /// Let accepted problems into the buffers.
  case admit([ProposalID])
  /// Sample attempts.
  case attempt(Purpose, [AttemptPlan])
  /// Verify the attempts made in the step before.
  case verifyAttempts([VerificationPlan])
  /// One training step on the iteration's samples, which the learner reads from the log.
  case update(iteration: Int)
  /// Record the conditions that the iterations so far begin and end.
  case assess(began: [ConditionChange], ended: [ConditionChange])
  case checkpoint
  case pause(reason: String)
  case resume(reason: String)
  case stop(reason: String)

  /// A proposal to be sampled: what it is shown was decided by the experiment.
  package struct ProposalPlan: Hashable, Sendable {
    package var id: ProposalID
    package var references: [ProblemBuffer.Entry]
    /// Induction: the problem whose program is given.
    package var program: ProblemBuffer.Entry?
    /// The problems whose functions it is given to build upon; none for most.
    package var functions: [ProblemBuffer.Entry]
    /// Those functions as the prompt shows them; made from `functions` by the environment before it prompts.
    package var given: [GivenFunction] = []

    package init(
      id: ProposalID, references: [ProblemBuffer.Entry], program: ProblemBuffer.Entry?,
      functions: [ProblemBuffer.Entry] = []
    ) {
      self.id = id
      self.references = references
      self.program = program
      self.functions = functions
    }
  }

  /// An attempt to be sampled.
  package struct AttemptPlan: Hashable, Sendable {
    package var id: AttemptID
    package var problem: ProblemBuffer.Entry

    package init(id: AttemptID, problem: ProblemBuffer.Entry) {
      self.id = id
      self.problem = problem
    }
  }

  /// An attempt to be checked.
  package struct VerificationPlan: Hashable, Sendable {
    package var attempt: IterationLedger.AttemptEntry
    package var problem: Problem
  }

  /// Stable name for logs, progress lines and `log.appends`.
  package var name: String {
    switch self {
    case .begin: "begin"
    case .propose: "propose"
    case .verifyProposals: "verify proposals"
    case .admit: "admit"
    case .attempt(let purpose, _): purpose.rawValue
    case .verifyAttempts: "verify attempts"
    case .update: "update"
    case .assess: "assess"
    case .checkpoint: "checkpoint"
    case .pause: "pause"
    case .resume: "resume"
    case .stop: "stop"
    }
  }
}
