extension Experiment {
  /// Why an event cannot be the next of this experiment; nil if `evolve` may take it.
  ///
  /// `evolve` trusts the log and holds a contradiction for a fault of the program. A file that comes from elsewhere is asked
  /// here first (`import`), so that what it contradicts is said and not crashed on.
  package func objection(to event: Event) -> String? {
    switch event {
    case .experimentCreated: return "it was created already"
    case .evaluationStarted, .answerEvaluated, .evaluationCompleted: return "evaluations have streams of their own"
    case .shadowStarted: return shadow == nil && !hasPlayed ? nil : "a shadow learner begins after the beginning"
    case .iterationStarted(let started): return objection(to: started)
    case .proposalMade, .proposalVerified, .attemptMade, .attemptVerified, .problemAdmitted:
      guard let ledger else { return "\(event.type) outside an iteration" }
      if let objection = ledger.objection(to: event, isKnown: isKnown) { return objection }
      if case .proposalVerified(let verified) = event, verified.earlier != earlierValues(verified) {
        return "proposal \(verified.proposal) counts earlier values that are not those of the events before it"
      }
      return nil
    case .weightsUpdated(let updated):
      guard updated.fromVersion == policyVersion, updated.toVersion == policyVersion + 1 else {
        return "an update from version \(updated.fromVersion) to \(updated.toVersion) after version \(policyVersion)"
      }
      return objection(toUpdate: event, of: nil)
    case .updateSkipped(let skipped):
      guard skipped.policyVersion == policyVersion else {
        return "an update of version \(skipped.policyVersion) is skipped after version \(policyVersion)"
      }
      return objection(toUpdate: event, of: skipped.iteration)
    case .curriculumChosen(let chosen): return objection(to: chosen)
    case .updateTried(let tried): return objection(to: tried)
    case .conditionBegan(let change):
      return health.changes(settings.health).began.contains(change)
        ? nil : "condition \(change.condition.rawValue) begins, which its iterations do not show"
    case .conditionEnded(let change):
      return health.changes(settings.health).ended.contains(change)
        ? nil : "condition \(change.condition.rawValue) ends, which its iterations do not show"
    case .checkpointSaved(let saved):
      guard (0...policyVersion).contains(saved.policyVersion), !saved.file.isEmpty, !saved.file.contains("/") else {
        return "weights of version \(saved.policyVersion) are saved in '\(saved.file)' after version \(policyVersion)"
      }
      return nil
    case .experimentAnnotated(let annotated): return Annotations.objection(to: annotated)
    case .experimentForked, .experimentStarted, .pauseRequested, .experimentPaused, .resumeRequested,
      .experimentResumed, .stopRequested, .experimentStopped, .experimentFailed:
      return nil
    }
  }

  private func isKnown(_ problem: ProposalID) -> Bool {
    buffers[problem.kind]?.entries.contains { $0.id == problem } ?? false
  }

  private func objection(to started: IterationStarted) -> String? {
    if shadow != nil { return "a shadow learner plays nothing, and iteration \(started.iteration) begins" }
    if let ledger { return "iteration \(started.iteration) begins and \(ledger.iteration) has not ended" }
    let isNext =
      started.iteration == 0
      ? iterationsDone == 0 && started.round == seedingRoundsDone
      : started.iteration == iterationsDone + 1 && started.round == 0
    guard isNext, started.policyVersion == policyVersion else {
      return "iteration \(started.iteration), round \(started.round), of version \(started.policyVersion) begins after "
        + "\(iterationsDone) iterations, \(seedingRoundsDone) rounds and version \(policyVersion)"
    }
    return nil
  }

  /// A shadow learner's updates come without what they were made of, which is its source's.
  private func objection(toUpdate event: Event, of iteration: Int?) -> String? {
    if shadow != nil { return nil }
    guard let ledger else { return "\(event.type) outside an iteration" }
    if let iteration, iteration != ledger.iteration { return "iteration \(iteration) ends, not \(ledger.iteration)" }
    return ledger.objection(to: event, isKnown: isKnown)
  }
}
