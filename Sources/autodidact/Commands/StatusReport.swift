import Daemon
import Domain
import EventLog
import Foundation
import Projections
import Terminal

/// What `status` says of one experiment.
struct StatusReport: Encodable {
  var name: String
  var id: String
  var state: String
  /// The experiment it was forked from, and the last version it shares.
  var parent: String?
  var parentVersion: Int64?
  /// Why it waits or ended.
  var reason: String?
  /// What people said of it.
  var tags: [String]
  var note: String
  var priority: Int
  /// Host and process that hold it; nil if none does.
  var heldBy: String?
  /// Completed self-play iterations.
  var iterations: Int
  var iterationsMax: Int
  var seedingRounds: Int
  var policyVersion: Int
  var checkpointVersion: Int?
  /// What is done next; nil if nothing is.
  var nextStep: String?
  var problems: [String: Int]
  /// Conditions of its health that hold, each with the figure that began it.
  var conditions: [ConditionChange]
  /// Consumers of it that failed, with what stopped them.
  var stopped: [String: String]
  var events: [String: Int]
  var eventsAll: Int64
  var lastPosition: Int64
  /// Hash of the whole log's head.
  var logHash: String
  var lastIteration: IterationSummary?
  /// Canonical digest of everything computed; read whole, so only where it is asked for.
  var digest: String?

  init(_ record: ExperimentRecord, _ stored: StoredExperiment, log: any EventLog) async throws {
    let experiment = stored.experiment
    name = experiment.name
    id = experiment.id.description
    state = experiment.stateName
    parent = experiment.fork?.parent
    parentVersion = experiment.fork?.parentVersion
    reason = experiment.life.reason
    let annotations = try await log.annotationsIfThere(of: record)
    (tags, note, priority) = (annotations.tags, annotations.note, annotations.priority)
    iterations = experiment.iterationsDone
    iterationsMax = experiment.settings.iterations
    seedingRounds = experiment.seedingRoundsDone
    policyVersion = experiment.policyVersion
    checkpointVersion = experiment.checkpoint?.policyVersion
    nextStep = experiment.nextStep?.name
    problems = Dictionary(uniqueKeysWithValues: experiment.buffers.map { ($0.key.rawValue, $0.value.count) })
    conditions = experiment.health.conditions
    let consumers = try await log.consumers().filter { $0.consumer.experiment == record.id && $0.state == .failed }
    stopped = Dictionary(consumers.map { ($0.consumer.name, $0.failure ?? "") }) { first, _ in first }
    events = stored.eventCounts
    eventsAll = experiment.version
    lastPosition = stored.position.rawValue
    logHash = try await log.head().hash.hexadecimal
    lastIteration = try await Self.lastIteration(stored, log)
  }

  private static func lastIteration(_ stored: StoredExperiment, _ log: any EventLog) async throws -> IterationSummary? {
    guard let last = stored.history.last else { return nil }
    let phases = try await PhaseReader(log: log).phases(of: last.ledger, experiment: stored.experiment.id)
    return IterationSummary(
      last.ledger, settings: stored.experiment.settings, phases: phases, difficulty: stored.experiment.difficulty)
  }

  /// Event types are data, not field names: encoded by hand so that they keep their case.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = (try? encoder.encode(self)) ?? Data("{}".utf8)
    return String(decoding: data, as: UTF8.self)
  }

  enum CodingKeys: String, CodingKey {
    case name, id, state, parent, reason, tags, note, priority, iterations, problems, conditions, stopped, events,
      digest
    case parentVersion = "parent_version"
    case heldBy = "held_by"
    case iterationsMax = "iterations_max"
    case seedingRounds = "seeding_rounds"
    case policyVersion = "policy_version"
    case checkpointVersion = "checkpoint_version"
    case nextStep = "next_step"
    case eventsAll = "events_all"
    case lastPosition = "last_position"
    case logHash = "log_hash"
    case lastIteration = "last_iteration"
  }

  /// As people read it.
  func text(_ style: Style) -> String {
    var lines = ["\(style.bold(name)): \(style.state(state))" + (reason.map { " (\($0))" } ?? "")]
    if let parent { lines.append("  forked from \(parent) after version \(parentVersion ?? 0)") }
    lines.append(
      "  iteration \(iterations) of \(iterationsMax), policy version \(policyVersion), "
        + (checkpointVersion.map { "weights saved at version \($0)" } ?? "no weights saved yet"))
    lines += said
    let buffers = Kind.allCases.compactMap { kind in problems[kind.rawValue].map { "\(kind.rawValue) \($0)" } }
    lines.append("  problems   " + buffers.joined(separator: ", "))
    for (name, failure) in stopped.sorted(by: { $0.key < $1.key }) { lines.append("  stopped    \(name): \(failure)") }
    for change in conditions {
      lines.append(
        "  health     \(change.condition.rawValue) since iteration \(change.iteration): "
          + change.condition.sentence(change))
    }
    lines.append("  events     \(eventsAll), last position \(lastPosition), log hash \(logHash.prefix(16))…")
    lines.append("  next step  \(nextStep ?? "none")")
    if let lastIteration {
      let summary = SummaryText(summary: lastIteration)
      lines.append("  last: \(summary.title)")
      lines += summary.lines.map { "  " + $0 } + summary.example.map { "  " + $0 }
    }
    return lines.joined(separator: "\n")
  }
}

extension StatusReport {
  /// Tags, note, priority and holder, as far as there are any.
  private var said: [String] {
    var lines: [String] = []
    if let heldBy { lines.append("  held by    \(heldBy)") }
    if priority != 0 { lines.append("  priority   \(priority)") }
    if !tags.isEmpty { lines.append("  tags       " + tags.joined(separator: " ")) }
    for (number, line) in note.split(separator: "\n", omittingEmptySubsequences: false).enumerated() where !note.isEmpty
    {
      lines.append((number == 0 ? "  note       " : "             ") + line)
    }
    return lines
  }
}

extension Experiment.Life {
  /// Why the experiment waits or ended; nil while it runs.
  var reason: String? {
    switch self {
    case .running: nil
    case .pauseRequested(let reason), .paused(let reason), .resumeRequested(let reason), .stopRequested(let reason),
      .stopped(let reason), .failed(let reason):
      reason
    }
  }
}
