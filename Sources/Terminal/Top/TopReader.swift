import Daemon
import Domain
import EventLog
import Projections

/// Reads the log into pictures for `top`: folds are kept and read on, so that a frame costs a few short queries.
package struct TopReader {
  private let log: any EventLog
  private var book = AnnotationBook()
  private var stored: StoredExperiment?
  /// Mean rewards by iteration, of the chosen experiment, up to a position.
  private var rewards: [TopPicture.Reward] = []
  private var rewardsTo = Position.start

  private static let rewardsMax = 500

  package init(log: any EventLog) { self.log = log }

  /// - Parameter name: the experiment that is shown whole; nil: one that is held, else the newest.
  /// - Throws: `UnknownExperiment`, the log's errors.
  package mutating func picture(of name: String?) async throws -> TopPicture {
    let head = try await log.head().position
    let records = try await log.playedExperiments()
    let writers = try await log.writers()
    var rows: [TopPicture.Row] = []
    for record in records {
      let said = try await annotations(of: record)
      rows.append(
        TopPicture.Row(
          name: record.name, state: record.state, priority: said.priority, events: record.version, tags: said.tags,
          heldBy: writers.first { $0.experiment == record.name }.map { $0.place ?? "?" }))
    }
    let chosen = name ?? writers.first?.experiment ?? records.last?.name
    guard let chosen else { return TopPicture(position: head.rawValue, rows: [], detail: nil) }
    let record = try await log.requireExperiment(chosen)
    return TopPicture(position: head.rawValue, rows: rows, detail: try await detail(of: record))
  }

  private mutating func annotations(of record: ExperimentRecord) async throws -> Annotations {
    do { return try await book.annotations(of: record, in: log) } catch EventLogError.detached { return Annotations() }
  }

  private mutating func detail(of record: ExperimentRecord) async throws -> TopPicture.Detail {
    if stored?.experiment.id != record.id {
      stored = nil
      (rewards, rewardsTo) = ([], .start)
    }
    var folded = if let stored { stored } else { try await StoredExperiment.load(record, from: log) }
    _ = try await folded.readOn(log)
    stored = folded
    try await readRewards(of: record)
    let experiment = folded.experiment
    // An iteration in work that has not verified anything yet shows nothing: the one before is told until then.
    let current = experiment.ledger.flatMap { $0.proposals.contains { $0.verified != nil } ? $0 : nil }
    let ledger = current ?? folded.history.last?.ledger
    var summary: IterationSummary?
    if let ledger {
      let phases = try await PhaseReader(log: log).phases(of: ledger, experiment: record.id)
      summary = IterationSummary(ledger, settings: experiment.settings, phases: phases)
    }
    return TopPicture.Detail(
      name: experiment.name, state: experiment.stateName, reason: experiment.life.cause,
      iteration: experiment.ledger?.iteration ?? experiment.iterationsDone,
      iterationsMax: experiment.settings.iterations, policyVersion: experiment.policyVersion,
      nextStep: experiment.nextStep?.name, summary: summary, isInWork: current != nil, rewards: rewards,
      problems: ledger.map(Self.invented) ?? [],
      conditions: experiment.health.conditions.map {
        "\($0.condition.rawValue) since iteration \($0.iteration): \($0.condition.sentence($0))"
      }, note: try await annotations(of: record).note)
  }

  private static func invented(_ ledger: IterationLedger) -> [TopPicture.Invented] {
    ledger.accepted.map { id, problem in
      let probes = ledger.probes(of: id)
      let lines = problem.program.split(separator: "\n").map(String.init)
      // The line that says most: what the function returns.
      let said = lines.last { $0.contains("return") } ?? lines.last ?? problem.message
      return TopPicture.Invented(
        id: "\(id)", text: said.drop { $0 == " " }.description, solved: probes.correct, attempts: probes.attempts)
    }
  }

  private mutating func readRewards(of record: ExperimentRecord) async throws {
    while true {
      let page = try await log.read(
        experiment: record.id, after: rewardsTo, types: ["WeightsUpdated", "UpdateSkipped"], limit: 1000)
      for recorded in page {
        rewardsTo = recorded.position
        switch try recorded.event() {
        case .weightsUpdated(let updated): take(updated.groups, recorded.iteration)
        case .updateSkipped(let skipped): take(skipped.groups, skipped.iteration)
        default: break
        }
      }
      if page.count < 1000 { return }
    }
  }

  private mutating func take(_ groups: [RewardGroup], _ iteration: Int?) {
    func mean(_ role: Role) -> Double? {
      let chosen = groups.filter { $0.role == role && $0.problem == nil }
      let samples = chosen.reduce(0) { $0 + $1.samples }
      return samples == 0 ? nil : chosen.reduce(0) { $0 + $1.meanReward * Double($1.samples) } / Double(samples)
    }
    rewards.append(
      TopPicture.Reward(iteration: iteration ?? rewards.count + 1, proposer: mean(.proposer), solver: mean(.solver)))
    if rewards.count > Self.rewardsMax { rewards.removeFirst(rewards.count - Self.rewardsMax) }
  }
}

extension Experiment.Life {
  /// Why the experiment waits or ended; nil while it runs.
  fileprivate var cause: String? {
    switch self {
    case .running: nil
    case .pauseRequested(let reason), .paused(let reason), .resumeRequested(let reason), .stopRequested(let reason),
      .stopped(let reason), .failed(let reason):
      reason
    }
  }
}
