/// How often proposals are to build upon functions of earlier programs, and of how many (paper App. D.2). Off in what the
/// paper and its code report.
package struct CompositeSettings: Hashable, Codable, Sendable {
  /// The probability that a proposal of deduction or abduction is given functions to call (paper: 0.5 where it was tried); 0 is
  /// off, whatever the schedule says.
  package var probability = 0.0
  /// c is drawn from 1 to this many functions (paper: 3).
  package var functionsMax = 3
  /// Whether probability and number grow with the iterations (code: an option, off).
  package var schedule = false
  /// The first iteration in which they have grown (code: 101).
  package var scheduleFrom = 101
  /// They grow again after this many iterations (code: 50), by one function …
  package var scheduleEvery = 50
  /// … up to this many (code: 3) …
  package var functionsLimit = 3
  /// … and by this probability (code: 0.01) …
  package var probabilityStep = 0.01
  /// … up to this one (code: 0.8).
  package var probabilityLimit = 0.8

  package init() {}

  /// The probability in an iteration. A limit below what it begins with takes nothing away.
  package func probability(at iteration: Int) -> Double {
    guard probability > 0 else { return 0 }
    return max(probability, min(probabilityLimit, probability + probabilityStep * Double(steps(to: iteration))))
  }

  /// The greatest number of functions in an iteration.
  package func functionsMax(at iteration: Int) -> Int {
    max(functionsMax, min(functionsLimit, functionsMax + steps(to: iteration)))
  }

  /// How often they have grown.
  private func steps(to iteration: Int) -> Int {
    schedule && iteration >= scheduleFrom ? (iteration - scheduleFrom) / scheduleEvery + 1 : 0
  }
}

// As with the curriculum: settings that do not use it keep the bytes, and an experiment the digest, that they had before.
extension KeyedEncodingContainer {
  mutating func encode(_ value: CompositeSettings, forKey key: Key) throws {
    if value != CompositeSettings() { try encodeIfPresent(value, forKey: key) }
  }
}

extension KeyedDecodingContainer {
  func decode(_ type: CompositeSettings.Type, forKey key: Key) throws -> CompositeSettings {
    try decodeIfPresent(type, forKey: key) ?? CompositeSettings()
  }
}
