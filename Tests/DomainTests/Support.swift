import Domain
import Foundation
import Testing

/// Settings of an experiment that is played through in milliseconds.
func smallSettings(seed: UInt64 = 1, _ change: (inout ExperimentSettings) -> Void = { _ in }) -> ExperimentSettings {
  var settings = ExperimentSettings()
  settings.seed = Seed(value: seed)
  settings.iterations = 3
  settings.play.batch = 3
  settings.play.references = 2
  settings.play.inductionReferences = 1
  settings.play.inputs = 4
  settings.play.probes = 2
  settings.play.seedingFactor = 1
  settings.play.seedingRoundsMax = 4
  settings.checkpoints.every = 2
  change(&settings)
  return settings
}

/// A deduction problem that differs from others by its number.
func problem(_ number: Int, kind: Kind = .deduction, inputs: Int = 1) -> Problem {
  let pairs = (0..<inputs).map { Pair(input: "\($0)", output: "\($0 + number)") }
  return Problem(kind: kind, program: "def f(x):\n    return x + \(number)", pairs: pairs)
}

/// Performs the steps of an experiment without model, verifier or learner: every outcome is drawn from the random key
/// of what it belongs to, so that it depends on the step and not on when the step is performed.
struct Player {
  let created: ExperimentCreated
  private(set) var experiment: Experiment
  private(set) var events: [Event] = []
  /// Events that are not in `events` any more.
  private var forgotten = 0

  init(_ settings: ExperimentSettings) {
    created = ExperimentCreated(name: "test", settings: settings, promptsDigest: "")
    experiment = Experiment(
      id: ExperimentID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1))), created: created)
  }

  /// What happened to the play, without the life of the process.
  var playEvents: [Event] { events.filter { !$0.isLife } }

  /// Takes an event that came from outside.
  mutating func append(_ event: Event) {
    events.append(event)
    let version = Int64(forgotten + events.count + 1)
    experiment.evolve(event, version: version, position: 100 + version)
  }

  /// Lets go of the events so far: a long experiment's do not fit in memory.
  mutating func forget() {
    forgotten += events.count
    events = []
  }

  /// Performs the next step and returns it; nil if there is none.
  @discardableResult
  mutating func step() -> Step? {
    guard let step = experiment.nextStep else { return nil }
    for event in perform(step) { append(event) }
    return step
  }

  /// Performs steps until there is none, and returns their names.
  @discardableResult
  mutating func play() -> [String] {
    var names: [String] = []
    while let step = step() {
      names.append(step.name)
      precondition(names.count < 10_000, "the experiment does not end: \(names.suffix(8))")
    }
    return names
  }

  /// A new process: the experiment is folded again from its events.
  mutating func crash() {
    let events = events
    self = Player(created.settings)
    for event in events { append(event) }
  }

  mutating func pause() { append(.pauseRequested(ControlRequest(reason: "test", by: "test"))) }
  mutating func resume() { append(.resumeRequested(ControlRequest(reason: "test", by: "test"))) }
  mutating func stop() { append(.stopRequested(ControlRequest(reason: "test", by: "test"))) }
  mutating func fail() { append(.experimentFailed(ExperimentFailed(step: "update", error: "disk"))) }

  // MARK: Performing

  private func perform(_ step: Step) -> [Event] {
    switch step {
    case .begin(let started): [.iterationStarted(started)]
    case .propose(let plans):
      chosen(.references)
        + plans.map {
          .proposalMade(
            ProposalMade(
              proposal: $0.id, references: $0.references.map(\.id), program: $0.program?.id,
              functions: $0.functions.isEmpty ? nil : $0.functions.map(\.id)))
        }
    case .verifyProposals(let entries):
      experiment.countingEarlierValues(experiment.refuseDuplicates(entries.map(verified))).map { .proposalVerified($0) }
    case .admit(let ids): ids.map { .problemAdmitted(ProblemAdmitted(problem: $0)) }
    case .attempt(let purpose, let plans):
      (purpose == .solve ? chosen(.problems) : [])
        + plans.map { .attemptMade(AttemptMade(attempt: $0.id, problem: $0.problem.id)) }
    case .verifyAttempts(let plans): plans.map { .attemptVerified(verified($0)) }
    case .update: experiment.ledger.map { tried(update($0)) } ?? []
    case .assess(let began, let ended): began.map { .conditionBegan($0) } + ended.map { .conditionEnded($0) }
    case .checkpoint: [.checkpointSaved(checkpoint)]
    case .pause(let reason): [.experimentPaused(change(reason))]
    case .resume(let reason): [.experimentResumed(change(reason))]
    case .stop(let reason): [.experimentStopped(change(reason))]
    }
  }

  private func chosen(_ use: CurriculumUse) -> [Event] {
    experiment.curriculumChosen(for: use).map { [.curriculumChosen($0)] } ?? []
  }

  private func change(_ reason: String) -> LifeChange {
    LifeChange(
      iteration: experiment.ledger?.iteration ?? experiment.iterationsDone, policyVersion: experiment.policyVersion,
      reason: reason)
  }

  private var checkpoint: Checkpoint {
    Checkpoint(
      policyVersion: experiment.policyVersion, file: "\(experiment.policyVersion)", bytes: 1, weightsDigest: "w",
      optimizerDigest: "o")
  }

  private func verified(_ entry: IterationLedger.ProposalEntry) -> ProposalVerified {
    var stream = RandomStream(experiment.key(of: entry.id))
    guard stream.below(4) > 0 else {
      return ProposalVerified(proposal: entry.id, problem: nil, refusal: .raised, detail: "scripted")
    }
    let inputs = entry.id.kind == .induction ? experiment.settings.play.inputs : 1
    var accepted = problem(stream.below(40), kind: entry.id.kind, inputs: inputs)
    if let functions = entry.made.functions {
      guard stream.below(4) > 0 else {
        return ProposalVerified(proposal: entry.id, problem: nil, refusal: .composition, detail: "scripted")
      }
      accepted.composition = Composition(functions: functions, forwards: stream.below(2) == 0)
    }
    // The form of the thoughts is wrong now and then, where thoughts are asked for.
    let isUnformatted = experiment.settings.play.thinking && stream.below(3) == 0
    return ProposalVerified(
      proposal: entry.id, problem: accepted, refusal: nil, detail: "", unformatted: isUnformatted ? true : nil,
      measures: measures(entry.made, &stream))
  }

  /// Any figures, where they are paid for.
  private func measures(_ made: ProposalMade, _ stream: inout RandomStream) -> ProgramMeasures? {
    guard experiment.settings.intrinsic.needsMeasures, made.proposal.kind != .induction else { return nil }
    return ProgramMeasures(
      cognitive: stream.below(12), cyclomatic: 1 + stream.below(12), volume: stream.below(600_000),
      effort: stream.below(12_000_000), distance: made.references.isEmpty ? nil : stream.below(1_000_001))
  }

  private func verified(_ plan: Step.VerificationPlan) -> AttemptVerified {
    var stream = RandomStream(experiment.key(of: plan.attempt.id))
    let verdict = Verdict.allCases[stream.below(Verdict.allCases.count)]
    return AttemptVerified(
      attempt: plan.attempt.id, problem: plan.attempt.made.problem,
      verdict: stream.below(2) == 0 ? .correct : verdict, answer: "1", detail: "")
  }

  /// The update, after its trial where there is one; or that it was not kept.
  private func tried(_ update: Event) -> [Event] {
    guard let plans = experiment.updateTrial, case .weightsUpdated(let updated) = update else { return [update] }
    func verdicts(_ salt: Int) -> [Verdict] {
      plans.map { plan in
        // By problem, so that some are solved and some are not.
        var stream = RandomStream(
          RandomKey(
            seed: UInt64(salt), purpose: .evaluate, kind: plan.id.kind, iteration: plan.id.iteration, slot: plan.id.slot
          ))
        return stream.below(2) == 0 ? .correct : .incorrect
      }
    }
    let tried = experiment.updateTried(
      plans, before: verdicts(1), after: verdicts(2), weightsDigest: updated.outcome.weightsDigest)
    if tried.isAccepted { return [.updateTried(tried), update] }
    let skipped = UpdateSkipped(
      iteration: tried.iteration, policyVersion: updated.fromVersion, reason: tried.sentence, groups: updated.groups,
      candidate: tried.weightsDigest)
    return [.updateTried(tried), .updateSkipped(skipped)]
  }

  private func update(_ ledger: IterationLedger) -> Event {
    let batch = TrainingBatch(ledger, settings: experiment.settings) { position in
      TrainingBatch.Recorded(prompt: "p", tokens: [Int32(position % 7)], logProbabilities: [-1], temperature: 1)
    }
    guard batch.groups.contains(where: { $0.deviation > 0 }) else {
      return .updateSkipped(
        UpdateSkipped(
          iteration: ledger.iteration, policyVersion: experiment.policyVersion, reason: "nothing to learn",
          groups: batch.groups))
    }
    return .weightsUpdated(
      WeightsUpdated(
        fromVersion: experiment.policyVersion, toVersion: experiment.policyVersion + 1, batchDigest: "",
        consumed: batch.samples.map(\.id), groups: batch.groups, outcome: outcome))
  }

  private var outcome: UpdateOutcome {
    UpdateOutcome(
      loss: -0.25, entropy: 1.5, gradientNorm: 0.1, sequences: 1, tokens: 1, ratioMean: 1, ratioDistanceMax: 0,
      clippedShare: 0, logProbabilityMismatches: 0, weightsDigest: "w", optimizerDigest: "o")
  }
}
