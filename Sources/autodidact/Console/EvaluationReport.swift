import Daemon
import Domain
import Environments
import EventLog
import Foundation
import Terminal

/// What `evaluate` prints: scores by group and level, and what one evaluation gains over another.
struct EvaluationReport {
  let suite: Suite
  /// The greedy evaluation, then the sampled one if there is one.
  let outcomes: [EvaluationDesk.Outcome]
  var compared: [EvaluationDesk.Outcome] = []

  /// Whether computing again gave something else.
  var hasDifference: Bool {
    (outcomes + compared).contains {
      if case .differs = $0.again { true } else { false }
    }
  }

  // MARK: Text

  var text: String {
    var lines = ["\(suite.name)  \(suite.problems.count) problems, sha256 \(suite.digest.prefix(16))…"]
    for outcome in outcomes + compared { lines += [""] + section(outcome) }
    for (left, right) in zip(outcomes, compared) { lines += [""] + comparison(left.stream, right.stream) }
    return lines.joined(separator: "\n")
  }

  private func section(_ outcome: EvaluationDesk.Outcome) -> [String] {
    let started = outcome.stream.started
    let score = EvaluationScore(outcome.stream.answers)
    let manner =
      started.plan.temperature == 0
      ? "greedy"
      : "\(started.plan.samples) samples at temperature \(started.plan.temperature), seed \(started.plan.seed.value)"
    var lines = ["\(started.subject.title) · \(manner)"]
    lines += TextTable(rows: rows(score, Self.attempts(started.plan.samples))).lines.map { "  " + $0 }
    let verdicts = Verdict.allCases.compactMap { verdict in score.verdicts[verdict].map { "\(verdict.rawValue) \($0)" }
    }
    lines.append("  verdicts  " + verdicts.joined(separator: ", "))
    lines.append(
      "  digests   answers \(outcome.stream.digest.hexadecimal.prefix(16))…, weights \(started.plan.weightsDigest.prefix(16))…, "
        + "prompts \(started.plan.promptsDigest.prefix(16))…")
    lines.append("  log       \(outcome.stream.record.name), \(story(outcome))")
    return lines
  }

  private func story(_ outcome: EvaluationDesk.Outcome) -> String {
    let seconds = Format.decimal(outcome.seconds, 1)
    switch outcome.again {
    case .agrees: return "computed again in \(seconds) s: every answer agrees to the bit"
    case .differs(let what): return "computed again in \(seconds) s: DIFFERS at \(what)"
    case nil:
      return outcome.wasRecorded
        ? "in the log already (--again computes it once more)"
        : "\(outcome.stream.tokens) tokens, \(seconds) s"
    }
  }

  /// The k of pass@k that are shown: 1, the powers of two below the number of answers, and that itself.
  private static func attempts(_ samples: Int) -> [Int] {
    var ks = sequence(first: 1) { $0 * 2 }.prefix { $0 < samples }.map(\.self)
    ks.append(samples)
    return ks
  }

  private func rows(_ score: EvaluationScore, _ ks: [Int]) -> [[String]] {
    var rows = [[""] + score.levels.map { "level \($0)" } + ks.flatMap { ["pass@\($0)", "95 %"] }]
    let groups: [String?] = score.groups.count > 1 ? score.groups.map { $0 } + [nil] : score.groups.map { $0 }
    for group in groups {
      let levels = score.levels.map { level in
        score.pass(1, of: score.tallies(group: group, level: level)).map { percent($0.value) } ?? "–"
      }
      let passes = ks.flatMap { k in
        score.pass(k, of: score.tallies(group: group)).map {
          [percent($0.value), "\(percent($0.low))–\(percent($0.high))"]
        } ?? ["–", "–"]
      }
      rows.append([group ?? "all"] + levels + passes)
    }
    return rows
  }

  private func comparison(_ left: EvaluationStream, _ right: EvaluationStream) -> [String] {
    let (before, after) = (EvaluationScore(left.answers), EvaluationScore(right.answers))
    guard let difference = before.difference(to: after) else { return ["no problem in common"] }
    let low = points(difference.difference.low)
    var lines = [
      "\(left.started.subject.title) → \(right.started.subject.title)"
        + (left.started.plan.temperature == 0 ? ", greedy" : ", sampled"),
      "  pass@1    \(points(difference.difference.value)) points (95 % \(low) to \(points(difference.difference.high)), paired "
        + "bootstrap), which \(difference.difference.excludesZero ? "excludes" : "includes") zero",
      "  problems  \(difference.gained) better, \(difference.lost) worse of \(difference.problems); McNemar p "
        + Format.decimal(difference.mcNemarP, 4),
    ]
    if left.started.plan.promptsDigest != right.started.plan.promptsDigest {
      lines.append("  the prompts differ: this is not the weights' doing alone (--prompts gives both the same)")
    }
    return lines
  }

  private func percent(_ share: Double) -> String { Format.decimal(100 * share, 1) }
  private func points(_ share: Double) -> String { (share < 0 ? "" : "+") + percent(share) }

  // MARK: JSON

  var json: String {
    let pairs = zip(outcomes, compared).map { left, right in
      EvaluationScore(left.stream.answers).difference(to: EvaluationScore(right.stream.answers))
    }
    let result = Report(
      suite: suite.name, suiteDigest: suite.digest, problems: suite.problems.count, greedy: part(outcomes[0]),
      sampled: outcomes.dropFirst().first.map(part), compared: compared.first.map(part),
      comparedSampled: compared.dropFirst().first.map(part),
      difference: pairs.first.flatMap(\.self).map(Difference.init),
      sampledDifference: pairs.dropFirst().first.flatMap(\.self).map(Difference.init))
    return String(decoding: EventCoding.json(result), as: UTF8.self)
  }

  private func part(_ outcome: EvaluationDesk.Outcome) -> Part {
    let (stream, score) = (outcome.stream, EvaluationScore(outcome.stream.answers))
    let ks = Self.attempts(stream.started.plan.samples)
    func scores(_ tallies: [EvaluationScore.Tally]) -> Scores {
      Scores(
        problems: tallies.count,
        pass: Dictionary(uniqueKeysWithValues: ks.map { ("\($0)", score.pass($0, of: tallies)) }).compactMapValues {
          $0
        })
    }
    var groups: [String: Group] = [:]
    for group in score.groups {
      let levels = score.levels.map { ("\($0)", scores(score.tallies(group: group, level: $0))) }
      groups[group] = Group(
        all: scores(score.tallies(group: group)), levels: Dictionary(uniqueKeysWithValues: levels))
    }
    return Part(
      evaluation: stream.record.name, subject: stream.started.subject, plan: stream.started.plan,
      answersDigest: stream.digest.hexadecimal, tokens: stream.tokens, seconds: outcome.seconds,
      wasRecorded: outcome.wasRecorded, agrees: outcome.again.map { $0 == .agrees }, all: scores(score.tallies),
      groups: groups, verdicts: Dictionary(uniqueKeysWithValues: score.verdicts.map { ($0.key.rawValue, $0.value) }))
  }

  private struct Report: Encodable {
    var suite, suiteDigest: String
    var problems: Int
    var greedy: Part
    var sampled, compared, comparedSampled: Part?
    var difference, sampledDifference: Difference?
  }

  private struct Part: Encodable {
    var evaluation: String
    var subject: EvaluationSubject
    var plan: EvaluationPlan
    var answersDigest: String
    var tokens: Int
    var seconds: Double
    var wasRecorded: Bool
    var agrees: Bool?
    var all: Scores
    var groups: [String: Group]
    var verdicts: [String: Int]
  }

  private struct Group: Encodable {
    var all: Scores
    var levels: [String: Scores]
  }

  private struct Scores: Encodable {
    var problems: Int
    /// By k.
    var pass: [String: Estimate]
  }

  private struct Difference: Encodable {
    var problems, gained, lost: Int
    var difference: Estimate
    var excludesZero: Bool
    var mcNemarP: Double

    init(_ value: EvaluationDifference) {
      (problems, gained, lost, difference) = (value.problems, value.gained, value.lost, value.difference)
      (excludesZero, mcNemarP) = (value.difference.excludesZero, value.mcNemarP)
    }
  }
}
