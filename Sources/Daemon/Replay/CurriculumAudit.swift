import Domain
import EventLog

/// Folds an experiment again and compares every choice of its curriculum with the recorded one: digest of the difficulty,
/// strategy, key figures. `replay` calls it before it trains.
struct CurriculumAudit: Sendable {
  let log: any EventLog

  /// The first recorded choice that does not come out again; nil if all do. Folds nothing where nothing was chosen.
  func difference(_ experiment: Experiment) async throws -> ReplayDifference? {
    guard try await !log.allEvents(of: experiment.id, types: ["CurriculumChosen"]).isEmpty else { return nil }
    var cursor = EventCursor(experiment.id, log)
    guard let first = try await cursor.next()?.recorded, case .experimentCreated(let created) = try first.event() else {
      throw EventLogError.corrupt("experiment \(experiment.name) does not begin with ExperimentCreated")
    }
    var folded = Experiment(id: experiment.id, created: created)
    while let recorded = try await cursor.next()?.recorded {
      let event = try recorded.event()
      if case .curriculumChosen(let chosen) = event, let difference = difference(chosen, folded, recorded.position) {
        return difference
      }
      folded.evolve(event, version: recorded.version, position: recorded.position.rawValue)
    }
    return nil
  }

  private func difference(
    _ chosen: CurriculumChosen, _ folded: Experiment, _ position: Position
  ) -> ReplayDifference? {
    let found = folded.curriculumChosen(for: chosen.use)
    guard chosen != found else { return nil }
    let (field, before, after) = found.flatMap(chosen.difference) ?? ("use", chosen.use.rawValue, "none")
    return ReplayDifference(
      iteration: chosen.iteration, position: position.rawValue, version: folded.policyVersion, batchDigest: "",
      what: "curriculum \(field)", recorded: before, found: after, sample: nil, tensor: nil,
      cause:
        "the settings and the attempts before this choice do not lead to it: one of them, or the choice, was changed")
  }
}
