/// The events of an evaluation: weights on a frozen suite, in a stream of its own that names what was evaluated. An
/// experiment's stream holds none of them, so no evaluation can enter training or change what an experiment computes.

/// Everything that decides the answers of an evaluation. Equal plans have equal answers on one numerics profile.
package struct EvaluationPlan: Hashable, Codable, Sendable {
  /// SHA-256 of the suite's content.
  package var suiteDigest: String
  /// How many of its problems, from the first on.
  package var problems: Int
  /// SHA-256 of how the problems are put: the templates, or the stops of a completed prompt.
  package var promptsDigest: String
  /// SHA-256 of all weights as float32, adapters merged.
  package var weightsDigest: String
  /// Answers to each problem.
  package var samples: Int
  /// 0 takes the likeliest token each time: pass@1 greedy.
  package var temperature: Double
  package var tokensMax: Int
  package var seed: Seed
  package var limits: EvaluationLimits
  package var numericsProfile: String

  package init(
    suiteDigest: String, problems: Int, promptsDigest: String, weightsDigest: String, samples: Int, temperature: Double,
    tokensMax: Int, seed: Seed, limits: EvaluationLimits, numericsProfile: String
  ) {
    self.suiteDigest = suiteDigest
    self.problems = problems
    self.promptsDigest = promptsDigest
    self.weightsDigest = weightsDigest
    self.samples = samples
    self.temperature = temperature
    self.tokensMax = tokensMax
    self.seed = seed
    self.limits = limits
    self.numericsProfile = numericsProfile
  }

  /// SHA-256 of the plan's canonical JSON: what an evaluation is found again by.
  package var digest: String { sha256(EventCoding.json(self)) }
  /// Answers in all.
  package var answers: Int { problems * samples }
}

/// What decides the verdicts of an evaluation: of the settings of a verifier those that were there when suites were frozen, so
/// that a setting which is added later changes no plan.
package struct EvaluationLimits: Hashable, Codable, Sendable {
  /// Processor time of one call.
  package var seconds: Double
  package var memoryMib: Int
  package var valueBytesMax: Int
  package var bannedModules: [String]
  /// Whether programs are refused for what they import and name before they run. The sandbox holds without.
  package var isScreened: Bool
  package var equality: VerifierSettings.Equality

  package init(
    seconds: Double, memoryMib: Int, valueBytesMax: Int, bannedModules: [String], isScreened: Bool,
    equality: VerifierSettings.Equality
  ) {
    self.seconds = seconds
    self.memoryMib = memoryMib
    self.valueBytesMax = valueBytesMax
    self.bannedModules = bannedModules
    self.isScreened = isScreened
    self.equality = equality
  }

  /// As a verifier takes them.
  package var verifier: VerifierSettings {
    var settings = VerifierSettings()
    settings.seconds = seconds
    settings.memoryMib = memoryMib
    settings.valueBytesMax = valueBytesMax
    settings.bannedModules = bannedModules
    settings.equality = equality
    return settings
  }
}

/// Whose weights are evaluated.
package struct EvaluationSubject: Hashable, Codable, Sendable {
  /// The experiment's or the model's name.
  package var name: String
  /// nil for a model as published.
  package var experiment: ExperimentID?
  package var policyVersion: PolicyVersion

  package init(name: String, experiment: ExperimentID?, policyVersion: PolicyVersion) {
    self.name = name
    self.experiment = experiment
    self.policyVersion = policyVersion
  }

  /// For people.
  package var title: String { experiment == nil ? name : "\(name) version \(policyVersion)" }
}

/// The first event of an evaluation's stream.
package struct EvaluationStarted: Hashable, Codable, Sendable {
  package var subject: EvaluationSubject
  /// The suite's name; its content is known by the plan's digest.
  package var suite: String
  package var plan: EvaluationPlan
  package var software: String

  package init(subject: EvaluationSubject, suite: String, plan: EvaluationPlan, software: String) {
    self.subject = subject
    self.suite = suite
    self.plan = plan
    self.software = software
  }
}

/// One answer to one problem was sampled and checked; its tokens are in `log.generations` at the same position.
package struct AnswerEvaluated: Hashable, Codable, Sendable {
  /// The problem's name in the suite.
  package var problem: String
  /// The kind of problem, or the suite's word for it.
  package var group: String
  /// Graded difficulty from 1, where the suite has one.
  package var level: Int?
  package var sample: Int
  package var verdict: Verdict
  /// The answer as it was understood; empty if malformed.
  package var answer: String
  package var detail: String

  package init(
    problem: String, group: String, level: Int?, sample: Int, verdict: Verdict, answer: String, detail: String
  ) {
    self.problem = problem
    self.group = group
    self.level = level
    self.sample = sample
    self.verdict = verdict
    self.answer = answer
    self.detail = detail
  }
}

/// Every problem has its answers.
package struct EvaluationCompleted: Hashable, Codable, Sendable {
  package var answers: Int
  /// SHA-256 chain over all answers with their tokens and log-probabilities, in order.
  package var answersDigest: String

  package init(answers: Int, answersDigest: String) {
    self.answers = answers
    self.answersDigest = answersDigest
  }
}
