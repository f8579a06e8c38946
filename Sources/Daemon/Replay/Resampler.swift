import Domain
import EventLog

/// Performs an experiment again from its first event, generation and verification included, and reports the first event that
/// comes out otherwise. Everything goes to a scratch log in memory; the real one is only read. `replay --resample` calls it.
///
/// Events of the process's life (starts, requests, pauses, checkpoints) are taken over where they lie: they decide nothing
/// that is computed, and the versions stay the recorded ones.
package struct Resampler: Sendable {
  private let log: any EventLog
  private let parts: StepPerformer.Parts
  private let surroundings: Surroundings

  package init(log: any EventLog, parts: StepPerformer.Parts, surroundings: Surroundings) {
    self.log = log
    self.parts = parts
    self.surroundings = surroundings
  }

  /// - Parameters:
  ///   - to: the last iteration to perform; nil for all that is recorded.
  ///   - stepped: told after each step that came out as recorded.
  /// - Throws: errors of the parts and of the log.
  package func resample(
    _ record: ExperimentRecord, to iteration: Int? = nil, stepped: @Sendable (Step) -> Void = { _ in }
  ) async throws -> ResampleReport {
    var run = try await Run(record, log)
    let performer = StepPerformer(log: run.scratch, parts: parts)
    try await parts.learner.reset()
    var report = ResampleReport(experiment: record.name, numericsProfile: surroundings.numericsProfile)
    while let next = try await run.cursor.peek() {
      let event = try next.event()
      guard event.isPlay else {
        if case .experimentStarted(let started) = event { report.noteProfile(started.numericsProfile) }
        try await run.takeOver()
        continue
      }
      let experiment = run.stored.experiment
      guard let step = experiment.nextPlayStep else {
        report.divergence = .unexpected(next)
        break
      }
      if case .begin(let started) = step, let iteration, started.iteration > iteration { break }
      let performed = try await performer.perform(step, of: experiment) { _ in }
      if let divergence = try await run.compare(performed) {
        report.divergence = divergence
        break
      }
      report.events += performed.events.count
      report.tokens += performed.tokens
      try await run.append(performed.events, performed.acknowledgement)
      stepped(step)
    }
    report.iterations = run.stored.experiment.iterationsDone
    return report
  }

  /// The recorded stream and the scratch log beside it.
  private struct Run {
    let scratch: any EventLog
    var cursor: EventCursor
    var stored: StoredExperiment

    init(_ record: ExperimentRecord, _ log: any EventLog) async throws {
      // Times are in nothing that is compared.
      scratch = InMemoryEventLog(clock: ContinuousClock()) { Timestamp(microseconds: 0) }
      cursor = EventCursor(record.id, log)
      guard let first = try await cursor.next() else {
        throw EventLogError.corrupt("experiment \(record.name) has no events")
      }
      _ = try await scratch.createExperiment(
        record.id, name: record.name, state: "resampled", events: [NewEvent(first.recorded)], key: "resample/0")
      stored = try await StoredExperiment.load(record, from: scratch)
    }

    /// Takes the next recorded event as it is.
    mutating func takeOver() async throws {
      guard let next = try await cursor.next() else { return }
      try await append([NewEvent(next.recorded)], nil)
    }

    mutating func append(_ events: [NewEvent], _ acknowledgement: Acknowledgement?) async throws {
      let experiment = stored.experiment
      _ = try await scratch.append(
        Append(
          key: "resample/\(experiment.version)", experiment: experiment.id, expectedVersion: experiment.version,
          epoch: nil, events: events, acknowledgement: acknowledgement))
      _ = try await stored.readOn(scratch)
    }

    /// Compares what was performed with the recorded events that are next, and takes those.
    mutating func compare(_ performed: StepPerformer.Performed) async throws -> ResampleReport.Divergence? {
      for event in performed.events {
        guard let (recorded, generation) = try await cursor.next() else {
          throw EventLogError.corrupt(
            "\(stored.experiment.name) ends within a step, after version \(stored.experiment.version)")
        }
        let difference = EventDifference.first(PlayedEvent(recorded, generation), PlayedEvent(event))
        if let difference { return ResampleReport.Divergence(recorded, difference) }
      }
      return nil
    }
  }
}

extension NewEvent {
  /// A recorded event as it was written, without its cause, which is a position of another log.
  init(_ recorded: RecordedEvent) {
    self.init(
      type: recorded.type, schemaVersion: recorded.schemaVersion, iteration: recorded.iteration,
      policyVersion: recorded.policyVersion, body: recorded.body)
  }
}

/// What performing an experiment again gave.
package struct ResampleReport: Hashable, Codable, Sendable {
  package var experiment: String
  /// Of this machine, and those it was recorded under.
  package var numericsProfile: String
  package var recordedProfiles: [String] = []
  /// What came out as recorded: iterations, events of the play, tokens sampled and trained.
  package var iterations = 0
  package var events = 0
  package var tokens = 0
  package var divergence: Divergence?

  package init(experiment: String, numericsProfile: String) {
    self.experiment = experiment
    self.numericsProfile = numericsProfile
  }

  /// The first event that came out otherwise: `left` is recorded, `right` what was performed.
  package struct Divergence: Hashable, Codable, Sendable {
    package var position: Int64
    package var version: Int64
    package var iteration: Int?
    package var type: String
    /// The proposal, attempt or problem it is about; empty for the others.
    package var subject: String
    package var difference: EventDifference

    init(_ recorded: RecordedEvent, _ difference: EventDifference) {
      position = recorded.position.rawValue
      version = recorded.version
      iteration = recorded.iteration
      type = recorded.type
      subject = (try? recorded.event())?.subject ?? ""
      self.difference = difference
    }

    static func unexpected(_ recorded: RecordedEvent) -> Divergence {
      Divergence(
        recorded,
        EventDifference(
          field: "type", left: recorded.type, right: "nothing",
          cause: "the recorded experiment goes on where all iterations of its settings are done"))
    }
  }

  mutating func noteProfile(_ profile: String) {
    if !recordedProfiles.contains(profile) { recordedProfiles.append(profile) }
  }

  /// Whether the bits may be expected to agree: they are promised on one numerics profile.
  package var isSameProfile: Bool { recordedProfiles.allSatisfy { $0 == numericsProfile } }
}

extension Event {
  /// The proposal, attempt or problem an event is about.
  var subject: String? {
    switch self {
    case .proposalMade(let made): made.proposal.description
    case .proposalVerified(let verified): verified.proposal.description
    case .attemptMade(let made): made.attempt.description
    case .attemptVerified(let verified): verified.attempt.description
    case .problemAdmitted(let admitted): admitted.problem.description
    default: nil
    }
  }
}
