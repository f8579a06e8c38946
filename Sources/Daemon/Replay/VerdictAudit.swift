import Domain
import EventLog

/// Verifies recorded proposals and answers again under the present verifier and lists what comes out otherwise: another
/// Python, another limit, another machine. Reads the log and writes nothing. `autodidact audit` calls it.
package struct VerdictAudit: Sendable {
  private let log: any EventLog
  private let parts: StepPerformer.Parts

  package init(log: any EventLog, environment: any Environment, verifier: any Verifier) {
    self.log = log
    parts = StepPerformer.Parts(
      environment: environment, policy: NoModel(), verifier: verifier, learner: NoModel())
  }

  /// What the audit found.
  package struct Report: Hashable, Codable, Sendable {
    package var experiment: String
    /// Verdicts recorded, and those verified again.
    package var recorded = 0
    package var audited = 0
    package var differences: [Difference] = []
  }

  /// A verdict that comes out otherwise: `left` is recorded, `right` found.
  package struct Difference: Hashable, Codable, Sendable {
    package var position: Int64
    package var iteration: Int?
    package var subject: String
    package var difference: EventDifference
  }

  /// - Parameters:
  ///   - sample: how many verdicts, spread evenly over the experiment; nil for all.
  ///   - progress: told after each step with the number audited so far.
  package func audit(
    _ record: ExperimentRecord, sample: Int? = nil, progress: @Sendable (Int) -> Void = { _ in }
  ) async throws -> Report {
    let counts = try await StoredExperiment.load(record, from: log).eventCounts
    var report = Report(experiment: record.name)
    report.recorded = counts["ProposalVerified", default: 0] + counts["AttemptVerified", default: 0]
    let choice = Choice(of: report.recorded, sample: sample)
    var cursor = EventCursor(record.id, log)
    guard let first = try await cursor.next()?.recorded, case .experimentCreated(let created) = try first.event() else {
      throw EventLogError.corrupt("experiment \(record.name) does not begin with ExperimentCreated")
    }
    var experiment = Experiment(id: record.id, created: created)
    let performer = StepPerformer(log: log, parts: parts)
    var seen = 0
    while let next = try await cursor.peek() {
      let isVerdict = next.type == "ProposalVerified" || next.type == "AttemptVerified"
      guard isVerdict, let step = experiment.nextPlayStep else {
        try await Self.take(&cursor, &experiment)
        continue
      }
      let before = experiment
      var verdicts: [RecordedEvent] = []
      for _ in 0..<step.verdicts {
        if let event = try await Self.take(&cursor, &experiment) { verdicts.append(event) }
      }
      let chosen = verdicts.indices.filter { choice.contains(seen + $0) }
      seen += verdicts.count
      guard !chosen.isEmpty else { continue }
      report.differences += try await compare(
        verdicts, chosen, step, before: before, performer, isSampled: sample != nil)
      report.audited += chosen.count
      progress(report.audited)
    }
    return report
  }

  /// Which verdicts are audited, by number.
  private struct Choice {
    let all: Int
    let sample: Int

    init(of all: Int, sample: Int?) {
      self.all = all
      self.sample = min(sample ?? all, all)
    }

    /// Number i is chosen if the i-th of `all` equal steps crosses into another of `sample` equal ones.
    func contains(_ number: Int) -> Bool { (number + 1) * sample / max(all, 1) > number * sample / max(all, 1) }
  }

  @discardableResult
  private static func take(
    _ cursor: inout EventCursor, _ experiment: inout Experiment
  ) async throws -> RecordedEvent? {
    guard let recorded = try await cursor.next()?.recorded else { return nil }
    experiment.evolve(try recorded.event(), version: recorded.version, position: recorded.position.rawValue)
    return recorded
  }

  private func compare(
    _ verdicts: [RecordedEvent], _ chosen: [Int], _ step: Step, before experiment: Experiment,
    _ performer: StepPerformer, isSampled: Bool
  ) async throws -> [Difference] {
    let performed = try await performer.perform(step.only(chosen), of: experiment) { _ in }
    precondition(performed.events.count == chosen.count, "\(performed.events.count) verdicts for \(chosen.count)")
    return try zip(chosen, performed.events).compactMap { index, event in
      let recorded = verdicts[index]
      guard let difference = EventDifference.first(PlayedEvent(recorded, nil), PlayedEvent(event)) else { return nil }
      // Whether a problem repeats an earlier one of its step cannot be seen without that one.
      if isSampled, case .proposalVerified(let verified) = try recorded.event(), verified.refusal == .duplicate {
        return nil
      }
      return Difference(
        position: recorded.position.rawValue, iteration: recorded.iteration,
        subject: try recorded.event().subject ?? "", difference: difference)
    }
  }
}

/// Stands where a model would: an audit performs no step that needs one.
private struct NoModel: Policy, Learner {
  private func refuse() -> Never { preconditionFailure("an audit neither samples nor trains") }

  var policyVersion: PolicyVersion { get async { 0 } }
  func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] { refuse() }
  func update(
    _ samples: [TrainingSample], settings: LearnerSettings, progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> UpdateOutcome { refuse() }
  func save(experiment: ExperimentID, head: LogAnchor) async throws -> Checkpoint { refuse() }
  func load(_ checkpoint: Checkpoint, experiment: ExperimentID) async throws { refuse() }
  func reset() async throws { refuse() }
}

extension Step {
  /// How many verdicts the step gives.
  fileprivate var verdicts: Int {
    switch self {
    case .verifyProposals(let entries): entries.count
    case .verifyAttempts(let plans): plans.count
    default: 0
    }
  }

  /// The step with some of its verdicts.
  fileprivate func only(_ indices: [Int]) -> Step {
    switch self {
    case .verifyProposals(let entries): .verifyProposals(indices.map { entries[$0] })
    case .verifyAttempts(let plans): .verifyAttempts(indices.map { plans[$0] })
    default: self
    }
  }
}
