extension Experiment {
  /// What to do next; nil if the experiment waits (paused, failed), or is over (stopped, finished).
  ///
  /// Pure: the same events give the same step with the same draws. Order within an iteration: Absolute Zero's
  /// Algorithm 1 (propose, then solve what was proposed), all kinds side by side so that they share one batch.
  package var nextStep: Step? {
    switch life {
    case .paused, .stopped, .failed: return nil
    case .stopRequested(let reason): return unsavedWeights ? .checkpoint : .stop(reason: reason)
    case .pauseRequested(let reason): return unsavedWeights ? .checkpoint : .pause(reason: reason)
    case .resumeRequested(let reason): return .resume(reason: reason)
    case .running: break
    }
    guard let ledger else { return assessment ?? (checkpointIsDue ? .checkpoint : begin) }
    return playStep(ledger)
  }

  /// What is played next, whatever was asked of the process and whether weights are saved: performing an experiment again
  /// needs these steps and no others. nil after the last iteration.
  package var nextPlayStep: Step? {
    if let ledger { return playStep(ledger) }
    if let assessment { return assessment }
    return isSeeded && isFinished ? nil : begin
  }

  /// Weights that exist in memory only (and in the log, as samples).
  package var unsavedWeights: Bool { policyVersion > 0 && checkpoint?.policyVersion != policyVersion }

  private var checkpointIsDue: Bool {
    policyVersion - (checkpoint?.policyVersion ?? 0) >= settings.checkpoints.every
  }

  /// Conditions that the last iteration began or ended and that are not recorded yet.
  var assessment: Step? {
    let changes = health.changes(settings.health)
    guard !changes.began.isEmpty || !changes.ended.isEmpty else { return nil }
    return .assess(began: changes.began, ended: changes.ended)
  }

  private var begin: Step? {
    if !isSeeded {
      return .begin(IterationStarted(iteration: 0, round: seedingRoundsDone, policyVersion: policyVersion))
    }
    // The weights of a finished experiment are what people want from it, whatever `checkpoints.every` leaves over.
    guard !isFinished else { return unsavedWeights ? .checkpoint : nil }
    return .begin(IterationStarted(iteration: iterationsDone + 1, round: 0, policyVersion: policyVersion))
  }

  /// Paper §3.3.1: each buffer is seeded with B × S problems before the first update. The zero problem is not counted.
  package var isSeeded: Bool {
    let target = settings.play.batch * settings.play.seedingFactor
    let seeded = seedingKinds.allSatisfy { (buffers[$0]?.count ?? 0) > target }
    return target == 0 || seeded || seedingRoundsDone >= settings.play.seedingRoundsMax
  }

  /// Kinds that seeding fills. Induction problems are proposed from the programs of the others; the paper seeds them after
  /// those, here they come with self-play, which has programs from its first iteration on.
  private var seedingKinds: [Kind] { settings.play.kinds.filter { $0 != .induction } }

  private func playStep(_ ledger: IterationLedger) -> Step {
    if ledger.proposals.isEmpty, !isWarmup(ledger) { return .propose(proposalPlans(ledger)) }
    let unverified = ledger.unverifiedProposals
    if !unverified.isEmpty { return .verifyProposals(unverified) }
    if let verification = verification(ledger) { return verification }
    let accepted = ledger.accepted
    if !ledger.isSeeding, !accepted.isEmpty, !ledger.hasAttempts(.probe) {
      return .attempt(.probe, probePlans(ledger))
    }
    let waiting = ledger.proposals.filter { $0.verified?.problem != nil && !$0.admitted }.map(\.id)
    if !waiting.isEmpty { return .admit(waiting) }
    if !ledger.hasAttempts(.solve) { return .attempt(.solve, solvePlans(ledger)) }
    return .update(iteration: ledger.iteration)
  }

  /// Warm-up trains the solver alone, on the problems of seeding.
  private func isWarmup(_ ledger: IterationLedger) -> Bool {
    !ledger.isSeeding && ledger.iteration <= settings.learner.warmupIterations
  }

  private func verification(_ ledger: IterationLedger) -> Step? {
    let unverified = ledger.unverifiedAttempts
    guard !unverified.isEmpty else { return nil }
    let problems = Dictionary(uniqueKeysWithValues: ledger.accepted.map { ($0.id, $0.problem) })
    return .verifyAttempts(
      unverified.map { attempt in
        let id = attempt.made.problem
        guard let problem = problems[id] ?? buffers[id.kind]?.entries.first(where: { $0.id == id })?.problem else {
          preconditionFailure("attempt \(attempt.id) at an unknown problem \(id)")
        }
        return Step.VerificationPlan(attempt: attempt, problem: problem)
      })
  }

  private func proposalPlans(_ ledger: IterationLedger) -> [Step.ProposalPlan] {
    let kinds = ledger.isSeeding ? seedingKinds : settings.play.kinds.sorted()
    let draws = ReferenceDraws(self, iteration: ledger.iteration)
    let plain = settings.composite.probability > 0 && !ledger.isSeeding ? plainPrograms : []
    return kinds.flatMap { kind in
      (0..<settings.play.batch).map { slot in
        proposalPlan(kind, ledger, slot: slot, draws, plain: plain)
      }
    }
  }

  private func proposalPlan(
    _ kind: Kind, _ ledger: IterationLedger, slot: Int, _ draws: ReferenceDraws, plain: [ProblemBuffer.Entry]
  ) -> Step.ProposalPlan {
    let iteration = ledger.iteration
    // Slots of seeding count on through its rounds; slot 0 is the zero problem.
    let first = ledger.isSeeding ? 1 + ledger.round * settings.play.batch : 0
    let id = ProposalID(iteration: iteration, kind: kind, slot: first + slot)
    // Neighbours with one prompt share the draws of the first of them.
    let drawn = first + slot - slot % settings.play.samplesPerPrompt
    var stream = RandomStream(key(.references, kind, iteration: iteration, slot: drawn))
    let count = kind == .induction ? settings.play.inductionReferences : settings.play.references
    let references = draws.references(count, kind, stream: &stream)
    return Step.ProposalPlan(
      id: id, references: references, program: kind == .induction ? inductionProgram(iteration, drawn, draws) : nil,
      functions: functions(kind, iteration: iteration, slot: drawn, of: plain))
  }

  /// Paper §3.2: the program of an induction proposal is drawn from the abduction and deduction buffers together.
  private func inductionProgram(_ iteration: Int, _ slot: Int, _ draws: ReferenceDraws) -> ProblemBuffer.Entry? {
    var stream = RandomStream(key(.program, .induction, iteration: iteration, slot: slot))
    return draws.program(stream: &stream) ?? buffers[.induction]?.entries.first
  }

  private func probePlans(_ ledger: IterationLedger) -> [Step.AttemptPlan] {
    ledger.accepted.flatMap { id, problem in
      (0..<settings.play.probes).map { sample in
        Step.AttemptPlan(
          id: AttemptID(
            iteration: ledger.iteration, purpose: .probe, kind: id.kind, slot: id.slot, sample: sample),
          problem: ProblemBuffer.Entry(id: id, problem: problem))
      }
    }
  }

  private func solvePlans(_ ledger: IterationLedger) -> [Step.AttemptPlan] {
    let curriculum = curriculum(for: .problems, iteration: ledger.iteration)
    return settings.play.kinds.sorted().flatMap { kind -> [Step.AttemptPlan] in
      var stream = RandomStream(key(.problems, kind, iteration: ledger.iteration))
      let batch =
        buffers[kind]?.solveBatch(
          settings.play.batch, iteration: ledger.iteration, from: settings.play.solveFrom, curriculum: curriculum,
          stream: &stream) ?? []
      return batch.enumerated().map { slot, entry in
        Step.AttemptPlan(
          id: AttemptID(iteration: ledger.iteration, purpose: .solve, kind: kind, slot: slot, sample: 0),
          problem: entry)
      }
    }
  }

  private func key(_ purpose: RandomPurpose, _ kind: Kind, iteration: Int, slot: Int = 0) -> RandomKey {
    RandomKey(seed: settings.seed.value, purpose: purpose, kind: kind, iteration: iteration, slot: slot)
  }
}

extension Experiment {
  /// The key that decides the tokens of a proposal.
  package func key(of proposal: ProposalID) -> RandomKey {
    RandomKey(
      seed: settings.seed.value, purpose: .proposal, kind: proposal.kind, iteration: proposal.iteration,
      slot: proposal.slot)
  }

  /// The key that decides the tokens of an attempt.
  package func key(of attempt: AttemptID) -> RandomKey {
    let purpose: RandomPurpose =
      switch attempt.purpose {
      case .probe: .probe
      case .solve: .solve
      case .evaluate: .evaluate
      }
    return RandomKey(
      seed: settings.seed.value, purpose: purpose, kind: attempt.kind, iteration: attempt.iteration,
      slot: attempt.slot, sample: attempt.sample)
  }

  /// Marks duplicates among freshly judged proposals: of the buffer, or of an earlier proposal of the same step.
  ///
  /// Pure; called by the performer of `verifyProposals` before the events are appended.
  package func refuseDuplicates(_ verified: [ProposalVerified]) -> [ProposalVerified] {
    guard settings.play.duplicates == .refuse else { return verified }
    var seen: [Kind: [ProblemDigest: ProposalID]] = [:]
    return verified.map { proposal in
      guard let problem = proposal.problem else { return proposal }
      let digest = ProblemDigest(problem)
      if let earlier = buffers[problem.kind]?.duplicate(of: problem) ?? seen[problem.kind]?[digest] {
        return ProposalVerified(
          proposal: proposal.proposal, problem: nil, refusal: .duplicate, detail: earlier.description)
      }
      seen[problem.kind, default: [:]][digest] = proposal.proposal
      return proposal
    }
  }
}
