import Domain
import EventLog
import Projections

/// What each iteration of an experiment came to, as few figures as a comparison needs.
package struct LearningCurve: Hashable, Codable, Sendable {
  package var points: [Point] = []

  package struct Point: Hashable, Codable, Sendable {
    package var iteration: Int
    package var policyVersion: PolicyVersion
    package var proposals: Int
    package var accepted: Int
    package var learnable: Int
    package var probes: SolveCount
    package var solves: SolveCount
    package var proposerReward: Double?
    package var solverReward: Double?
    /// nil where the update was skipped.
    package var loss: Double?
  }

  /// Folds an experiment's stream. One iteration's ledger is in memory at a time.
  package static func of(_ experiment: Experiment, in log: any EventLog) async throws -> LearningCurve {
    var curve = LearningCurve()
    var ledger: IterationLedger?
    var position = Position.start
    while true {
      let page = try await log.read(experiment: experiment.id, after: position, types: nil, limit: LogLimits.readMax)
      for recorded in page {
        position = recorded.position
        let event = try recorded.event()
        switch event {
        case .iterationStarted(let started): ledger = started.iteration > 0 ? IterationLedger(started) : nil
        case .weightsUpdated, .updateSkipped:
          // A shadow learner has updates and no play.
          guard experiment.shadow != nil else { break }
          ledger = IterationLedger(
            IterationStarted(
              iteration: recorded.iteration ?? 0, round: 0, policyVersion: recorded.policyVersion ?? 0))
        default: break
        }
        ledger?.apply(event, at: position.rawValue)
        guard let ended = ledger, ended.update != nil || ended.skipped != nil else { continue }
        curve.points.append(Point(ended, settings: experiment.settingsHistory.inForce(at: position.rawValue)))
        ledger = nil
      }
      if page.count < LogLimits.readMax { return curve }
    }
  }
}

extension LearningCurve.Point {
  fileprivate init(_ ledger: IterationLedger, settings: ExperimentSettings) {
    let summary = IterationSummary(ledger, settings: settings, phases: [])
    func sum(_ part: (IterationSummary.KindSummary) -> SolveCount) -> SolveCount {
      summary.kinds.reduce(into: SolveCount()) { total, kind in
        total.attempts += part(kind).attempts
        total.correct += part(kind).correct
      }
    }
    iteration = ledger.iteration
    policyVersion = summary.policyVersion
    proposals = summary.proposed
    accepted = summary.accepted
    learnable = summary.kinds.reduce(0) { $0 + $1.learnable }
    probes = sum(\.probes)
    solves = sum(\.solves)
    proposerReward = summary.proposerReward
    solverReward = summary.solverReward
    loss = summary.outcome?.loss
  }
}
