extension Experiment {
  /// What old and new weights are tried on before the next update is kept; nil where every update is kept.
  ///
  /// Half of the problems are this iteration's, newest admitted first in order of their slots, as PowerPlay wants a new
  /// problem that becomes solvable; the rest is drawn uniformly from all others in the buffers. The problem that each kind
  /// begins with is not among them. Pure: the performer of `update` calls it, and whoever checks a recorded trial.
  package var updateTrial: [Step.AttemptPlan]? {
    guard settings.acceptance.isOn, let ledger else { return nil }
    let archive = settings.play.kinds.sorted().flatMap { kind in
      (buffers[kind]?.entries ?? []).filter { $0.id != Self.zero(kind) }
    }
    let wanted = settings.acceptance.problems
    let isNew = archive.map { $0.id.iteration == ledger.iteration }
    let fresh = archive.indices.filter { isNew[$0] }.prefix((wanted + 1) / 2)
    let rest = archive.indices.filter { !fresh.contains($0) }
    var stream = RandomStream(
      RandomKey(seed: settings.seed.value, purpose: .archive, iteration: ledger.iteration))
    let drawn = stream.distinct(wanted - fresh.count, of: rest.count).map { rest[$0] }
    return (fresh + drawn).enumerated().flatMap { slot, index in
      (0..<settings.acceptance.attempts).map { sample in
        let entry = archive[index]
        let id = AttemptID(
          iteration: ledger.iteration, purpose: .evaluate, kind: entry.id.kind, slot: slot, sample: sample)
        return Step.AttemptPlan(id: id, problem: entry)
      }
    }
  }

  /// Counts the verdicts of both passes over `updateTrial` and decides.
  ///
  /// - Parameters: verdicts in the order of the plans.
  /// - Precondition: both have as many as there are plans.
  package func updateTried(
    _ plans: [Step.AttemptPlan], before: [Verdict], after: [Verdict], weightsDigest: String
  ) -> UpdateTried {
    precondition(before.count == plans.count && after.count == plans.count, "\(plans.count) attempts in a trial")
    var trials: [UpdateTried.Trial] = []
    for (index, plan) in plans.enumerated() {
      if plan.id.sample == 0 {
        trials.append(UpdateTried.Trial(problem: plan.problem.id, before: SolveCount(), after: SolveCount()))
      }
      trials[trials.count - 1].before.count(before[index] == .correct)
      trials[trials.count - 1].after.count(after[index] == .correct)
    }
    return UpdateTried(
      iteration: ledger?.iteration ?? 0, weightsDigest: weightsDigest, trials: trials, settings: settings.acceptance)
  }

  /// Why a recorded trial cannot be what this experiment came to here; nil if it can. The counts are taken as they are.
  package func objection(to tried: UpdateTried) -> String? {
    guard let ledger, let plans = updateTrial else { return "an update is tried where every update is kept" }
    guard tried.iteration == ledger.iteration else {
      return "an update of iteration \(tried.iteration) is tried in iteration \(ledger.iteration)"
    }
    let problems = plans.filter { $0.id.sample == 0 }.map(\.problem.id)
    guard tried.trials.map(\.problem) == problems else {
      return "an update is tried on other problems than the events before it lead to"
    }
    for trial in tried.trials {
      for count in [trial.before, trial.after]
      where count.attempts != settings.acceptance.attempts || !(0...count.attempts).contains(count.correct) {
        return "problem \(trial.problem) was tried \(count.attempts) times, \(count.correct) of them correct; the "
          + "settings want \(settings.acceptance.attempts)"
      }
    }
    let found = UpdateTried(
      iteration: tried.iteration, weightsDigest: tried.weightsDigest, trials: tried.trials,
      settings: settings.acceptance)
    guard found == tried else {
      return "the trial of iteration \(tried.iteration) is \(tried.isAccepted ? "" : "not ")accepted with "
        + "\(tried.gained.count) gained and \(tried.lost.count) lost, and its counts say \(found.gained.count) and "
        + "\(found.lost.count)"
    }
    return nil
  }
}
