import Daemon
import Domain
import EventLog
import Foundation
import Terminal

/// What the log tells about one proposal or attempt, found by position or by name.
struct Story {
  let log: any EventLog
  let record: ExperimentRecord
  var proposal: ProposalID?
  var attempt: AttemptID?

  /// - Throws: `Failure` for an id that is malformed or names nothing.
  static func find(_ id: String, in log: any EventLog) async throws -> Story {
    if let position = Int64(id) { return try await find(position, in: log) }
    let parts = id.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2, ProposalID(parts[1]) != nil || AttemptID(parts[1]) != nil else {
      throw Failure.usage(
        "'\(id)' is no id: allowed are a position, NAME/12.deduction.3 and NAME/12.solve.deduction.3.0")
    }
    return Story(
      log: log, record: try await log.requireExperiment(parts[0]), proposal: ProposalID(parts[1]),
      attempt: AttemptID(parts[1]))
  }

  private static func find(_ position: Int64, in log: any EventLog) async throws -> Story {
    guard let recorded = try await log.event(at: Position(position)),
      let record = try await log.experiment(recorded.experiment)
    else {
      throw Failure.notFound("no event at position \(position); the log ends at \(try await log.head().position)")
    }
    var story = Story(log: log, record: record)
    switch try recorded.event() {
    case .proposalMade(let made): story.proposal = made.proposal
    case .proposalVerified(let verified): story.proposal = verified.proposal
    case .problemAdmitted(let admitted): story.proposal = admitted.problem
    case .attemptMade(let made): story.attempt = made.attempt
    case .attemptVerified(let verified): story.attempt = verified.attempt
    default:
      throw Failure.usage("position \(position) is \(recorded.type), which is neither a proposal nor an attempt")
    }
    return story
  }

  /// A problem with every attempt at it.
  func problem(_ id: ProposalID) async throws -> String {
    var lines = ["problem \(record.name)/\(id)"]
    let found = try await all(["ProposalVerified"]).compactMap { recorded -> ProposalVerified? in
      if case .proposalVerified(let verified) = try recorded.event(), verified.proposal == id { verified } else { nil }
    }.first
    let problem: Problem
    if let known = found?.problem {
      problem = known
    } else if id == Experiment.zero(id.kind) {
      problem = Problem.zero(id.kind, inputs: try await settings().play.inputs)
    } else if let refused = found {
      throw Failure.failed("proposal \(id) was refused (\(refused.refusal?.rawValue ?? "")): it never became a problem")
    } else {
      throw Failure.notFound("\(record.name) has no problem \(id)")
    }
    lines += Self.show(problem)
    var rows = [["attempt", "policy", "verdict", "answer"]]
    for recorded in try await all(["AttemptVerified"]) {
      guard case .attemptVerified(let verified) = try recorded.event(), verified.problem == id else { continue }
      rows.append([
        "\(verified.attempt)", "\(recorded.policyVersion ?? 0)", verified.verdict.rawValue,
        String(verified.answer.replacing("\n", with: "⏎").prefix(60)),
      ])
    }
    lines += rows.count > 1 ? TextTable(rows: rows).lines.map { "  " + $0 } : ["  no attempts yet"]
    return lines.joined(separator: "\n")
  }

  /// A proposal: what it was shown, what it wrote, what became of it.
  func proposal(_ id: ProposalID) async throws -> String {
    guard
      let made = try await event(
        "ProposalMade", { if case .proposalMade(let made) = $0 { made.proposal == id } else { false } }),
      case .proposalMade(let body) = try made.event()
    else { throw Failure.notFound("\(record.name) has no proposal \(id)") }
    var lines = [
      "proposal \(record.name)/\(id) at position \(made.position), policy version \(made.policyVersion ?? 0)"
    ]
    lines.append("  references \(body.references.map(\.description).joined(separator: ", "))")
    if let program = body.program { lines.append("  program of \(program)") }
    lines += try await generation(made.position)
    let verified = try await event("ProposalVerified") {
      if case .proposalVerified(let verified) = $0 { verified.proposal == id } else { false }
    }
    if let verified, case .proposalVerified(let result) = try verified.event() {
      if let problem = result.problem {
        lines.append("accepted:")
        lines += Self.show(problem)
      } else {
        lines.append("refused: \(result.refusal?.rawValue ?? ""): \(result.detail)")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// An attempt: prompt, completion, verdict.
  func attempt(_ id: AttemptID) async throws -> String {
    guard
      let made = try await event(
        "AttemptMade", { if case .attemptMade(let made) = $0 { made.attempt == id } else { false } }),
      case .attemptMade(let body) = try made.event()
    else { throw Failure.notFound("\(record.name) has no attempt \(id)") }
    var lines = ["attempt \(record.name)/\(id) at position \(made.position), policy version \(made.policyVersion ?? 0)"]
    lines.append("  at problem \(body.problem)")
    lines += try await generation(made.position)
    let verified = try await event("AttemptVerified") {
      if case .attemptVerified(let verified) = $0 { verified.attempt == id } else { false }
    }
    if let verified, case .attemptVerified(let result) = try verified.event() {
      lines.append("verdict: \(result.verdict.rawValue)" + (result.detail.isEmpty ? "" : ": \(result.detail)"))
    }
    return lines.joined(separator: "\n")
  }

  private func generation(_ position: Position) async throws -> [String] {
    guard let generation = try await log.generations(at: [position])[position] else { return [] }
    let sum = generation.logProbabilities.reduce(0) { $0 + Double($1) }
    return [
      "  \(generation.tokens.count) tokens, log-probability \(Format.decimal(sum, 3)), ended by \(generation.finish), "
        + "random key \(generation.randomKey.hexadecimal)",
      "prompt:", Self.quoted(generation.prompt), "completion:", Self.quoted(generation.completion),
    ]
  }

  private func settings() async throws -> ExperimentSettings {
    switch try await all(["ExperimentCreated", "ExperimentForked"]).last?.event() {
    case .experimentCreated(let created): return created.settings
    case .experimentForked(let forked): return forked.settings
    default: throw Failure.failed("\(record.name) has no first event")
    }
  }

  private func all(_ types: [String]) async throws -> [RecordedEvent] {
    var events: [RecordedEvent] = []
    while true {
      let page = try await log.read(
        experiment: record.id, after: events.last?.position ?? .start, types: types, limit: LogLimits.readMax)
      events += page
      if page.count < LogLimits.readMax { return events }
    }
  }

  private func event(_ type: String, _ matches: (Event) -> Bool) async throws -> RecordedEvent? {
    try await all([type]).first { matches(try $0.event()) }
  }

  private static func show(_ problem: Problem) -> [String] {
    var lines = quoted(problem.program).split(separator: "\n").map(String.init)
    lines += problem.pairs.map { "  f(\($0.input)) → \($0.output)" }
    if !problem.message.isEmpty { lines.append("  message: \(problem.message)") }
    return lines
  }

  private static func quoted(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "  │ \($0)" }.joined(separator: "\n")
  }
}
