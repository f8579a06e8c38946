import Foundation
import HTTPTypes
import Logging

/// The changes: as JSON for programs, as forms for the pages. Both end in `ExperimentOperator`.
struct ControlEndpoints: Sendable {
  let gate: Gate
  let experiments: any ExperimentOperator
  let reading: Reading
  let logger: Logger

  /// Characters of the reason, which is recorded in the log for good; as the description counts them.
  static let reasonMax = 500
  static let actions = ControlWish.allCases.map(\.rawValue) + ["fork", "annotate"]

  // MARK: JSON

  /// `POST /api/v1/experiments/{name}/{action}`
  func json(_ call: Call, name: String, action: String, _ caller: Caller?) async throws(WebError) -> Answer {
    let caller = try admit(call, caller)
    // A page of another site cannot send this type without asking first, and is not answered.
    guard call.mediaType == "application/json" else {
      throw WebError(.unsupportedMediaType, "the body's type is '\(call.mediaType)', allowed is application/json")
    }
    try await reading.requireExperiment(name)
    let outcome: ControlOutcome
    if let wish = ControlWish(rawValue: action) {
      let body = try ReasonBody.decode(call.body)
      try gate.takeOperation(caller)
      outcome = await experiments.ask(wish, of: name, reason: try reason(body.reason, caller))
    } else if action == "annotate" {
      let wish = try AnnotationWish.decode(call.body)
      try gate.takeOperation(caller)
      outcome = await experiments.annotate(name, wish, way: way(caller))
    } else {
      let body = try ForkWish.decode(call.body)
      try body.check()
      try gate.takeOperation(caller)
      outcome = await experiments.fork(name, body)
    }
    note(action, name, caller, outcome)
    return try Self.answer(outcome, name, action)
  }

  private static func answer(_ outcome: ControlOutcome, _ name: String, _ action: String) throws(WebError) -> Answer {
    struct Done: Encodable {
      var experiment, action, outcome: String
      var position: Int64?
      var state: String?
      var tags: [String]?
      var note: String?
      var priority: Int?
    }
    switch outcome {
    case .requested(let position):
      return .json(
        202, JSONText.of(Done(experiment: name, action: action, outcome: "requested", position: position)))
    case .forked(let new, let position):
      var answer = Answer.json(
        201, JSONText.of(Done(experiment: new, action: action, outcome: "forked", position: position)))
      answer.headers[.location] = "/api/v1/experiments/\(new)"
      return answer
    case .already(let state):
      return .json(200, JSONText.of(Done(experiment: name, action: action, outcome: "already", state: state)))
    case .annotated(let now, let position):
      return .json(
        200,
        JSONText.of(
          Done(
            experiment: name, action: action, outcome: position == nil ? "already" : "annotated", position: position,
            tags: now.tags, note: now.note, priority: now.priority)))
    default: throw failure(outcome, name)
    }
  }

  private static func failure(_ outcome: ControlOutcome, _ name: String) -> WebError {
    switch outcome {
    case .refused(let reason): WebError(.refused, reason)
    case .nameTaken(let name): WebError(.nameTaken, "an experiment is named '\(name)' already")
    case .invalid(let reason): WebError(.badBody, reason)
    case .unknownExperiment: WebError(.unknownExperiment, "no experiment is named '\(name)'")
    case .unavailable: WebError(.unavailable, "the database does not answer", retryAfter: 2)
    case .requested, .forked, .annotated, .already, .failed:
      WebError(.internalError, "something is wrong with this server; its log says what")
    }
  }

  // MARK: Forms

  /// `POST /experiments/{name}/{action}` of the pages: fields csrf, confirm=yes, reason, or at, new and set.
  func form(_ call: Call, name: String, action: String, _ caller: Caller?) async throws(WebError) -> Answer {
    let caller = try admit(call, caller)
    guard call.mediaType == "application/x-www-form-urlencoded" else {
      throw WebError(.unsupportedMediaType, "a form is application/x-www-form-urlencoded")
    }
    guard let text = String(data: call.body, encoding: .utf8), let fields = Call.fields(text) else {
      throw WebError(.badBody, "the form is not UTF-8")
    }
    func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    try gate.checkCSRF(value("csrf"), caller)
    guard value("confirm") == "yes" else {
      throw WebError(.unconfirmed, "\(action) of \(name) was not confirmed: the field confirm is not yes")
    }
    try await reading.requireExperiment(name)
    let outcome: ControlOutcome
    if let wish = ControlWish(rawValue: action) {
      try gate.takeOperation(caller)
      outcome = await experiments.ask(wish, of: name, reason: try reason(value("reason"), caller))
    } else if action == "annotate" {
      let wish = try AnnotationWish(form: value)
      try gate.takeOperation(caller)
      outcome = await experiments.annotate(name, wish, way: way(caller))
    } else {
      // One setting a line, or a field each.
      let set = fields.filter { $0.name == "set" }.flatMap { $0.value.split(whereSeparator: \.isNewline) }
        .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      let fork = ForkWish(at: value("at") ?? "", name: value("new") ?? value("name") ?? "", set: set)
      try fork.check()
      try gate.takeOperation(caller)
      outcome = await experiments.fork(name, fork)
    }
    note(action, name, caller, outcome)
    switch outcome {
    case .requested, .already, .annotated: return .seeOther("/experiments/\(Self.escaped(name))")
    case .forked(let new, _): return .seeOther("/experiments/\(Self.escaped(new))")
    default: throw Self.failure(outcome, name)
    }
  }

  // MARK: Both

  private func admit(_ call: Call, _ caller: Caller?) throws(WebError) -> Caller {
    let caller = try gate.require(.operate, of: caller)
    if !caller.isBearer { try gate.checkOrigin(call) }
    guard call.query.isEmpty else { throw WebError(.badParameter, "a change takes no query parameters") }
    return caller
  }

  /// What is recorded: the caller's words, and by which way they came.
  private func reason(_ given: String?, _ caller: Caller) throws(WebError) -> String {
    let words = (given ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    guard words.unicodeScalars.count <= Self.reasonMax, !words.unicodeScalars.contains("\0") else {
      throw WebError(
        .badBody,
        "the reason is \(words.unicodeScalars.count) characters long, allowed are \(Self.reasonMax) without NUL")
    }
    let way = way(caller)
    return words.isEmpty ? "asked \(way)" : "\(words) (\(way))"
  }

  private func way(_ caller: Caller) -> String { caller.token.map { "over HTTP, token \($0)" } ?? "over HTTP" }

  private func note(_ action: String, _ name: String, _ caller: Caller, _ outcome: ControlOutcome) {
    logger.notice(
      "\(action)", metadata: ["experiment": "\(name)", "by": "\(caller.token ?? caller.key)", "outcome": "\(outcome)"])
  }

  static func escaped(_ name: String) -> String {
    var allowed = CharacterSet.urlPathAllowed
    allowed.remove("/")
    return name.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
  }
}
