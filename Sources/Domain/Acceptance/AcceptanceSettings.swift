/// Whether an update is kept only if an archive of problems gains by it and loses nothing: PowerPlay's acceptance
/// (Schmidhuber 2011; docs/curriculum.md), in a form for policies that are sampled.
package struct AcceptanceSettings: Hashable, Codable, Sendable {
  /// Problems that old and new weights are tried on; 0 keeps every update.
  package var problems = 0
  /// Attempts of each at each problem.
  package var attempts = 4
  /// A problem is solved if Wilson's interval of its solve rate lies at or above this, and unsolved if it lies below.
  package var threshold = 0.5
  /// Problems that must become solved.
  package var gainedMin = 1
  /// Solved problems that may become unsolved.
  package var lostMax = 0

  package init() {}

  /// Whether updates are tried before they are kept.
  package var isOn: Bool { problems > 0 }

  /// What a number of attempts says about a problem.
  package func standing(_ count: SolveCount) -> Standing {
    guard count.attempts > 0 else { return .open }
    let interval = Estimate.share(count.correct, of: count.attempts)
    if interval.low >= threshold { return .solved }
    return interval.high < threshold ? .unsolved : .open
  }

  package enum Standing: Sendable { case solved, unsolved, open }
}

// Not written where it is off: settings that do not use it keep the bytes, and an experiment the digest, that they had
// before there was one. Synthesised coding of `ExperimentSettings` takes these overloads.
extension KeyedEncodingContainer {
  mutating func encode(_ value: AcceptanceSettings, forKey key: Key) throws {
    if value != AcceptanceSettings() { try encodeIfPresent(value, forKey: key) }
  }
}

extension KeyedDecodingContainer {
  func decode(_ type: AcceptanceSettings.Type, forKey key: Key) throws -> AcceptanceSettings {
    try decodeIfPresent(type, forKey: key) ?? AcceptanceSettings()
  }
}
