import Domain
import EventLog

/// The learner as a consumer of the experiment's stream: from its acknowledged position it reads one iteration after the
/// other and builds the training batch of each from the log, not from memory.
///
/// The same code feeds the live update, the restoration of weights after a crash, and a replay.
package struct LearnerConsumer: Sendable {
  package let experiment: ExperimentID
  private let settings: SettingsHistory

  package init(_ experiment: Experiment) {
    self.experiment = experiment.id
    settings = experiment.settingsHistory
  }

  /// What one iteration teaches.
  package struct Lesson: Sendable {
    package var ledger: IterationLedger
    package var batch: TrainingBatch
    /// The settings it is taught under: those in force when the update was made.
    package var settings: ExperimentSettings
    /// To be appended with the update: from the last acknowledged position to the update's own.
    package var acknowledgement: Acknowledgement
    /// The update that the log already holds for this batch, and its position; nil for the live one.
    package var recorded: (event: Event, position: Position)?
  }

  package var consumer: Consumer { Consumer(name: "learner", experiment: experiment) }

  /// The lesson after the acknowledged position: the live update. nil if no iteration is ready.
  package func next(_ log: any EventLog) async throws -> Lesson? {
    try await lesson(log, after: try await log.consumer(consumer).position)
  }

  /// The lesson after any position. Its acknowledgement counts from there.
  package func lesson(_ log: any EventLog, after start: Position) async throws -> Lesson? {
    var ledger: IterationLedger?
    var position = start
    while true {
      let page = try await log.read(experiment: experiment, after: position, types: nil, limit: LogLimits.readMax)
      for recorded in page {
        let event = try recorded.event()
        position = recorded.position
        switch event {
        case .iterationStarted(let started): ledger = started.iteration > 0 ? IterationLedger(started) : nil
        case .weightsUpdated, .updateSkipped:
          guard let ledger else { break }
          return try await lesson(log, ledger, from: start, recorded: (event, position))
        default: ledger?.apply(event, at: position.rawValue)
        }
      }
      if page.count < LogLimits.readMax { break }
    }
    guard let ledger else { return nil }
    return try await lesson(log, ledger, from: start, recorded: nil)
  }

  private func lesson(
    _ log: any EventLog, _ ledger: IterationLedger, from start: Position, recorded: (Event, Position)?
  ) async throws -> Lesson {
    let settings = self.settings.inForce(at: recorded?.1.rawValue)
    let positions = ledger.scoredSamples(settings).map { Position($0.position) }
    let generations = try await log.allGenerations(at: positions)
    let batch = try TrainingBatch(ledger, settings: settings) { position in
      guard let record = generations[Position(position)] else {
        throw EventLogError.corrupt("no generation at position \(position)")
      }
      let sampling = try EventCoding.value(Sampling.self, from: record.sampling)
      return TrainingBatch.Recorded(
        prompt: record.prompt, tokens: record.tokens, logProbabilities: record.logProbabilities,
        temperature: sampling.temperature)
    }
    return Lesson(
      ledger: ledger, batch: batch, settings: settings,
      acknowledgement: Acknowledgement(consumer: consumer, from: start), recorded: recorded)
  }
}
