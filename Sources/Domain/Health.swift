/// What can go wrong with self-play without anything failing (azr.md §9): seen in the figures of its iterations, recorded
/// when it begins and when it is over, shown by `status`, and a reason to pause if the settings say so.
package enum HealthCondition: String, Codable, Sendable, CaseIterable {
  /// Too few proposals become new problems: there is little to learn from, and it is most often about form.
  case starvation
  /// Too many valid proposals repeat problems that are known.
  case duplicates
  /// Too many new problems have the same answer.
  case commonOutput = "common_output"
  /// Nearly every new problem is solved always or never: the proposer's reward tells nothing.
  case saturation
  /// The policy's entropy is nearly gone: it writes one thing.
  case entropyCollapse = "entropy_collapse"
  /// Completions have become much longer or shorter than at the beginning.
  case lengthDrift = "length_drift"
  /// Too many programs try what the sandbox forbids: perhaps a way around the verifier is being learned.
  case verifierExploit = "verifier_exploit"
}

/// Thresholds of the conditions and what follows from them. They are part of the experiment, because a pause is.
package struct HealthSettings: Hashable, Codable, Sendable {
  /// A condition begins when this many iterations in a row show it, and ends with the first that does not; 0 watches nothing.
  package var window = 3
  /// Whether a condition that begins is only recorded, or pauses the experiment as well.
  package var action: Action = .record
  package var validShareMin = 0.05
  package var duplicateShareMax = 0.5
  package var commonOutputShareMax = 0.5
  package var saturatedShareMax = 0.95
  /// In nats per token.
  package var entropyMin = 0.05
  /// A factor, either way, against the mean of the first `window` iterations.
  package var lengthChangeMax = 3.0
  package var forbiddenShareMax = 0.2
  package init() {}

  package enum Action: String, Codable, Sendable, CaseIterable { case record, pause }
}

/// The figures of one iteration, or of one seeding round, that conditions are judged by; nil where there is too little to
/// say anything.
package struct HealthFigures: Hashable, Codable, Sendable {
  /// 0 for seeding rounds.
  package var iteration: Int
  /// New valid problems of all proposals.
  package var validShare: Double?
  /// Repeated problems of all valid proposals.
  package var duplicateShare: Double?
  /// New problems with the most frequent output of all new problems.
  package var commonOutputShare: Double?
  /// Always or never solved of all probed problems.
  package var saturatedShare: Double?
  /// Nats per trained token.
  package var entropy: Double?
  /// Tokens of a trained sample.
  package var length: Double?
  /// Forbidden programs of all proposals and answers.
  package var forbiddenShare: Double?

  /// A share of fewer cases than this is chance.
  static let casesMin = 8

  /// - Parameter ledger: an iteration or a seeding round that is over.
  package init(_ ledger: IterationLedger) {
    iteration = ledger.iteration
    let accepted = ledger.accepted
    let refused = ledger.proposals.compactMap { $0.verified?.refusal }
    let repeated = refused.count { $0 == .duplicate }
    validShare = Self.share(accepted.count, ledger.proposals.count)
    duplicateShare = Self.share(repeated, accepted.count + repeated)
    let probed = accepted.map { ledger.probes(of: $0.id) }.filter { $0.attempts > 0 }
    saturatedShare = Self.share(probed.count { $0.correct == 0 || $0.correct == $0.attempts }, probed.count)
    let answers = ledger.attempts.compactMap { $0.verified?.verdict }
    forbiddenShare = Self.share(
      refused.count { $0 == .forbidden } + answers.count { $0 == .forbidden }, ledger.proposals.count + answers.count)
    commonOutputShare = Self.share(Self.mostFrequent(accepted.map { $0.problem.pairs.map(\.output) }), accepted.count)
    if let outcome = ledger.update?.outcome, outcome.sequences >= Self.casesMin {
      entropy = outcome.entropy
      length = Double(outcome.tokens) / Double(outcome.sequences)
    }
  }

  private static func share(_ part: Int, _ whole: Int) -> Double? {
    whole < casesMin ? nil : Double(part) / Double(whole)
  }

  private static func mostFrequent(_ values: [[String]]) -> Int {
    var counts: [[String]: Int] = [:]
    for value in values { counts[value, default: 0] += 1 }
    return counts.values.max() ?? 0
  }
}

/// A condition that began, or one that is over: which figure decided, and against what.
package struct ConditionChange: Hashable, Codable, Sendable {
  package var condition: HealthCondition
  /// The iteration that decided; 0 for seeding.
  package var iteration: Int
  package var value: Double
  package var threshold: Double

  package init(condition: HealthCondition, iteration: Int, value: Double, threshold: Double) {
    self.condition = condition
    self.iteration = iteration
    self.value = value
    self.threshold = threshold
  }
}

/// The health of an experiment as a fold: the last figures, what the first ones were, and the conditions that hold.
package struct Health: Hashable, Codable, Sendable {
  /// In the order of `HealthCondition`; each with the figures that began it.
  package private(set) var conditions: [ConditionChange] = []
  /// Figures of the last iterations, newest last.
  private var recent: [HealthFigures] = []
  /// Lengths of the first iterations, and how many there are.
  private var firstLengths: [Double] = []

  package init() {}

  /// Takes an iteration or a seeding round that is over.
  package mutating func take(_ figures: HealthFigures, _ settings: HealthSettings) {
    guard settings.window > 0 else { return }
    recent.append(figures)
    if recent.count > settings.window { recent.removeFirst(recent.count - settings.window) }
    if let length = figures.length, firstLengths.count < settings.window { firstLengths.append(length) }
  }

  package mutating func began(_ change: ConditionChange) {
    conditions.append(change)
    conditions.sort { $0.condition.order < $1.condition.order }
  }

  package mutating func ended(_ change: ConditionChange) { conditions.removeAll { $0.condition == change.condition } }

  /// Conditions that the figures begin, and those they end, in the order of `HealthCondition`. Once these are recorded there
  /// are none until the next iteration.
  package func changes(_ settings: HealthSettings) -> (began: [ConditionChange], ended: [ConditionChange]) {
    guard settings.window > 0, let last = recent.last else { return ([], []) }
    var began: [ConditionChange] = []
    var ended: [ConditionChange] = []
    for condition in HealthCondition.allCases {
      guard let judged = judge(condition, last, settings) else { continue }
      let change = ConditionChange(
        condition: condition, iteration: last.iteration, value: judged.value, threshold: judged.threshold)
      if conditions.contains(where: { $0.condition == condition }) {
        if !judged.isBad { ended.append(change) }
      } else if recent.count == settings.window,
        recent.allSatisfy({ judge(condition, $0, settings)?.isBad == true })
      {
        began.append(change)
      }
    }
    return (began, ended)
  }

  /// A figure against its threshold; nil where there is no figure.
  private func judge(
    _ condition: HealthCondition, _ figures: HealthFigures, _ settings: HealthSettings
  ) -> (value: Double, threshold: Double, isBad: Bool)? {
    func below(_ value: Double?, _ threshold: Double) -> (Double, Double, Bool)? {
      value.map { ($0, threshold, $0 < threshold) }
    }
    func above(_ value: Double?, _ threshold: Double) -> (Double, Double, Bool)? {
      value.map { ($0, threshold, $0 > threshold) }
    }
    return switch condition {
    case .starvation: below(figures.validShare, settings.validShareMin)
    case .duplicates: above(figures.duplicateShare, settings.duplicateShareMax)
    case .commonOutput: above(figures.commonOutputShare, settings.commonOutputShareMax)
    case .saturation: above(figures.saturatedShare, settings.saturatedShareMax)
    case .entropyCollapse: below(figures.entropy, settings.entropyMin)
    case .lengthDrift: above(lengthChange(figures, settings), settings.lengthChangeMax)
    case .verifierExploit: above(figures.forbiddenShare, settings.forbiddenShareMax)
    }
  }

  /// How much longer or shorter samples are than at first, as a factor of at least 1; nil until the first are known.
  private func lengthChange(_ figures: HealthFigures, _ settings: HealthSettings) -> Double? {
    guard let length = figures.length, length > 0, firstLengths.count == settings.window else { return nil }
    let first = firstLengths.reduce(0, +) / Double(firstLengths.count)
    guard first > 0 else { return nil }
    return max(length / first, first / length)
  }
}

extension HealthCondition {
  fileprivate var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// For people: what was found, in one sentence.
  package func sentence(_ change: ConditionChange) -> String {
    let value = "\((change.value * 1000).rounded() / 1000)"
    let threshold = "\(change.threshold)"
    return switch self {
    case .starvation: "\(value) of the proposals are new problems, under \(threshold)"
    case .duplicates: "\(value) of the valid proposals repeat a known problem, over \(threshold)"
    case .commonOutput: "\(value) of the new problems have the same output, over \(threshold)"
    case .saturation: "\(value) of the new problems are solved always or never, over \(threshold)"
    case .entropyCollapse: "entropy is \(value) nats a token, under \(threshold)"
    case .lengthDrift: "samples changed their length by a factor of \(value) since the beginning, over \(threshold)"
    case .verifierExploit: "\(value) of the programs try what is forbidden, over \(threshold)"
    }
  }
}
