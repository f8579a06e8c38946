import Daemon
import Domain
import EventLog
import Terminal

extension Story {
  /// The events of a proposal with every attempt at its problem, or of one attempt, in the order of the log, each with what
  /// was sampled for it: `show … --json`.
  ///
  /// - Throws: `Failure` if there is none.
  func json() async throws -> String {
    var events: [RecordedEvent] = []
    var position = Position.start
    while true {
      let page = try await log.read(
        experiment: record.id, after: position,
        types: ["ProposalMade", "ProposalVerified", "ProblemAdmitted", "AttemptMade", "AttemptVerified"],
        limit: LogLimits.readMax)
      events += try page.filter { isPart(try $0.event()) }
      guard page.count == LogLimits.readMax, let last = page.last else { break }
      position = last.position
    }
    guard !events.isEmpty else {
      throw Failure.notFound(
        "\(record.name) has no \(proposal.map { "\($0)" } ?? attempt.map { "\($0)" } ?? "such thing")")
    }
    let generations = try await log.generations(at: events.map(\.position))
    let subject = proposal.map { "\($0)" } ?? attempt.map { "\($0)" } ?? ""
    let value: JSONValue = [
      "experiment": .text(record.name), "id": .text(subject),
      "events": .list(events.map { Self.object($0, generations[$0.position]) }),
    ]
    return value.line
  }

  private func isPart(_ event: Event) -> Bool {
    switch event {
    case .proposalMade(let made): made.proposal == proposal
    case .proposalVerified(let verified): verified.proposal == proposal
    case .problemAdmitted(let admitted): admitted.problem == proposal
    case .attemptMade(let made): proposal.map { made.problem == $0 } ?? (made.attempt == attempt)
    case .attemptVerified(let verified): proposal.map { verified.problem == $0 } ?? (verified.attempt == attempt)
    default: false
    }
  }

  private static func object(_ event: RecordedEvent, _ generation: GenerationRecord?) -> JSONValue {
    var fields: [String: JSONValue] = [
      "position": .integer(event.position.rawValue), "version": .integer(event.version), "type": .text(event.type),
      "recorded_at": .text(date(event.recordedAt)), "body": JSONValue(json: event.body),
    ]
    if let version = event.policyVersion { fields["policy_version"] = JSONValue(version) }
    if let generation {
      fields["generation"] = [
        "prompt": .text(generation.prompt), "completion": .text(generation.completion),
        "finish": .text(generation.finish), "sampling": JSONValue(json: generation.sampling),
        "tokens": .list(generation.tokens.map { .integer(Int64($0)) }),
        "log_probabilities": .list(generation.logProbabilities.map { .number(Double($0)) }),
      ]
    }
    return .object(fields)
  }
}
