import Domain

extension SettingKey {
  /// Every setting, in the order they are shown.
  package static let all: [SettingKey] =
    top + model + play + curriculum + acceptance + composite + proposer + solver + rewards + intrinsic
    + advantages + learner + verifier + health + checkpoints

  private static let top: [SettingKey] = [
    SettingKey("seed", \.seed.value, .seed(), "Root of all randomness; the same seed gives the same experiment."),
    SettingKey(
      "iterations", \.iterations, .integer(1...1_000_000_000), "The experiment is finished after this many iterations."
    ),
    SettingKey(
      "prompts", \.prompts.name, .text("the path of a prompts file, relative to this file") { !$0.contains("\0") },
      "The file with the texts that proposer and solver are prompted with; recorded whole at creation."),
  ]

  private static let model: [SettingKey] = [
    SettingKey(
      "model.name", \.model.name,
      .text("a name of letters, digits, '.', '_' and '-'") {
        $0.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]{0,127}/) != nil
      },
      "The model that begins, by its name in the catalogue.")
  ]

  private static let play: [SettingKey] = [
    SettingKey("play.kinds", \.play.kinds, .words(), "The kinds of problem that are proposed and solved."),
    SettingKey(
      "play.batch", \.play.batch, .integer(1...4096),
      "Proposals, and solve attempts, per kind and iteration (paper: 64)."),
    SettingKey(
      "play.references", \.play.references, .integer(0...64), "Problems a proposer is shown as examples (paper: 6)."),
    SettingKey(
      "play.induction_references", \.play.inductionReferences, .integer(0...64),
      "Induction problems an induction proposer is shown besides its program (paper: 0; small models need one)."),
    SettingKey(
      "play.samples_per_prompt", \.play.samplesPerPrompt, .integer(1...4096),
      "Proposals sampled from one prompt, with the same references (paper: 1; more is less diverse and much cheaper)."),
    SettingKey(
      "play.inputs", \.play.inputs, .integer(1...64),
      "Inputs of an induction problem; the solver is shown half of them (paper: 10)."),
    SettingKey(
      "play.probes", \.play.probes, .integer(1...256),
      "Probe attempts behind each estimate of learnability (paper: 8)."),
    SettingKey(
      "play.reuse_probes", \.play.reuseProbes, .truth(),
      "Whether probes train the solver too, each problem's as a group with its own baseline (paper: false; a departure "
        + "from TRR++)."),
    SettingKey(
      "play.seeding_factor", \.play.seedingFactor, .integer(0...1024),
      "Seeding goes on until each buffer of deduction and abduction holds batch × this many problems; 0 is no seeding "
        + "(paper: 4)."),
    SettingKey(
      "play.seeding_rounds_max", \.play.seedingRoundsMax, .integer(0...65535),
      "Seeding ends after this many rounds in any case, so that a weak model starts instead of starving."),
    SettingKey("play.buffer_max", \.play.bufferMax, .integer(1...1_000_000), "Problems kept per kind (code: 16384)."),
    SettingKey(
      "play.eviction", \.play.eviction, .word(),
      "What a full buffer gives up: keep_first refuses the newcomer (code), keep_last drops the oldest, reservoir "
        + "keeps every problem ever admitted with equal probability."),
    SettingKey(
      "play.duplicates", \.play.duplicates, .word(),
      "Whether a problem equal to one in the buffer or to an earlier one of the iteration is refused (paper: allow)."),
    SettingKey(
      "play.duplicates_by", \.play.duplicatesBy, .word(),
      "By what problems are equal: the program's text (exact), or its normal form without comments, docstrings, spacing "
        + "and chosen names (normalised)."),
    SettingKey(
      "play.functions", \.play.functions, .word(),
      "Functions a proposed program may define, nested ones and methods included (code: one; several for some models)."),
    SettingKey(
      "play.comments", \.play.comments, .word(),
      "Whether comments and docstrings stay in proposed programs (paper: keep; strip closes a hint channel and hurts)."),
    SettingKey(
      "play.globals", \.play.globals, .word(),
      "Whether statements outside of imports, functions and classes, and what follows f, stay (paper: keep)."),
    SettingKey(
      "play.thinking", \.play.thinking, .truth(),
      "Whether completions think first, <think>…</think><answer>…</answer>, and only the answer is read (paper: true); "
        + "the prompts must open the thought."),
    SettingKey(
      "play.unformatted", \.play.unformatted, .word(),
      "With thinking: whether a valid proposal of another form enters the buffer (code: accept); it is paid as malformed "
        + "in any case."),
    SettingKey(
      "play.without_value", \.play.withoutValue, .word(),
      "What becomes of a program that returns None for every input (code: allow)."),
    SettingKey(
      "play.solve_from", \.play.solveFrom, .word(),
      "Where the solve batch comes from: this iteration's problems first (paper) or the previous one's (code), filled up "
        + "uniformly; or uniform."),
    SettingKey(
      "play.train_proposer", \.play.trainProposer, .truth(),
      "Whether the proposer is trained; false is the paper's solver-only ablation."),
    SettingKey(
      "play.proposer", \.play.proposer, .word(),
      "Which weights propose: the trained ones, or the base model's all along (the untrained proposer), which are held in "
        + "memory beside the others and never trained on, whatever train_proposer says."),
  ]

  private static let halfLife = SettingForm<Double>.number("from 0.1 to 1e6") { $0 >= 0.1 && $0 <= 1e6 }

  private static let curriculum: [SettingKey] = [
    SettingKey(
      "curriculum.references", \.curriculum.references, .word(),
      "What proposers are shown, and induction's programs are drawn by (paper: uniform); docs/curriculum.md has the "
        + "formulas."),
    SettingKey(
      "curriculum.problems", \.curriculum.problems, .word(),
      "What the solve batch is filled up by, besides the newest problems that play.solve_from puts first (paper: uniform)."
    ),
    SettingKey(
      "curriculum.uniform_share", \.curriculum.uniformShare, share,
      "Share of every weighted draw that is uniform, so that no problem is out of reach (ALP-GMM: 0.2)."),
    SettingKey(
      "curriculum.recency_half_life", \.curriculum.recencyHalfLife, halfLife,
      "Recency: a problem this many iterations old weighs half."),
    SettingKey(
      "curriculum.band_low", \.curriculum.bandLow, share, "Target band: the lowest solve rate that is wanted."),
    SettingKey(
      "curriculum.band_high", \.curriculum.bandHigh, share, "Target band: the highest solve rate that is wanted."),
    SettingKey(
      "curriculum.target_rate", \.curriculum.targetRate,
      .number("above 0, below 1") { $0 > 0 && $0 < 1 },
      "Elo-matched: the probability of solving that is wanted."),
    SettingKey(
      "curriculum.rating_width", \.curriculum.ratingWidth, .number("from 1 to 10000") { $0 >= 1 && $0 <= 10000 },
      "Elo-matched: standard deviation around the wanted rating, in Elo points."),
    SettingKey(
      "curriculum.progress_window", \.curriculum.progressWindow, .integer(4...CellRecord.outcomesMax),
      "Learning progress: outcomes of a cell that are compared, the older half with the newer (RIAC: 200)."),
    SettingKey(
      "curriculum.progress_noise", \.curriculum.progressNoise, .number("from 0 to 10") { $0 >= 0 && $0 <= 10 },
      "Learning progress: standard deviations of chance that are taken off."),
    SettingKey(
      "curriculum.version_half_life", \.curriculum.versionHalfLife,
      .number("0 (off), or from 0.1 to 1e6") { $0 == 0 || $0 >= 0.1 && $0 <= 1e6 },
      "Difficulty: an attempt of a policy this many versions old counts half."),
    SettingKey(
      "curriculum.versions_max", \.curriculum.versionsMax, .integer(0...1_000_000),
      "Difficulty: attempts of this many newest policy versions count; 0: of all."),
  ]

  private static let acceptance: [SettingKey] = [
    SettingKey(
      "acceptance.problems", \.acceptance.problems, .integer(0...4096),
      "PowerPlay: an update is kept only if old and new weights, tried on this many archived problems, differ for the better; "
        + "0 keeps every update. docs/curriculum.md has the rule."),
    SettingKey(
      "acceptance.attempts", \.acceptance.attempts, .integer(1...1024),
      "Attempts of the old weights, and of the new, at each of those problems."),
    SettingKey(
      "acceptance.threshold", \.acceptance.threshold, .number("above 0, below 1") { $0 > 0 && $0 < 1 },
      "A problem is solved if Wilson's 95 % interval of its solve rate lies at or above this, unsolved if it lies below."
    ),
    SettingKey(
      "acceptance.gained_min", \.acceptance.gainedMin, .integer(0...4096),
      "Unsolved problems that must become solved for an update to be kept."),
    SettingKey(
      "acceptance.lost_max", \.acceptance.lostMax, .integer(0...4096),
      "Solved problems that may become unsolved by an update that is kept."),
  ]

  private static let composite: [SettingKey] = [
    SettingKey(
      "composite.probability", \.composite.probability, share,
      "Probability that a proposal of deduction or abduction is given functions of earlier problems and must call every one; "
        + "0 is off (paper App. D.2: 0.5, tried and given up)."),
    SettingKey(
      "composite.functions_max", \.composite.functionsMax, .integer(1...16),
      "How many functions it is given: from 1 to this many, each as likely (paper: 3)."),
    SettingKey(
      "composite.schedule", \.composite.schedule, .truth(),
      "Whether probability and number grow with the iterations (code: an option, off)."),
    SettingKey(
      "composite.schedule_from", \.composite.scheduleFrom, .integer(1...1_000_000_000),
      "Schedule: the first iteration in which they have grown (code: 101)."),
    SettingKey(
      "composite.schedule_every", \.composite.scheduleEvery, .integer(1...1_000_000_000),
      "Schedule: they grow again after this many iterations (code: 50)."),
    SettingKey(
      "composite.functions_limit", \.composite.functionsLimit, .integer(1...16),
      "Schedule: one function more each time, up to this many (code: 3)."),
    SettingKey(
      "composite.probability_step", \.composite.probabilityStep, share,
      "Schedule: the probability grows by this each time (code: 0.01)."),
    SettingKey(
      "composite.probability_limit", \.composite.probabilityLimit, share,
      "Schedule: the greatest probability (code: 0.8)."),
  ]

  private static let temperature = SettingForm<Double>.number("above 0, at most 10") { $0 > 0 && $0 <= 10 }

  private static let proposer: [SettingKey] = [
    SettingKey(
      "proposer.temperature", \.proposer.temperature, temperature,
      "Temperature at which proposals are sampled and trained (paper: 1)."),
    SettingKey(
      "proposer.tokens_max", \.proposer.tokensMax, .integer(1...32768), "Longest proposal, in tokens."),
  ]

  private static let solver: [SettingKey] = [
    SettingKey(
      "solver.temperature", \.solver.temperature, temperature,
      "Temperature at which attempts are sampled and trained (paper: 1)."),
    SettingKey("solver.tokens_max", \.solver.tokensMax, .integer(1...32768), "Longest answer, in tokens."),
    SettingKey(
      "solver.probe_temperature", \.solver.probeTemperature,
      .numberOrSame("from 0 (greedy) to 10", as: "solver.temperature") { $0 >= 0 && $0 <= 10 },
      "Temperature of the probes (paper: as in training; the later code's greedy probes make nothing learnable)."),
  ]

  private static let failure = SettingForm<Double>.number("from -10 to 1") { $0 >= -10 && $0 <= 1 }

  private static let rewards: [SettingKey] = [
    SettingKey(
      "rewards.formula", \.rewards.formula, .word(),
      "The registered formula; recorded so that rewards can be computed again from the log."),
    SettingKey(
      "rewards.malformed", \.rewards.malformed, failure,
      "Reward of a refused proposal and of an answer without the form asked for (paper: -1)."),
    SettingKey(
      "rewards.incorrect", \.rewards.incorrect, failure, "Reward of a well-formed wrong answer (paper: -0.5)."),
    SettingKey(
      "rewards.unlearnable", \.rewards.unlearnable, failure,
      "Reward of a valid problem that is solved always or never (paper: 0, code: -0.5)."),
    SettingKey(
      "rewards.duplicate", \.rewards.duplicate, failure, "Reward of a valid problem that is in the buffer already."),
  ]

  private static let coefficient = SettingForm<Double>.number("from 0 to 1000") { $0 >= 0 && $0 <= 1000 }
  private static let most = SettingForm<Double>.number("above 0, at most 1000") { $0 > 0 && $0 <= 1000 }

  private static let intrinsic: [SettingKey] = [
    SettingKey(
      "intrinsic.complexity_coefficient", \.intrinsic.complexityCoefficient, coefficient,
      "Pays a proposer this much of its program's cognitive complexity ÷ 15; 0 is off, as for all that follow (paper App. D.4: "
        + "tried, no significant gain)."),
    SettingKey(
      "intrinsic.complexity_max", \.intrinsic.complexityMax, most, "The most that is paid for complexity (code: 0.5)."),
    SettingKey(
      "intrinsic.edit_distance_coefficient", \.intrinsic.editDistanceCoefficient, coefficient,
      "Pays this much of the mean distance of its syntax tree from those of the references, from 0 to 1."),
    SettingKey(
      "intrinsic.edit_distance_max", \.intrinsic.editDistanceMax, most,
      "The most that is paid for distance (code: 0.5)."),
    SettingKey(
      "intrinsic.halstead_coefficient", \.intrinsic.halsteadCoefficient, coefficient,
      "Pays this much of 0.5·min(effort ÷ 10000, 1) + 0.3·min(cyclomatic ÷ 10, 1) + 0.2·min(volume ÷ 500, 1)."),
    SettingKey(
      "intrinsic.halstead_max", \.intrinsic.halsteadMax, most, "The most that is paid for that mix (code: 0.5)."),
    SettingKey(
      "intrinsic.answer_diversity_coefficient", \.intrinsic.answerDiversityCoefficient, coefficient,
      "Pays this much of 1 − p(answer) over the problems of earlier iterations: a deduction's output, an abduction's input."
    ),
    SettingKey(
      "intrinsic.answer_diversity_max", \.intrinsic.answerDiversityMax, most,
      "The most that is paid for it (code: 0.5)."),
    SettingKey(
      "intrinsic.input_diversity_coefficient", \.intrinsic.inputDiversityCoefficient, coefficient,
      "Induction: pays this much of the mean of 1 − p(input) over the problem's inputs."),
    SettingKey(
      "intrinsic.input_diversity_max", \.intrinsic.inputDiversityMax, most,
      "The most that is paid for it (code: 0.5)."),
    SettingKey(
      "intrinsic.output_diversity_coefficient", \.intrinsic.outputDiversityCoefficient, coefficient,
      "Induction: pays this much of the mean of 1 − p(output) over the problem's outputs."),
    SettingKey(
      "intrinsic.output_diversity_max", \.intrinsic.outputDiversityMax, most,
      "The most that is paid for it (code: 0.5)."),
    SettingKey(
      "intrinsic.combination", \.intrinsic.combination, .word(),
      "How they join learnability r, where it is above 0: sum is r + Σ (the most stable), multiply r · Π, sum_multiply r + Π, "
        + "multiply_sum r · Σ."),
  ]

  private static let advantages: [SettingKey] = [
    SettingKey(
      "advantages.whitening", \.advantages.whitening, .word(),
      "Statistics over sequences (paper), or over tokens, where long answers weigh more (code)."),
    SettingKey(
      "advantages.baseline", \.advantages.baseline, .word(), "One baseline per kind and role (paper), or per role."),
  ]

  private static let learner: [SettingKey] = [
    SettingKey(
      "learner.method", \.learner.method, .word(),
      "What is trained: every parameter (paper), or LoRA adapters beside frozen weights, in much less memory."),
    SettingKey(
      "learner.lora_rank", \.learner.loraRank, .integer(1...512),
      "LoRA: rank r of the change B·A of each adapted matrix. A begins random, from the seed, and B zero."),
    SettingKey(
      "learner.lora_alpha", \.learner.loraAlpha, .number("above 0, at most 1e6") { $0 > 0 && $0 <= 1e6 },
      "LoRA: a change is multiplied by alpha ÷ rank."),
    SettingKey(
      "learner.lora_targets", \.learner.loraTargets, .words(),
      "LoRA: the matrices of each layer that have an adapter. Embedding, output, norms and biases are frozen."),
    SettingKey(
      "learner.rate", \.learner.rate, .number("above 0, at most 1") { $0 > 0 && $0 <= 1 },
      "Learning rate of AdamW, constant (paper: 1e-6)."),
    SettingKey(
      "learner.beta1", \.learner.beta1, .number("from 0, below 1") { $0 >= 0 && $0 < 1 },
      "Decay of AdamW's first moment."),
    SettingKey(
      "learner.beta2", \.learner.beta2, .number("from 0, below 1") { $0 >= 0 && $0 < 1 },
      "Decay of AdamW's second moment."),
    SettingKey(
      "learner.epsilon", \.learner.epsilon, .number("above 0, at most 1") { $0 > 0 && $0 <= 1 },
      "What AdamW adds to the root of the second moment."),
    SettingKey(
      "learner.weight_decay", \.learner.weightDecay, .number("from 0 to 1") { $0 >= 0 && $0 <= 1 },
      "Decoupled weight decay (paper: 0.01)."),
    SettingKey(
      "learner.gradient_norm_max", \.learner.gradientNormMax, .number("above 0, at most 1e6") { $0 > 0 && $0 <= 1e6 },
      "Longer gradients are scaled down to this norm (paper: 1)."),
    SettingKey(
      "learner.ratio_clip", \.learner.ratioClip, .number("above 0, below 1") { $0 > 0 && $0 < 1 },
      "PPO's clip of the importance ratio; with one step per batch it never binds (paper: 0.2)."),
    SettingKey(
      "learner.ratio_clip_high", \.learner.ratioClipHigh,
      .numberOrSame("above 0, at most 10", as: "learner.ratio_clip") { $0 > 0 && $0 <= 10 },
      "The clip above 1, where it is another than below (later code: 0.28)."),
    SettingKey(
      "learner.dual_clip", \.learner.dualClip, .number("0 (off), or from 1 to 100") { $0 == 0 || $0 >= 1 && $0 <= 100 },
      "Dual clip: a negative advantage counts at most this many times (paper: 0, later code: 3)."),
    SettingKey(
      "learner.warmup_iterations", \.learner.warmupIterations, .integer(0...1_000_000),
      "The first iterations propose nothing and train the solver alone on the problems of seeding (code: 0)."),
    SettingKey(
      "learner.entropy_coefficient", \.learner.entropyCoefficient, .number("from 0 to 1") { $0 >= 0 && $0 <= 1 },
      "Weight of the entropy bonus (paper: 0.001, code: 0)."),
  ]

  private static let verifier: [SettingKey] = [
    SettingKey(
      "verifier.seconds", \.verifier.seconds, .number("above 0, at most 600") { $0 > 0 && $0 <= 600 },
      "Processor time of one call of a program, in seconds (paper: 10)."),
    SettingKey(
      "verifier.memory_mib", \.verifier.memoryMib, .integer(32...65536), "Memory of one program, in MiB."),
    SettingKey(
      "verifier.value_bytes_max", \.verifier.valueBytesMax, .integer(16...1_048_576),
      "Longest canonical value, in bytes; a larger one is refused, never cut (code: cut at 400 characters)."),
    SettingKey(
      "verifier.banned_modules", \.verifier.bannedModules, .modules(countMax: 1024),
      "Modules a program may not import, screened before it runs; the sandbox does not rely on it."),
    SettingKey(
      "verifier.equality", \.verifier.equality, .word(),
      "When an answer is right: typed tells 1, 1.0 and True apart (paper), python compares as == does (code)."),
    SettingKey(
      "verifier.accepted_missing_layers", \.verifier.acceptedMissingLayers, .words(countMin: 0),
      "Layers of the sandbox that may be missing on a host that cannot have them; a worker without any other is refused."
    ),
  ]

  private static let share = SettingForm<Double>.number("from 0 to 1") { $0 >= 0 && $0 <= 1 }

  private static let health: [SettingKey] = [
    SettingKey(
      "health.window", \.health.window, .integer(0...1000),
      "A condition begins when this many iterations in a row show it, and ends with the first that does not; 0: nothing is "
        + "watched."),
    SettingKey(
      "health.action", \.health.action, .word(),
      "Whether a condition that begins is only recorded and shown, or pauses the experiment as well."),
    SettingKey(
      "health.valid_share_min", \.health.validShareMin, share,
      "Starvation: a smaller share of the proposals becomes new problems."),
    SettingKey(
      "health.duplicate_share_max", \.health.duplicateShareMax, share,
      "Duplicates: a larger share of the valid proposals repeats a problem that is known."),
    SettingKey(
      "health.common_output_share_max", \.health.commonOutputShareMax, share,
      "Common output: a larger share of the new problems has the same output."),
    SettingKey(
      "health.saturated_share_max", \.health.saturatedShareMax, share,
      "Saturation: a larger share of the new problems is solved always or never by its probes."),
    SettingKey(
      "health.entropy_min", \.health.entropyMin, .number("from 0 to 100") { $0 >= 0 && $0 <= 100 },
      "Entropy collapse: less mean entropy, in nats per trained token."),
    SettingKey(
      "health.length_change_max", \.health.lengthChangeMax, .number("from 1 to 1e6") { $0 >= 1 && $0 <= 1e6 },
      "Length drift: trained samples are this factor longer or shorter than in the first iterations."),
    SettingKey(
      "health.forbidden_share_max", \.health.forbiddenShareMax, share,
      "Verifier exploit: a larger share of proposals and answers tries what the sandbox forbids."),
  ]

  private static let checkpoints: [SettingKey] = [
    SettingKey(
      "checkpoints.every", \.checkpoints.every, .integer(1...1_000_000),
      "Weights are written after this many updates, and at each pause."),
    SettingKey(
      "checkpoints.keep", \.checkpoints.keep, .integer(1...100_000),
      "Weights files kept; older weights are regenerated from the log."),
  ]
}
