/// What the decider draws references and problems by, and which attempts difficulty is estimated from (docs/curriculum.md).
package struct CurriculumSettings: Hashable, Codable, Sendable {
  /// What proposers are shown, and the programs that induction is proposed for.
  package var references: Strategy = .uniform
  /// What fills the solve batch up besides the newest problems (`play.solve_from`).
  package var problems: Strategy = .uniform
  /// The share of every draw, uniform ones aside, that is uniform: no problem is ever out of reach (ALP-GMM: 0.2).
  package var uniformShare = 0.2
  /// Recency: a problem this many iterations old weighs half.
  package var recencyHalfLife = 10.0
  /// Target band: solve rates that are wanted.
  package var bandLow = 0.25
  package var bandHigh = 0.75
  /// Elo-matched: the wanted probability of solving, and how far ratings may lie from it, in Elo points.
  package var targetRate = 0.5
  package var ratingWidth = 200.0
  /// Learning progress: outcomes of a cell that are compared, the older half with the newer (RIAC: 200), and how many
  /// standard deviations of chance are taken off.
  package var progressWindow = 200
  package var progressNoise = 1.0
  /// An attempt of a policy this many versions old counts half; 0: all count the same.
  package var versionHalfLife = 0.0
  /// Attempts of this many newest policy versions count; 0: of all.
  package var versionsMax = 0

  package init() {}

  package enum Strategy: String, Codable, Sendable, CaseIterable {
    /// All the same (Absolute Zero).
    case uniform
    case recency
    /// The expected p(1 − p).
    case learnability
    /// The probability that p lies within the band.
    case targetBand = "target_band"
    /// What exceeds chance in the change of the solve rate of the problem's cell.
    case learningProgress = "learning_progress"
    /// Nearness of the problem's rating to the policy's.
    case eloMatched = "elo_matched"
  }

  package subscript(use: CurriculumUse) -> Strategy {
    switch use {
    case .references: references
    case .problems: problems
    }
  }

  /// Whether everything is drawn as Absolute Zero does.
  package var isUniform: Bool { references == .uniform && problems == .uniform }
}

/// What a draw by the curriculum is for.
package enum CurriculumUse: String, Codable, Sendable, CaseIterable { case references, problems }

// A curriculum of defaults is not written: settings that do not use it keep the bytes, and an experiment the digest, that
// they had before there was one. Synthesised coding of `ExperimentSettings` takes these overloads.
extension KeyedEncodingContainer {
  mutating func encode(_ value: CurriculumSettings, forKey key: Key) throws {
    if value != CurriculumSettings() { try encodeIfPresent(value, forKey: key) }
  }
}

extension KeyedDecodingContainer {
  func decode(_ type: CurriculumSettings.Type, forKey key: Key) throws -> CurriculumSettings {
    try decodeIfPresent(type, forKey: key) ?? CurriculumSettings()
  }
}
