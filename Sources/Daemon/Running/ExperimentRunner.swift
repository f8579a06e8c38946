import Domain
import EventLog
import Foundation
import Projections

/// The whole daemon is this loop: `while let step = experiment.nextStep { append(perform(step)); experiment.evolve(…) }`.
///
/// A step's events are appended in one transaction. A process killed in the middle of a step has written nothing of it; the
/// next runner folds the log, finds the same next step and obtains the same bits.
package struct ExperimentRunner: Sendable {
  private let log: any EventLog
  private let performer: StepPerformer
  private let surroundings: Surroundings
  private let observer: any RunObserver

  /// Why a run ended.
  package enum End: Hashable, Sendable {
    /// The number of iterations asked for is done.
    case iterationsDone
    case paused(String)
    case stopped(String)
    case failed(String)
    case finished
    /// The process was asked to end; the experiment may go on.
    case shutDown
  }

  package init(
    log: any EventLog, parts: StepPerformer.Parts, surroundings: Surroundings, observer: any RunObserver
  ) {
    self.log = log
    performer = StepPerformer(log: log, parts: parts)
    self.surroundings = surroundings
    self.observer = observer
  }

  /// Takes the experiment up where the log ends and performs steps until it waits or is over.
  ///
  /// - Parameters:
  ///   - iterations: end after this many more iterations; nil for no limit.
  ///   - takeOver: take it from another process that still holds it.
  ///   - shutDown: asked before each step; true ends the run at this boundary.
  /// - Throws: the error of a part or of the log. A failure of a part is recorded as `ExperimentFailed` first.
  package func run(
    _ record: ExperimentRecord, iterations: Int? = nil, takeOver: Bool = false,
    shutDown: @Sendable () -> Bool = { false }
  ) async throws -> End {
    var stored = try await StoredExperiment.load(record, from: log)
    if stored.experiment.nextStep == nil { return end(of: stored.experiment) }
    let epoch = try await log.raiseEpoch(of: record.id, takeOver: takeOver)
    do {
      try await append([started(epoch)], to: &stored, epoch: epoch, label: "started")
      let end = try await perform(&stored, epoch: epoch, iterations: iterations, shutDown: shutDown)
      await log.releaseEpoch(epoch, of: record.id)
      return end
    } catch {
      await log.releaseEpoch(epoch, of: record.id)
      throw error
    }
  }

  private func perform(
    _ stored: inout StoredExperiment, epoch: Int64, iterations: Int?, shutDown: @Sendable () -> Bool
  ) async throws -> End {
    let last = iterations.map { stored.experiment.iterationsDone + $0 }
    var summary = SummaryBuilder()
    let restorer = WeightsRestorer(log: log, learner: performer.parts.learner)
    let observer = observer
    try await restorer.restore(stored.experiment) { observer.note($0) }
    while true {
      _ = try await stored.readOn(log)
      let isDone = last.map { stored.experiment.iterationsDone >= $0 } ?? false
      let isLeaving = shutDown() || (isDone && stored.experiment.ledger == nil)
      guard let step = isLeaving ? leavingStep(stored.experiment) : stored.experiment.nextStep else {
        return isDone ? .iterationsDone : isLeaving ? .shutDown : end(of: stored.experiment)
      }
      let measure = try await commit(step, to: &stored, epoch: epoch)
      if let finished = summary.take(measure, stored) { observer.iterationEnded(finished, of: stored.experiment) }
    }
  }

  /// What is still done at a boundary before the process leaves: weights that exist in memory only are saved.
  private func leavingStep(_ experiment: Experiment) -> Step? {
    experiment.life == .running && experiment.unsavedWeights ? .checkpoint : nil
  }

  private func commit(
    _ step: Step, to stored: inout StoredExperiment, epoch: Int64
  ) async throws -> StepMeasure {
    observer.stepBegan(step, of: stored.experiment)
    let began = surroundings.now()
    let observer = observer
    do {
      let performed = try await performer.perform(step, of: stored.experiment) { observer.progressed($0) }
      var measure = StepMeasure(step: step.name, seconds: surroundings.now() - began, tokens: performed.tokens)
      try await append(
        performed.events, to: &stored, epoch: epoch, label: step.name, acknowledgement: performed.acknowledgement,
        measure: measure)
      measure.seconds = surroundings.now() - began
      observer.stepEnded(measure, of: stored.experiment)
      return measure
    } catch let error as EventLogError {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      let failure = ExperimentFailed(step: step.name, error: "\(error)")
      let event = performer.newEvent(.experimentFailed(failure), stored.experiment)
      try await append([event], to: &stored, epoch: epoch, label: "failed")
      throw error
    }
  }

  /// Appends, and takes the events into the fold.
  ///
  /// Control events of others make the expected version stale. They do not change what a performed step is worth, so it is
  /// appended again after them; the next decision obeys them.
  private func append(
    _ events: [NewEvent], to stored: inout StoredExperiment, epoch: Int64, label: String,
    acknowledgement: Acknowledgement? = nil, measure: StepMeasure? = nil
  ) async throws {
    while true {
      let version = stored.experiment.version
      var after = stored
      let decoded = try events.map {
        try EventCoding.event(type: $0.type, schemaVersion: $0.schemaVersion, body: $0.body)
      }
      for (index, event) in decoded.enumerated() {
        after.take(event, version: version + Int64(index) + 1, position: after.position.advanced(by: 1))
      }
      do {
        let appended = try await log.append(
          Append(
            key: "\(stored.experiment.id)/\(epoch)/\(version)/\(label)", experiment: stored.experiment.id,
            expectedVersion: version, epoch: epoch, events: events, acknowledgement: acknowledgement,
            state: after.experiment.stateName, measure: measure.map { EventCoding.json($0) }))
        for (index, event) in decoded.enumerated() {
          stored.take(
            event, version: version + Int64(index) + 1, position: appended.first.advanced(by: index))
        }
        return
      } catch {
        guard case .wrongExpectedVersion = error else { throw error }
        let others = try await stored.readOn(log)
        guard !others.isEmpty, others.allSatisfy(\.isLife) else {
          throw EventLogError.corrupt("another writer appended to \(stored.experiment.name) under our epoch")
        }
      }
    }
  }

  private func started(_ epoch: Int64) -> NewEvent {
    let event = Event.experimentStarted(
      ExperimentStarted(
        host: surroundings.host, process: surroundings.process, software: surroundings.software,
        numericsProfile: surroundings.numericsProfile, epoch: Int(epoch)))
    return NewEvent(type: event.type, schemaVersion: EventCoding.schemaVersion, body: event.body)
  }

  private func end(of experiment: Experiment) -> End {
    switch experiment.life {
    case .paused(let reason): .paused(reason)
    case .stopped(let reason): .stopped(reason)
    case .failed(let reason): .failed(reason)
    case .running, .pauseRequested, .resumeRequested, .stopRequested: .finished
    }
  }
}
