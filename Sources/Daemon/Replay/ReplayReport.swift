import Domain

/// What a replay found: every update that was trained again, and the first difference if there is one.
package struct ReplayReport: Hashable, Codable, Sendable {
  package var experiment: String
  /// The weights it began with: 0 is the base model, anything else came from a checkpoint or from training.
  package var fromVersion: PolicyVersion
  /// The last version that was reached.
  package var toVersion: PolicyVersion
  /// Of this machine.
  package var numericsProfile: String
  package var updates: [ReplayedUpdate] = []
  /// Why the replay stopped; nil if everything came out as recorded, or within the tolerance on another profile.
  package var difference: ReplayDifference?

  package init(experiment: String, fromVersion: PolicyVersion, numericsProfile: String) {
    self.experiment = experiment
    self.fromVersion = fromVersion
    toVersion = fromVersion
    self.numericsProfile = numericsProfile
  }

  /// Whether every digest came out as recorded. Never true where another profile was compared within the tolerance.
  package var isEqual: Bool { difference == nil && updates.allSatisfy { $0.verdict != .withinTolerance } }
}

/// One recorded update, trained again.
package struct ReplayedUpdate: Hashable, Codable, Sendable {
  package var iteration: Int
  /// Position of `WeightsUpdated` or `UpdateSkipped`.
  package var position: Int64
  /// Policy version after it.
  package var version: PolicyVersion
  package var samples: Int
  /// Tokens trained.
  package var tokens: Int
  package var seconds: Double
  /// Of the process that recorded it.
  package var recordedProfile: String
  package var verdict: Verdict
  /// Where the profiles differ: how far the figures are from the recorded ones.
  package var distance: ReplayDistance?

  package enum Verdict: String, Hashable, Codable, Sendable {
    /// Batch, weights and optimizer have the recorded digests.
    case equal
    /// Skipped again, for the recorded reason.
    case skipped
    /// Recorded under another numerics profile: other bits, and figures within the tolerance.
    case withinTolerance = "within_tolerance"
    case different
  }
}

/// How far the figures of an update are from the recorded ones, where digests cannot be compared.
package struct ReplayDistance: Hashable, Codable, Sendable {
  /// Of the loss, in nats per token.
  package var loss: Double
  /// Of the gradient's norm, relative to the recorded one.
  package var gradientNorm: Double
  /// Of the largest importance ratio from 1, which is how far log-probabilities are from the recorded ones.
  package var ratio: Double

  package init(found: UpdateOutcome, recorded: UpdateOutcome) {
    loss = abs(found.loss - recorded.loss)
    gradientNorm = abs(found.gradientNorm - recorded.gradientNorm) / max(recorded.gradientNorm, 1e-12)
    ratio = abs(found.ratioDistanceMax - recorded.ratioDistanceMax)
  }

  /// What the engine's tests establish against reference values from another implementation: log-probabilities within
  /// 1e-3, gradient norms within one part in a thousand.
  package static let tolerance = 1e-3

  package var isWithinTolerance: Bool { max(loss, gradientNorm, ratio) <= Self.tolerance }
}

/// The first update that does not come out as recorded.
package struct ReplayDifference: Hashable, Codable, Sendable {
  package var iteration: Int
  package var position: Int64
  /// Policy version after the update.
  package var version: PolicyVersion
  /// Digest of the batch as the log gives it now.
  package var batchDigest: String
  /// What differs first: `curriculum` with its field, `consumed`, `groups`, `batch`, `weights`, `optimizer`, `figures` or
  /// `skipped`.
  package var what: String
  package var recorded: String
  package var found: String
  /// The first sample whose recorded tokens do not have their recorded log-probabilities.
  package var sample: SampleDifference?
  /// The first tensor that differs from a checkpoint of this version.
  package var tensor: TensorDifference?
  /// What that says about the cause, in words.
  package var cause: String

  /// Whether it is a choice of the curriculum that differs, and no update.
  package var isOfCurriculum: Bool { what.hasPrefix("curriculum ") }
}

/// A sample whose log-probabilities, computed again, differ from the recorded ones.
package struct SampleDifference: Hashable, Codable, Sendable {
  /// Proposal or attempt.
  package var sample: String
  /// Where its tokens lie in the log.
  package var position: Int64
  /// Index of the first token that differs; nil if the sample cannot be evaluated.
  package var token: Int?
  package var recorded: Float?
  package var found: Float?
  /// Why it cannot be evaluated.
  package var problem: String?
}
