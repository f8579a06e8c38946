/// What happened, in the past tense (architecture §4.2): facts and decisions, never a value that can be computed again
/// from the log.
///
/// One case per event type; the body is a struct whose JSON (keys in snake case, sorted) is what the log stores. Evolving
/// a body means a new schema version and an upcast at the edge (`EventCoding`); recorded events are never edited.
package enum Event: Hashable, Sendable {
  // Life
  case experimentCreated(ExperimentCreated)
  case experimentForked(ExperimentForked)
  case shadowStarted(ShadowStarted)
  case experimentStarted(ExperimentStarted)
  case pauseRequested(ControlRequest)
  case experimentPaused(LifeChange)
  case resumeRequested(ControlRequest)
  case experimentResumed(LifeChange)
  case stopRequested(ControlRequest)
  case experimentStopped(LifeChange)
  case experimentFailed(ExperimentFailed)
  case experimentAnnotated(ExperimentAnnotated)
  // Play
  case iterationStarted(IterationStarted)
  case proposalMade(ProposalMade)
  case proposalVerified(ProposalVerified)
  case attemptMade(AttemptMade)
  case attemptVerified(AttemptVerified)
  case problemAdmitted(ProblemAdmitted)
  // Learning
  case weightsUpdated(WeightsUpdated)
  case updateSkipped(UpdateSkipped)
  case conditionBegan(ConditionChange)
  case conditionEnded(ConditionChange)
  case checkpointSaved(Checkpoint)
  // Evaluation, in streams of their own
  case evaluationStarted(EvaluationStarted)
  case answerEvaluated(AnswerEvaluated)
  case evaluationCompleted(EvaluationCompleted)
  // Curriculum
  case curriculumChosen(CurriculumChosen)
  case updateTried(UpdateTried)
}

/// The first event of every experiment: all that is needed to play it again.
package struct ExperimentCreated: Hashable, Codable, Sendable {
  package var name: String
  package var settings: ExperimentSettings
  /// SHA-256 of the prompt templates' canonical JSON.
  package var promptsDigest: String
  /// A shadow learner: name of the experiment whose samples it learns from. A fork says its parent in `ExperimentForked`.
  package var parent: String?

  package init(name: String, settings: ExperimentSettings, promptsDigest: String, parent: String? = nil) {
    self.name = name
    self.settings = settings
    self.promptsDigest = promptsDigest
    self.parent = parent
  }
}

/// The first event of a fork's own: up to `parentVersion` its history is the parent's, by reference and not copied; from
/// here on it is its own, under these settings (docs/decisions/0006-fork.md).
package struct ExperimentForked: Hashable, Codable, Sendable {
  package var name: String
  /// Name and id of the experiment it was forked from.
  package var parent: String
  package var parentExperiment: ExperimentID
  /// The last event that is shared: its version, and its position in the log.
  package var parentVersion: Int64
  package var parentPosition: Int64
  /// What was changed, for people: `key: old → new`.
  package var changes: [String]
  /// Every setting from here on, resolved.
  package var settings: ExperimentSettings

  package init(
    name: String, parent: String, parentExperiment: ExperimentID, parentVersion: Int64, parentPosition: Int64,
    changes: [String], settings: ExperimentSettings
  ) {
    self.name = name
    self.parent = parent
    self.parentExperiment = parentExperiment
    self.parentVersion = parentVersion
    self.parentPosition = parentPosition
    self.changes = changes
    self.settings = settings
  }
}

/// The experiment plays nothing: it is another learner over the recorded samples of `source`, whose updates follow. What was
/// sampled by other weights than the learner's shows in their importance ratios.
package struct ShadowStarted: Hashable, Codable, Sendable {
  package var source: String
  package var sourceExperiment: ExperimentID
  /// The last event of the source that is learned from: its version.
  package var sourceVersion: Int64
  package var numericsProfile: String

  package init(source: String, sourceExperiment: ExperimentID, sourceVersion: Int64, numericsProfile: String) {
    self.source = source
    self.sourceExperiment = sourceExperiment
    self.sourceVersion = sourceVersion
    self.numericsProfile = numericsProfile
  }
}

/// A process began to work on the experiment.
package struct ExperimentStarted: Hashable, Codable, Sendable {
  package var host: String
  package var process: Int
  package var software: String
  /// What decides the bits of a result on this machine: engine version, kernels, BLAS, CPU features.
  package var numericsProfile: String
  package var epoch: Int

  package init(host: String, process: Int, software: String, numericsProfile: String, epoch: Int) {
    self.host = host
    self.process = process
    self.software = software
    self.numericsProfile = numericsProfile
    self.epoch = epoch
  }
}

/// Somebody asked for a pause, a resumption or a stop. Appended by the CLI; obeyed at the next step boundary.
package struct ControlRequest: Hashable, Codable, Sendable {
  package var reason: String
  /// Who asked: user and host, or the signal.
  package var by: String

  package init(reason: String, by: String) {
    self.reason = reason
    self.by = by
  }
}

/// The experiment obeyed.
package struct LifeChange: Hashable, Codable, Sendable {
  package var iteration: Int
  package var policyVersion: PolicyVersion
  package var reason: String

  package init(iteration: Int, policyVersion: PolicyVersion, reason: String) {
    self.iteration = iteration
    self.policyVersion = policyVersion
    self.reason = reason
  }
}

/// The experiment cannot go on by itself: a bug, or a machine that fails. Nothing was scored (promise P8).
package struct ExperimentFailed: Hashable, Codable, Sendable {
  package var step: String
  package var error: String

  package init(step: String, error: String) {
    self.step = step
    self.error = error
  }
}

/// An iteration began. Iteration 0 is seeding, in rounds, without updates; self-play is 1, 2, ….
package struct IterationStarted: Hashable, Codable, Sendable {
  package var iteration: Int
  /// Seeding round, from 0; always 0 in self-play.
  package var round: Int
  package var policyVersion: PolicyVersion

  package init(iteration: Int, round: Int, policyVersion: PolicyVersion) {
    self.iteration = iteration
    self.round = round
    self.policyVersion = policyVersion
  }
}

/// The policy wrote a proposal; its tokens are in `log.generations` at the same position.
package struct ProposalMade: Hashable, Codable, Sendable {
  package var proposal: ProposalID
  /// The problems it was shown.
  package var references: [ProposalID]
  /// Induction: the problem whose program it was given.
  package var program: ProposalID?
  /// The problems whose functions it was given as g_0, g_1, …; absent for most.
  package var functions: [ProposalID]?

  package init(
    proposal: ProposalID, references: [ProposalID], program: ProposalID?, functions: [ProposalID]? = nil
  ) {
    self.proposal = proposal
    self.references = references
    self.program = program
    self.functions = functions
  }
}

/// A proposal was accepted with its canonical problem, or refused with a reason.
package struct ProposalVerified: Hashable, Codable, Sendable {
  package var proposal: ProposalID
  package var problem: Problem?
  package var refusal: Refusal?
  /// The verifier's explanation of a refusal; for a duplicate, the problem it repeats.
  package var detail: String
  /// True if the problem was accepted although the completion is not of the form asked for; absent otherwise.
  package var unformatted: Bool?
  /// What intrinsic rewards are paid for, where they are on and the problem is accepted; absent otherwise.
  package var measures: ProgramMeasures?
  package var earlier: EarlierValues?

  package init(
    proposal: ProposalID, problem: Problem?, refusal: Refusal?, detail: String, unformatted: Bool? = nil,
    measures: ProgramMeasures? = nil, earlier: EarlierValues? = nil
  ) {
    precondition((problem == nil) == (refusal != nil), "accepted or refused")
    self.proposal = proposal
    self.problem = problem
    self.refusal = refusal
    self.detail = detail
    self.unformatted = unformatted
    self.measures = measures
    self.earlier = earlier
  }
}

/// The policy answered a problem; its tokens are in `log.generations` at the same position.
package struct AttemptMade: Hashable, Codable, Sendable {
  package var attempt: AttemptID
  package var problem: ProposalID

  package init(attempt: AttemptID, problem: ProposalID) {
    self.attempt = attempt
    self.problem = problem
  }
}

/// An answer was checked.
package struct AttemptVerified: Hashable, Codable, Sendable {
  package var attempt: AttemptID
  package var problem: ProposalID
  package var verdict: Verdict
  /// The answer as it was understood: a canonical literal or a program; empty if malformed.
  package var answer: String
  package var detail: String

  package init(attempt: AttemptID, problem: ProposalID, verdict: Verdict, answer: String, detail: String) {
    self.attempt = attempt
    self.problem = problem
    self.verdict = verdict
    self.answer = answer
    self.detail = detail
  }
}

/// A problem entered the buffer of its kind.
package struct ProblemAdmitted: Hashable, Codable, Sendable {
  package var problem: ProposalID

  package init(problem: ProposalID) { self.problem = problem }
}

/// One optimizer step was taken.
package struct WeightsUpdated: Hashable, Codable, Sendable {
  package var fromVersion: PolicyVersion
  package var toVersion: PolicyVersion
  /// SHA-256 of the batch: ids, tokens, recorded log-probabilities and advantages, in order.
  package var batchDigest: String
  /// The proposals and attempts consumed, in batch order.
  package var consumed: [String]
  /// What the baselines were, per kind and role.
  package var groups: [RewardGroup]
  package var outcome: UpdateOutcome

  package init(
    fromVersion: PolicyVersion, toVersion: PolicyVersion, batchDigest: String, consumed: [String],
    groups: [RewardGroup], outcome: UpdateOutcome
  ) {
    self.fromVersion = fromVersion
    self.toVersion = toVersion
    self.batchDigest = batchDigest
    self.consumed = consumed
    self.groups = groups
    self.outcome = outcome
  }
}

/// There was nothing to learn from, the step was not finite, or it was tried and not kept. The policy version stays.
package struct UpdateSkipped: Hashable, Codable, Sendable {
  package var iteration: Int
  package var policyVersion: PolicyVersion
  package var reason: String
  package var groups: [RewardGroup]
  /// Digest of the weights that were trained and not kept (`UpdateTried`); absent where none were.
  package var candidate: String?

  package init(
    iteration: Int, policyVersion: PolicyVersion, reason: String, groups: [RewardGroup], candidate: String? = nil
  ) {
    self.iteration = iteration
    self.policyVersion = policyVersion
    self.reason = reason
    self.groups = groups
    self.candidate = candidate
  }
}
