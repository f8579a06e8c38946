import Domain
import EventLog
import Failpoints
import Foundation
import Projections
import Traces
import Tracing

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
  ///   - shutDown: asked before each step; true ends the run at this boundary. It may ask the log.
  /// - Throws: `UnfinishedImport`; the error of a part or of the log. A failure of a part is recorded as `ExperimentFailed`
  ///   first.
  package func run(
    _ record: ExperimentRecord, iterations: Int? = nil, takeOver: Bool = false,
    shutDown: @Sendable () async -> Bool = { false }
  ) async throws -> End {
    var stored = try await StoredExperiment.load(record, from: log)
    if stored.experiment.nextStep == nil { return end(of: stored.experiment) }
    try await ImportState.requireWhole(record.id, in: log)
    let epoch = try await log.raiseEpoch(of: record.id, takeOver: takeOver)
    do {
      try pass(.epochRaised)
      // The writer before us may have appended until its epoch ended.
      _ = try await stored.readOn(log)
      var end = end(of: stored.experiment)
      if stored.experiment.nextStep != nil {
        _ = try await append([started(epoch)], to: &stored, epoch: epoch, label: "started")
        end = try await perform(&stored, epoch: epoch, iterations: iterations, shutDown: shutDown)
      }
      try pass(.epochReleasing)
      await log.releaseEpoch(epoch, of: record.id)
      return end
    } catch {
      await log.releaseEpoch(epoch, of: record.id)
      throw error
    }
  }

  private func perform(
    _ stored: inout StoredExperiment, epoch: Int64, iterations: Int?, shutDown: @Sendable () async -> Bool
  ) async throws -> End {
    let last = iterations.map { stored.experiment.iterationsDone + $0 }
    var summary = SummaryBuilder(stored.experiment)
    try await restoreWeights(&stored, epoch: epoch)
    try pass(.weightsRestored)
    while true {
      _ = try await stored.readOn(log)
      let isDone = last.map { stored.experiment.iterationsDone >= $0 } ?? false
      // Who asked for a pause or a stop is obeyed even by a process that would leave anyway.
      let isRunning = stored.experiment.life == .running
      let isAsked = isRunning ? await shutDown() : false
      let isLeaving = isRunning && (isAsked || (isDone && stored.experiment.ledger == nil))
      guard let step = isLeaving ? leavingStep(stored.experiment) : stored.experiment.nextStep else {
        return !isRunning ? end(of: stored.experiment) : isDone ? .iterationsDone : isLeaving ? .shutDown : .finished
      }
      guard let measure = try await commit(step, to: &stored, epoch: epoch) else { continue }
      if let finished = summary.take(measure, stored) {
        observer.iterationEnded(finished, of: stored.experiment)
        try await stored.saveSnapshotIfDue(in: log)
      }
    }
  }

  /// What is still done at a boundary before the process leaves: weights that exist in memory only are saved.
  private func leavingStep(_ experiment: Experiment) -> Step? {
    experiment.unsavedWeights ? .checkpoint : nil
  }

  /// Weights that do not come out as recorded fail the experiment: trying again would only repeat the work.
  private func restoreWeights(_ stored: inout StoredExperiment, epoch: Int64) async throws {
    let restorer = WeightsRestorer(log: log, learner: performer.parts.learner)
    let observer = observer
    do {
      try await withSpan("restore weights", context: .topLevel) { span in
        span.updateAttributes { $0.describe(stored.experiment) }
        try await restorer.restore(stored.experiment) { observer.note($0) }
      }
    } catch let error as EventLogError {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      try await fail("restore weights", error, &stored, epoch: epoch)
    }
  }

  /// Records the failure of a part and throws it on.
  private func fail(
    _ step: String, _ error: any Error, _ stored: inout StoredExperiment, epoch: Int64
  ) async throws -> Never {
    let event = performer.newEvent(
      .experimentFailed(ExperimentFailed(step: step, error: "\(error)")), stored.experiment)
    _ = try await append([event], to: &stored, epoch: epoch, label: "failed")
    throw error
  }

  /// Performs and appends, as one trace, whose id follows from the key of the append (docs/metrics.md). Returns nil if the
  /// step was dropped because a request came in between.
  private func commit(
    _ step: Step, to stored: inout StoredExperiment, epoch: Int64
  ) async throws -> StepMeasure? {
    let key = appendKey(stored.experiment, epoch, step.name)
    return try await withSpan(step.name, context: .trace(named: key)) { span in
      span.updateAttributes { $0.describe(stored.experiment) }
      let measure = try await performAndAppend(step, to: &stored, epoch: epoch)
      span.updateAttributes { attributes in
        attributes["autodidact.tokens"] = measure?.tokens ?? 0
        attributes["autodidact.log_position"] = stored.position.rawValue
        attributes["autodidact.dropped"] = measure == nil
      }
      return measure
    }
  }

  private func performAndAppend(
    _ step: Step, to stored: inout StoredExperiment, epoch: Int64
  ) async throws -> StepMeasure? {
    observer.stepBegan(step, of: stored.experiment)
    let began = surroundings.now()
    let observer = observer
    do {
      let performed = try await performer.perform(step, of: stored.experiment) { observer.progressed($0) }
      var measure = StepMeasure(step: step.name, seconds: surroundings.now() - began, tokens: performed.tokens)
      let isAppended = try await append(
        performed.events, to: &stored, epoch: epoch, label: step.name, acknowledgement: performed.acknowledgement,
        measure: measure, unlessOvertaken: step)
      guard isAppended else { return nil }
      measure.seconds = surroundings.now() - began
      observer.stepEnded(measure, of: stored.experiment)
      if case .assess(let began, let ended) = step {
        for change in began { observer.note("\(change.condition.rawValue): \(change.condition.sentence(change))") }
        for change in ended { observer.note("\(change.condition.rawValue) is over") }
      }
      return measure
    } catch let error as EventLogError {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      try await fail(step.name, error, &stored, epoch: epoch)
    }
  }

  /// Appends, and takes the events into the fold.
  ///
  /// Control events of others make the expected version stale. They do not change what performed play is worth, so it is
  /// appended again after them; the next decision obeys them. The answer to a request is another matter: if `step` pauses,
  /// resumes or stops and a later request overtakes it, it is dropped, because appended after that request it would undo it.
  ///
  /// - Returns: false if the events were dropped.
  private func append(
    _ events: [NewEvent], to stored: inout StoredExperiment, epoch: Int64, label: String,
    acknowledgement: Acknowledgement? = nil, measure: StepMeasure? = nil, unlessOvertaken step: Step? = nil
  ) async throws -> Bool {
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
        try pass(.appendBefore)
        let append = Append(
          key: appendKey(stored.experiment, epoch, label), experiment: stored.experiment.id,
          expectedVersion: version, epoch: epoch, events: events, acknowledgement: acknowledgement,
          state: after.experiment.stateName, measure: measure.map { EventCoding.json($0) })
        let appended = try await withSpan("append") { span in
          span.updateAttributes { $0["autodidact.events"] = events.count }
          return try await log.append(append)
        }
        try pass(.appendCommitted)
        for (index, event) in decoded.enumerated() {
          stored.take(
            event, version: version + Int64(index) + 1, position: appended.first.advanced(by: index))
        }
        try pass(.appendEvolved)
        return true
      } catch let error as EventLogError {
        guard case .wrongExpectedVersion = error else { throw error }
        let others = try await stored.readOn(log)
        guard !others.isEmpty, others.allSatisfy(\.isLife) else {
          throw EventLogError.corrupt("another writer appended to \(stored.experiment.name) under our epoch")
        }
        if let step, step.changesLife, stored.experiment.nextStep != step { return false }
      }
    }
  }

  /// What makes an append recognisable: performed again by the same writer it is the same.
  private func appendKey(_ experiment: Experiment, _ epoch: Int64, _ label: String) -> String {
    "\(experiment.id)/\(epoch)/\(experiment.version)/\(label)"
  }

  /// A failpoint that fails looks like a log that cannot be reached.
  private func pass(_ point: Failpoint) throws(EventLogError) {
    do throws(FailpointError) { try point.pass() } catch {
      throw .unavailable(operation: point.rawValue, attempts: 1, reason: "\(error)")
    }
  }

  private func started(_ epoch: Int64) -> NewEvent {
    let event = Event.experimentStarted(
      ExperimentStarted(
        host: surroundings.host, process: surroundings.process, software: surroundings.software,
        numericsProfile: surroundings.numericsProfile, epoch: Int(epoch)))
    return NewEvent(event)
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

extension SpanAttributes {
  /// Where in which experiment a span begins.
  fileprivate mutating func describe(_ experiment: Experiment) {
    self["autodidact.experiment"] = experiment.name
    self["autodidact.iteration"] = experiment.ledger?.iteration ?? experiment.iterationsDone
    self["autodidact.policy_version"] = experiment.policyVersion
    self["autodidact.version"] = experiment.version
  }
}

extension Step {
  /// Whether it answers a request and does nothing else.
  fileprivate var changesLife: Bool {
    switch self {
    case .pause, .resume, .stop: true
    default: false
    }
  }
}
