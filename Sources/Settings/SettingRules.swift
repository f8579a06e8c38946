import Domain

/// What two keys may not be together. Each rule is checked once all its keys have been read without a problem.
struct SettingRule: Sendable {
  /// The keys it speaks about; the problem is reported at the first one that is written in a file.
  let keys: [String]
  /// The rule in words, for `docs/settings.md`.
  let text: String
  /// What is wrong with these settings; nil if nothing.
  let conflict: @Sendable (ExperimentSettings) -> String?

  /// Slots are 16 bits of a random key, and seeding numbers its proposals through all rounds.
  private static let slotMax = 65535

  static let all: [SettingRule] = [
    SettingRule(
      keys: ["play.inputs", "play.kinds"],
      text: "Induction needs `play.inputs` ≥ 2: half of the pairs is shown, the other half decides."
    ) {
      $0.play.kinds.contains(.induction) && $0.play.inputs < 2
        ? "induction needs at least 2 inputs, one shown and one hidden; found \($0.play.inputs)" : nil
    },
    SettingRule(
      keys: ["play.kinds"],
      text: "`play.kinds` holds deduction or abduction: induction proposals are made from their programs."
    ) {
      $0.play.kinds == [.induction]
        ? "induction alone has no programs to start from; add deduction or abduction" : nil
    },
    SettingRule(
      keys: ["play.buffer_max", "play.batch", "play.seeding_factor"],
      text: "`play.buffer_max` > `play.batch` × `play.seeding_factor`, or seeding could never fill the buffers."
    ) {
      let wanted = $0.play.batch * $0.play.seedingFactor
      return $0.play.bufferMax <= wanted
        ? "a buffer of \($0.play.bufferMax) cannot hold the \(wanted) problems of seeding (batch × seeding_factor) "
          + "besides the given one"
        : nil
    },
    SettingRule(
      keys: ["play.seeding_rounds_max", "play.batch"],
      text: "`play.batch` × `play.seeding_rounds_max` ≤ \(slotMax), the number of seeding proposals that have names."
    ) {
      let slots = $0.play.batch * $0.play.seedingRoundsMax
      return slots > slotMax
        ? "batch × seeding_rounds_max is \(slots); at most \(slotMax) seeding proposals per kind have names" : nil
    },
    SettingRule(
      keys: ["solver.probe_temperature", "play.reuse_probes"],
      text: "`play.reuse_probes` needs probes that are sampled: `solver.probe_temperature` > 0."
    ) {
      $0.play.reuseProbes && $0.solver.probeTemperature == .number(0)
        ? "greedy probes have no log-probabilities to train on; reuse_probes needs a probe_temperature above 0" : nil
    },
    SettingRule(
      keys: ["curriculum.band_low", "curriculum.band_high"],
      text: "`curriculum.band_low` < `curriculum.band_high`."
    ) {
      $0.curriculum.bandLow >= $0.curriculum.bandHigh
        ? "a band from \($0.curriculum.bandLow) to \($0.curriculum.bandHigh) holds no solve rate" : nil
    },
    SettingRule(
      keys: ["acceptance.attempts", "acceptance.threshold", "acceptance.problems"],
      text:
        "`acceptance.attempts` is enough for all right to be solved at `acceptance.threshold`, and all wrong unsolved."
    ) {
      let acceptance = $0.acceptance
      guard acceptance.isOn else { return nil }
      let all = SolveCount(attempts: acceptance.attempts, correct: acceptance.attempts)
      let none = SolveCount(attempts: acceptance.attempts, correct: 0)
      return acceptance.standing(all) != .solved || acceptance.standing(none) != .unsolved
        ? "\(acceptance.attempts) attempts can never show on which side of \(acceptance.threshold) a solve rate lies; "
          + "give more, or a threshold nearer to 0.5" : nil
    },
    SettingRule(
      keys: ["acceptance.gained_min", "acceptance.problems"],
      text: "`acceptance.gained_min` ≤ `acceptance.problems` where updates are tried."
    ) {
      $0.acceptance.isOn && $0.acceptance.gainedMin > $0.acceptance.problems
        ? "of \($0.acceptance.problems) problems \($0.acceptance.gainedMin) can never become solved" : nil
    },
    SettingRule(
      keys: ["learner.warmup_iterations", "play.seeding_factor"],
      text: "`learner.warmup_iterations` > 0 needs `play.seeding_factor` ≥ 1: warm-up solves what seeding collected."
    ) {
      $0.learner.warmupIterations > 0 && $0.play.seedingFactor == 0
        ? "without seeding there are no problems to warm up on; give a seeding_factor of at least 1" : nil
    },
  ]
}
