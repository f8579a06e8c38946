import Domain
import EventLog
import Failpoints
import Foundation
import Tracing

/// Performs the decider's steps with real parts and turns what happened into events. It holds no state of the
/// experiment: everything it needs is in the step, the fold and the log.
package struct StepPerformer: Sendable {
  package let log: any EventLog
  package let parts: Parts

  /// What steps are performed with.
  package struct Parts: Sendable {
    package var environment: any Environment
    package var policy: any Policy
    package var verifier: any Verifier
    package var learner: any Learner

    package init(
      environment: any Environment, policy: any Policy, verifier: any Verifier, learner: any Learner
    ) {
      self.environment = environment
      self.policy = policy
      self.verifier = verifier
      self.learner = learner
    }
  }

  /// The events of a performed step in canonical order, and what it took.
  package struct Performed: Sendable {
    package var events: [NewEvent]
    /// Tokens sampled or trained.
    package var tokens = 0
    /// The learner's place in the stream, to be acknowledged with the events.
    package var acknowledgement: Acknowledgement?
  }

  package init(log: any EventLog, parts: Parts) {
    self.log = log
    self.parts = parts
  }

  /// Performs one step. Throws on any failure of a part; then nothing of the step is in the log (promise P8).
  package func perform(
    _ step: Step, of experiment: Experiment, progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> Performed {
    switch step {
    case .begin(let started): return performed(.iterationStarted(started), experiment)
    case .propose(let plans): return try await propose(plans, experiment, progress)
    case .verifyProposals(let entries): return try await verify(entries, experiment, progress)
    case .admit(let ids):
      return Performed(
        events: ids.map { newEvent(.problemAdmitted(ProblemAdmitted(problem: $0)), experiment) })
    case .attempt(let purpose, let plans): return try await attempt(purpose, plans, experiment, progress)
    case .verifyAttempts(let plans): return try await verify(plans, experiment, progress)
    case .update(let iteration): return try await update(iteration, experiment, progress)
    case .assess(let began, let ended):
      return Performed(
        events: began.map { newEvent(.conditionBegan($0), experiment) }
          + ended.map { newEvent(.conditionEnded($0), experiment) })
    case .checkpoint:
      let head = try await log.head()
      let anchor = LogAnchor(position: head.position.rawValue, hash: head.hash.hexadecimal)
      let saved = try await withSpan("save") { _ in
        try await parts.learner.save(experiment: experiment.id, head: anchor)
      }
      try Failpoint.checkpointSaved.pass()
      return performed(.checkpointSaved(saved), experiment)
    case .pause(let reason): return performed(.experimentPaused(change(experiment, reason)), experiment)
    case .resume(let reason): return performed(.experimentResumed(change(experiment, reason)), experiment)
    case .stop(let reason): return performed(.experimentStopped(change(experiment, reason)), experiment)
    }
  }

  private func performed(_ event: Event, _ experiment: Experiment) -> Performed {
    Performed(events: [newEvent(event, experiment)])
  }

  private func change(_ experiment: Experiment, _ reason: String) -> LifeChange {
    LifeChange(iteration: experiment.iterationsDone, policyVersion: experiment.policyVersion, reason: reason)
  }

  /// An event with the columns that make it easy to find: iteration, policy version, and what it follows from.
  func newEvent(
    _ event: Event, _ experiment: Experiment, cause: Int64? = nil, generation: GenerationRecord? = nil,
    madeWith weights: GenerationRequest.Weights = .current
  ) -> NewEvent {
    var iteration = experiment.ledger?.iteration
    switch event {
    case .iterationStarted(let started): iteration = started.iteration
    case .conditionBegan(let change), .conditionEnded(let change): iteration = change.iteration
    default: break
    }
    return NewEvent(
      event, iteration: iteration, policyVersion: weights == .base ? 0 : experiment.policyVersion,
      cause: cause.map { .recorded(Position($0)) }, generation: generation)
  }
}

// MARK: - Sampling

extension StepPerformer {
  private func propose(
    _ plans: [Step.ProposalPlan], _ experiment: Experiment, _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> Performed {
    let weights: GenerationRequest.Weights = experiment.settings.play.proposer == .base ? .base : .current
    let plans = try await prepare(plans, experiment)
    let requests = plans.map { plan in
      var request = parts.environment.request(for: plan, in: experiment)
      request.weights = weights
      return request
    }
    let made = plans.map { plan in
      Event.proposalMade(
        ProposalMade(
          proposal: plan.id, references: plan.references.map(\.id), program: plan.program?.id,
          functions: plan.functions.isEmpty ? nil : plan.functions.map(\.id)))
    }
    return try await sample(requests, made, experiment, progress, choice: .references)
  }

  /// Has everything made that the prompts show.
  private func prepare(_ plans: [Step.ProposalPlan], _ experiment: Experiment) async throws -> [Step.ProposalPlan] {
    try await decide(plans.map { parts.environment.prepare($0, settings: experiment.settings) }) { _ in }
  }

  private func attempt(
    _ purpose: Purpose, _ plans: [Step.AttemptPlan], _ experiment: Experiment,
    _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> Performed {
    let requests = plans.map { parts.environment.request(for: $0, in: experiment) }
    let made = plans.map { Event.attemptMade(AttemptMade(attempt: $0.id, problem: $0.problem.id)) }
    return try await sample(requests, made, experiment, progress, choice: purpose == .solve ? .problems : nil)
  }

  /// Samples the requests; each event gets its generation. Before them comes the choice of the curriculum that decided what
  /// they are about, where there is one.
  private func sample(
    _ requests: [GenerationRequest], _ events: [Event], _ experiment: Experiment,
    _ progress: @escaping @Sendable (StepProgress) -> Void, choice: CurriculumUse?
  ) async throws -> Performed {
    let chosen = choice.flatMap { experiment.curriculumChosen(for: $0) }
    let generations = try await generate(requests, progress)
    precondition(generations.count == requests.count, "\(requests.count) requests, \(generations.count) generations")
    let made = requests.indices.map { index in
      newEvent(
        events[index], experiment, generation: record(requests[index], generations[index]),
        madeWith: requests[index].weights)
    }
    return Performed(
      events: (chosen.map { [newEvent(.curriculumChosen($0), experiment)] } ?? []) + made,
      tokens: generations.reduce(0) { $0 + $1.tokens.count })
  }

  private func generate(
    _ requests: [GenerationRequest], _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    try await withSpan("generate") { span in
      let generations = try await parts.policy.generate(requests, progress: progress)
      span.updateAttributes { attributes in
        attributes["autodidact.samples"] = requests.count
        attributes["autodidact.tokens"] = generations.reduce(0) { $0 + $1.tokens.count }
      }
      return generations
    }
  }

  private func record(_ request: GenerationRequest, _ generation: Generation) -> GenerationRecord {
    GenerationRecord(
      tokens: generation.tokens, logProbabilities: generation.logProbabilities, prompt: request.prompt,
      completion: generation.text, sampling: EventCoding.json(request.sampling),
      randomKey: Data(request.key.bytes), finish: generation.finish.rawValue)
  }
}

// MARK: - Verifying

extension StepPerformer {
  private func verify(
    _ entries: [IterationLedger.ProposalEntry], _ experiment: Experiment,
    _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> Performed {
    let completions = try await completions(at: entries.map(\.position))
    let checks = zip(entries, completions).map { entry, completion in
      parts.environment.check(
        proposal: entry.made, completion: completion, material: ProposalMaterial(entry.made, in: experiment),
        settings: experiment.settings)
    }
    let decisions = experiment.countingEarlierValues(experiment.refuseDuplicates(try await decide(checks, progress)))
    let events = zip(entries, decisions).map { entry, decision in
      newEvent(.proposalVerified(decision), experiment, cause: entry.position)
    }
    return Performed(events: events)
  }

  private func verify(
    _ plans: [Step.VerificationPlan], _ experiment: Experiment, _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> Performed {
    let completions = try await completions(at: plans.map(\.attempt.position))
    let checks = zip(plans, completions).map { plan, completion in
      parts.environment.check(
        attempt: plan.attempt.made, at: plan.problem, completion: completion,
        settings: experiment.settings)
    }
    let decisions = try await decide(checks, progress)
    let events = zip(plans, decisions).map { plan, decision in
      newEvent(.attemptVerified(decision), experiment, cause: plan.attempt.position)
    }
    return Performed(events: events)
  }

  /// Runs the jobs of all checks in one go, stage by stage, and hands each check its own results.
  private func decide<Decision: Sendable>(
    _ checks: [Check<Decision>], _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Decision] {
    var checks = checks
    repeat {
      let jobs = checks.flatMap(\.jobs)
      let results = jobs.isEmpty ? [] : try await run(jobs)
      precondition(results.count == jobs.count, "\(jobs.count) jobs, \(results.count) results")
      progress(StepProgress(done: jobs.count, total: jobs.count, tokens: 0))
      var next = 0
      checks = checks.map { check in
        let count = check.jobs.count
        defer { next += count }
        return check.advanced(Array(results[next..<next + count]))
      }
    } while checks.contains { $0.decision == nil }
    return checks.compactMap(\.decision)
  }

  private func run(_ jobs: [VerificationJob]) async throws -> [Verification] {
    try await withSpan("verify") { span in
      span.updateAttributes { $0["autodidact.jobs"] = jobs.count }
      return try await parts.verifier.verify(jobs)
    }
  }

  /// The completions at positions, in their order. A missing one is an error, never an empty answer (promise P8).
  private func completions(at positions: [Int64]) async throws -> [String] {
    let positions = positions.map { Position($0) }
    let records = try await log.allGenerations(at: positions)
    return positions.map { position in
      guard let record = records[position] else { preconditionFailure("no generation at position \(position)") }
      return record.completion
    }
  }
}

// MARK: - Learning

extension StepPerformer {
  private func update(
    _ iteration: Int, _ experiment: Experiment, _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> Performed {
    let consumer = LearnerConsumer(experiment)
    // A paused learner must not compute for hours what it may not acknowledge.
    guard try await log.consumer(consumer.consumer).state == .running else {
      throw EventLogError.consumerStopped(consumer.consumer)
    }
    let next = try await withSpan("read batch") { _ in try await consumer.next(log) }
    guard let lesson = next, lesson.ledger.iteration == iteration else {
      throw EventLogError.corrupt("the log has no samples of iteration \(iteration) after the learner's position")
    }
    try Failpoint.learnerRead.pass()
    let learned = try await learn(lesson, experiment, progress)
    try Failpoint.learnerUpdated.pass()
    return Performed(
      events: learned.events.map { newEvent($0, experiment) }, tokens: learned.tokens,
      acknowledgement: lesson.acknowledgement)
  }

  private func learn(
    _ lesson: LearnerConsumer.Lesson, _ experiment: Experiment, _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> (events: [Event], tokens: Int) {
    func skipped(_ reason: String, candidate: String? = nil) -> Event {
      .updateSkipped(
        UpdateSkipped(
          iteration: lesson.ledger.iteration, policyVersion: experiment.policyVersion, reason: reason,
          groups: lesson.batch.groups, candidate: candidate))
    }
    guard lesson.batch.samples.contains(where: { $0.advantage != 0 }) else {
      return ([skipped("no group has rewards that differ")], 0)
    }
    let plans = experiment.updateTrial
    let before = try await verdicts(plans ?? [], experiment, progress)
    let outcome: UpdateOutcome
    do {
      outcome = try await withSpan("train") { span in
        span.updateAttributes { $0["autodidact.samples"] = lesson.batch.samples.count }
        return try await parts.learner.update(
          lesson.batch.samples, settings: lesson.settings.learner, progress: progress)
      }
    } catch LearnerError.notFinite(let what) {
      return ([skipped("not finite: \(what)")], before.tokens)
    }
    let updated = Event.weightsUpdated(
      WeightsUpdated(
        fromVersion: experiment.policyVersion, toVersion: experiment.policyVersion + 1,
        batchDigest: lesson.batch.digest, consumed: lesson.batch.samples.map(\.id), groups: lesson.batch.groups,
        outcome: outcome))
    guard let plans else { return ([updated], outcome.tokens) }
    let after = try await verdicts(plans, experiment, progress)
    let tried = experiment.updateTried(
      plans, before: before.verdicts, after: after.verdicts, weightsDigest: outcome.weightsDigest)
    let tokens = outcome.tokens + before.tokens + after.tokens
    if tried.isAccepted { return ([.updateTried(tried), updated], tokens) }
    // Weights are a fold over the log: without this step they are what the log makes of them.
    try await WeightsRestorer(log: log, learner: parts.learner).restore(experiment) { _ in }
    let event = skipped("not kept: \(tried.sentence)", candidate: outcome.weightsDigest)
    return ([.updateTried(tried), event], tokens)
  }

  /// Attempts by the weights in memory, judged; nothing of them is trained on.
  private func verdicts(
    _ plans: [Step.AttemptPlan], _ experiment: Experiment, _ progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> (verdicts: [Verdict], tokens: Int) {
    guard !plans.isEmpty else { return ([], 0) }
    let requests = plans.map { parts.environment.request(for: $0, in: experiment) }
    let generations = try await generate(requests, progress)
    let checks = zip(plans, generations).map { plan, generation in
      parts.environment.check(
        attempt: AttemptMade(attempt: plan.id, problem: plan.problem.id), at: plan.problem.problem,
        completion: generation.text, settings: experiment.settings)
    }
    let decisions = try await decide(checks, progress)
    return (decisions.map(\.verdict), generations.reduce(0) { $0 + $1.tokens.count })
  }
}

extension EventLog {
  /// Generations at any number of positions, read in pages.
  package func allGenerations(at positions: [Position]) async throws -> [Position: GenerationRecord] {
    var result: [Position: GenerationRecord] = [:]
    var rest = positions[...]
    while !rest.isEmpty {
      let page = rest.prefix(LogLimits.readMax)
      result.merge(try await generations(at: Array(page))) { first, _ in first }
      rest = rest.dropFirst(page.count)
    }
    for position in positions where result[position] == nil {
      throw EventLogError.corrupt("the event at position \(position) has no generation")
    }
    return result
  }
}
