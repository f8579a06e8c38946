import Domain
import Engine
import Environments
import EventLog
import Foundation
import Settings

/// Puts an evaluation together: finds the weights and the prompts, and performs what the log does not have yet.
/// `autodidact evaluate` calls it.
package struct EvaluationDesk: Sendable {
  private let open: OpenLog
  private let threads: Int?

  package init(_ open: OpenLog, threads: Int?) {
    self.open = open
    self.threads = threads
  }

  /// What is asked for.
  package struct Request: Sendable {
    /// A model's name or path, or an experiment's name.
    package var name: String
    /// Of an experiment; nil for the newest.
    package var version: PolicyVersion?
    package var suite: Suite
    /// nil for the experiment's own; of a model, for those of the completion style.
    package var prompts: PromptTemplates?
    /// Answers a problem besides the greedy one; 0 for none.
    package var samples: Int
    package var temperature: Double
    package var tokensMax: Int?
    package var seed: UInt64

    package init(
      name: String, version: PolicyVersion?, suite: Suite, prompts: PromptTemplates?, samples: Int, temperature: Double,
      tokensMax: Int?, seed: UInt64
    ) {
      self.name = name
      self.version = version
      self.suite = suite
      self.prompts = prompts
      self.samples = samples
      self.temperature = temperature
      self.tokensMax = tokensMax
      self.seed = seed
    }

    /// The greedy answers, then the sampled ones.
    fileprivate func settings(_ prompts: PromptTemplates) -> [EvaluationSettings] {
      var greedy = EvaluationSettings(form: suite.form, prompts: prompts, tokensMax: tokensMax, seed: seed)
      // Nothing is drawn: the same answers, whatever the seed.
      greedy.seed = 0
      guard samples > 0 else { return [greedy] }
      return [
        greedy,
        EvaluationSettings(
          form: suite.form, prompts: prompts, samples: samples, temperature: temperature, tokensMax: tokensMax,
          seed: seed),
      ]
    }
  }

  /// One evaluation as the log has it now.
  package struct Outcome: Sendable {
    package var stream: EvaluationStream
    /// Whether the log had it, whole, before.
    package var wasRecorded: Bool
    /// Seconds of sampling and checking by this process.
    package var seconds: Double
    /// What computing it again gave; nil if that was not asked for.
    package var again: Again?
  }

  package enum Again: Hashable, Sendable {
    case agrees
    /// The first answer that came out otherwise.
    case differs(String)
  }

  /// - Parameters:
  ///   - isAgain: compute what the log has once more, and compare.
  ///   - report: told in words what is being done.
  /// - Returns: the greedy evaluation, then the sampled one if there is one.
  /// - Throws: `UnknownExperiment`, `WeightsFinder.UnknownVersion`, and what the parts throw.
  package func evaluate(
    _ request: Request, isAgain: Bool, report: @escaping @Sendable (String) -> Void,
    progress: @escaping @Sendable (Evaluator.Progress) -> Void
  ) async throws -> [Outcome] {
    let found = try await find(request, report)
    let prompts = try await prompts(request, found.experiment)
    let subject = try await subject(request, found)
    let digest = found.weights.digest
    let evaluator = Evaluator(log: open.log, surroundings: open.surroundings, progress: progress)
    let wanted = request.settings(prompts).map { settings in
      let plan = plan(settings, request.suite, weightsDigest: digest)
      return (
        settings,
        EvaluationStarted(
          subject: subject, suite: request.suite.name, plan: plan, software: open.surroundings.software)
      )
    }
    var outcomes: [Outcome] = []
    if !isAgain {
      for (_, started) in wanted {
        guard let stream = try await evaluator.recorded(started.plan), stream.completed != nil else { break }
        outcomes.append(Outcome(stream: stream, wasRecorded: true, seconds: 0))
      }
      if outcomes.count == wanted.count { return outcomes }
    }
    // SAFETY: found here and handed over; nothing below touches it.
    nonisolated(unsafe) let weights = found.weights
    let sampler = try PolicySampler(weights, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    for (settings, started) in wanted.dropFirst(outcomes.count) {
      outcomes.append(try await perform(started, settings, request.suite, sampler, evaluator, isAgain))
    }
    return outcomes
  }

  private func perform(
    _ started: EvaluationStarted, _ settings: EvaluationSettings, _ suite: Suite, _ policy: any Policy,
    _ evaluator: Evaluator, _ isAgain: Bool
  ) async throws -> Outcome {
    let workshop = Workshop(open, threads: threads)
    return try await workshop.withVerifier(of: settings.experiment, isScreened: settings.limits.isScreened) {
      environment, verifier in
      let examiner = SuiteExaminer(suite: suite, settings: settings, environment: environment)
      let parts = Evaluator.Parts(examiner: examiner, policy: policy, verifier: verifier)
      let begin = open.surroundings.now()
      let before = try await evaluator.recorded(started.plan)
      guard isAgain, let before, before.completed != nil else {
        let stream = try await evaluator.evaluate(started, with: parts)
        return Outcome(stream: stream, wasRecorded: false, seconds: open.surroundings.now() - begin)
      }
      let difference = try await evaluator.again(before, with: parts)
      return Outcome(
        stream: before, wasRecorded: true, seconds: open.surroundings.now() - begin,
        again: difference.map { .differs($0) } ?? .agrees)
    }
  }

  private func plan(_ settings: EvaluationSettings, _ suite: Suite, weightsDigest: String) -> EvaluationPlan {
    EvaluationPlan(
      suiteDigest: suite.digest, problems: suite.problems.count, promptsDigest: settings.promptsDigest,
      weightsDigest: weightsDigest, samples: settings.samples, temperature: settings.temperature,
      tokensMax: settings.tokensMax, seed: Seed(value: settings.seed), limits: settings.limits,
      numericsProfile: open.surroundings.numericsProfile)
  }

  // MARK: Whose weights, which prompts

  private func find(
    _ request: Request, _ report: @escaping @Sendable (String) -> Void
  ) async throws -> WeightsFinder.Found {
    let finder = WeightsFinder(home: open.home, threads: threads)
    if let found = try finder.model(request.name) {
      guard (request.version ?? 0) == 0 else {
        throw WeightsFinder.UnknownVersion(name: request.name, version: request.version ?? 0, newest: 0)
      }
      return found
    }
    return try await finder.experiment(request.name, version: request.version, log: open.log, report: report)
  }

  private func subject(_ request: Request, _ found: WeightsFinder.Found) async throws -> EvaluationSubject {
    guard let name = found.experiment else {
      return EvaluationSubject(name: found.name, experiment: nil, policyVersion: 0)
    }
    let record = try await open.log.requireExperiment(name)
    return EvaluationSubject(name: name, experiment: record.id, policyVersion: found.weights.version)
  }

  private func prompts(_ request: Request, _ experiment: String?) async throws -> PromptTemplates {
    if let prompts = request.prompts { return prompts }
    guard let experiment else {
      return try PromptsFile.load(path: open.home.share.appendingPathComponent("configs/prompts/completion.yaml").path)
    }
    let record = try await open.log.requireExperiment(experiment)
    return try await StoredExperiment.load(record, from: open.log).experiment.settings.prompts
  }

  /// The prompts of an experiment, for a comparison with its base model; nil when `name` is a model's or nobody's.
  package func prompts(ofExperiment name: String) async throws -> PromptTemplates? {
    guard try WeightsFinder(home: open.home, threads: threads).isModel(name) == false,
      let record = try await open.log.experiment(named: name), !record.isEvaluation
    else { return nil }
    return try await StoredExperiment.load(record, from: open.log).experiment.settings.prompts
  }
}
