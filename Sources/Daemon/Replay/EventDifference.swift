import Domain
import EventLog
import Foundation

/// Where two events that should be the same first differ, and what that says about the cause.
package struct EventDifference: Hashable, Codable, Sendable {
  /// `type`, a path into the body such as `problem.pairs[0].output`, or a part of the generation such as `tokens`.
  package var field: String
  package var left: String
  package var right: String
  /// The first token that differs, in `tokens` and `log_probabilities`.
  package var token: Int?
  /// In words.
  package var cause: String

  /// Values longer than this are cut for showing.
  static let shownMax = 160

  /// The first difference; nil if the events are the same.
  static func first(_ left: PlayedEvent, _ right: PlayedEvent) -> EventDifference? {
    guard left.type == right.type else {
      return EventDifference(
        field: "type", left: left.type, right: right.type,
        cause: "another step was decided: what was recorded before does not lead to this event")
    }
    let inBody = left.body == right.body ? nil : bodyDifference(left, right)
    let inGeneration = generationDifference(left.generation, right.generation)
    // Another seed explains what was drawn to be shown, and not the other way round.
    let isDrawn = inBody.map { $0.field.hasPrefix("references") || $0.field == "program" } ?? false
    if isDrawn, let inGeneration, inGeneration.field == "random_key" { return inGeneration }
    if let difference = inBody ?? inGeneration { return difference }
    guard left.iteration == right.iteration, left.policyVersion == right.policyVersion else {
      func place(_ event: PlayedEvent) -> String {
        "iteration \(event.iteration ?? 0), policy version \(event.policyVersion ?? 0)"
      }
      return EventDifference(
        field: "place", left: place(left), right: place(right), cause: "the same event at another place of the play")
    }
    return nil
  }

  // MARK: Bodies

  private static func bodyDifference(_ left: PlayedEvent, _ right: PlayedEvent) -> EventDifference {
    let values = [left, right].map { try? JSONSerialization.jsonObject(with: $0.body) }
    let found = JSONDifference.first(values[0] ?? nil, values[1] ?? nil, path: "")
    // Bytes that differ without a value that does: written by another version of the program.
    let (field, a, b) = found ?? ("body", shown(left.body), shown(right.body))
    return EventDifference(
      field: field, left: String(a.prefix(shownMax)), right: String(b.prefix(shownMax)),
      cause: bodyCause(left.type, field))
  }

  private static func shown(_ body: Data) -> String { String(decoding: body, as: UTF8.self) }

  private static func bodyCause(_ type: String, _ field: String) -> String {
    switch (type, field.prefix { $0 != "." && $0 != "[" }) {
    case ("ProposalVerified", _), ("AttemptVerified", _):
      "the verifier judged the same text otherwise: its settings, its Python or its limits"
    case ("ProposalMade", "references"), ("ProposalMade", "program"):
      "other problems were drawn to be shown: another seed, or other settings of the play or the curriculum"
    case ("ProposalMade", _), ("AttemptMade", _), ("ProblemAdmitted", _), ("IterationStarted", _):
      "the play was decided otherwise: its settings differ"
    case ("CurriculumChosen", _):
      "the curriculum was chosen otherwise: its settings differ, or the attempts before it do"
    case ("UpdateTried", _):
      "the update was tried otherwise: its settings, its problems, the weights or the verifier differ"
    case ("WeightsUpdated", "consumed"): "other samples were trained: settings of the play or of the learner"
    case ("WeightsUpdated", "groups"), ("UpdateSkipped", "groups"):
      "the same verdicts gave other rewards: the reward formula, its constants or the baselines"
    case ("WeightsUpdated", "batch_digest"): "the same rewards gave other advantages: settings of advantages"
    case ("WeightsUpdated", _): "the same batch moved the weights otherwise: settings of the learner, or kernels"
    default: "the event says something else"
    }
  }

  // MARK: Generations

  private static func generationDifference(_ left: GenerationRecord?, _ right: GenerationRecord?) -> EventDifference? {
    guard let left, let right else {
      guard (left == nil) != (right == nil) else { return nil }
      return EventDifference(
        field: "generation", left: left == nil ? "none" : "present", right: right == nil ? "none" : "present",
        cause: "tokens are recorded on one side only")
    }
    if left.randomKey != right.randomKey { return keyDifference(left.randomKey, right.randomKey) }
    if left.prompt != right.prompt {
      let place = left.prompt.commonPrefix(with: right.prompt).count
      func from(_ text: String) -> String { "…" + text.dropFirst(max(0, place - 20)).prefix(shownMax) }
      return EventDifference(
        field: "prompt", left: from(left.prompt), right: from(right.prompt),
        cause: "another prompt, from its character \(place) on: another template, or other problems in it")
    }
    if left.sampling != right.sampling {
      return EventDifference(
        field: "sampling", left: shown(left.sampling), right: shown(right.sampling),
        cause: "other sampling settings")
    }
    if let difference = tokenDifference(left, right) { return difference }
    guard left.completion != right.completion || left.finish != right.finish else { return nil }
    return EventDifference(
      field: "completion", left: String(left.completion.suffix(shownMax)) + " (\(left.finish))",
      right: String(right.completion.suffix(shownMax)) + " (\(right.finish))",
      cause: "the same tokens were decoded or ended otherwise: another tokenizer or other stop texts")
  }

  /// A key is the seed, then the place of the draw (`RandomKey.bytes`).
  private static func keyDifference(_ left: Data, _ right: Data) -> EventDifference {
    func seed(_ key: Data) -> UInt64 {
      key.prefix(8).enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
    }
    let isOtherSeed = seed(left) != seed(right)
    return EventDifference(
      field: "random_key", left: left.hexadecimal, right: right.hexadecimal,
      cause: isOtherSeed
        ? "another seed: \(seed(left)) and \(seed(right))" : "a draw for another place of the play")
  }

  private static func tokenDifference(_ left: GenerationRecord, _ right: GenerationRecord) -> EventDifference? {
    let count = min(left.tokens.count, right.tokens.count)
    let token = (0..<count).first { left.tokens[$0] != right.tokens[$0] }
    let probability = (0..<count).first {
      left.logProbabilities[$0].bitPattern != right.logProbabilities[$0].bitPattern
    }
    if let probability, probability < token ?? count {
      return EventDifference(
        field: "log_probabilities", left: "\(left.logProbabilities[probability])",
        right: "\(right.logProbabilities[probability])", token: probability,
        cause: "the same token has another probability: other weights, kernels or model file")
    }
    if let token {
      return EventDifference(
        field: "tokens", left: "\(left.tokens[token])", right: "\(right.tokens[token])", token: token,
        cause: "another token was drawn from the same key: other probabilities, or another draw")
    }
    guard left.tokens.count != right.tokens.count else { return nil }
    return EventDifference(
      field: "tokens", left: "\(left.tokens.count) tokens", right: "\(right.tokens.count) tokens", token: count,
      cause: "one ends where the other goes on: the limit of tokens or the stop texts")
  }
}

/// The first place where two JSON values differ, keys in sorted order.
enum JSONDifference {
  static func first(_ left: Any?, _ right: Any?, path: String) -> (field: String, left: String, right: String)? {
    if let left = left as? [String: Any], let right = right as? [String: Any] {
      for key in Set(left.keys).union(right.keys).sorted() {
        let inner = path.isEmpty ? key : path + "." + key
        if let found = first(left[key], right[key], path: inner) { return found }
      }
      return nil
    }
    if let left = left as? [Any], let right = right as? [Any] {
      for index in 0..<max(left.count, right.count) {
        let (a, b) = (index < left.count ? left[index] : nil, index < right.count ? right[index] : nil)
        if let found = first(a, b, path: "\(path)[\(index)]") { return found }
      }
      return nil
    }
    let (a, b) = (text(left), text(right))
    return a == b ? nil : (path, a, b)
  }

  private static func text(_ value: Any?) -> String {
    guard let value else { return "absent" }
    guard value is [String: Any] || value is [Any] else { return "\(value)" }
    let data = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
  }
}
