import Domain
import EventLog
import Projections

/// What the steps of a past iteration took, from the measures beside its appends. `status` uses it.
package struct PhaseReader: Sendable {
  private let log: any EventLog

  package init(log: any EventLog) { self.log = log }

  /// The phases of an iteration in order. Empty where nothing was measured.
  package func phases(
    of ledger: IterationLedger, experiment: ExperimentID
  ) async throws -> [IterationSummary.Phase] {
    let positions = ledger.proposals.map(\.position) + ledger.attempts.map(\.position)
    guard let first = positions.min() else { return [] }
    var phases: [IterationSummary.Phase] = []
    var position = Position(first - 1)
    while true {
      let page = try await log.appends(after: position, limit: 1000)
      for append in page {
        position = append.last
        guard append.experiment == experiment, let measure = append.measure else { continue }
        let step = try EventCoding.value(StepMeasure.self, from: measure)
        if step.step == "begin" { return phases }
        phases.append(IterationSummary.Phase(name: step.step, seconds: step.seconds, tokens: step.tokens))
        if step.step == "update" { return phases }
      }
      if page.count < 1000 { return phases }
    }
  }
}
