/// Everything that decides what an experiment does: resolved once at creation, recorded in `ExperimentCreated`, never
/// changed after; a fork may begin with others. What cannot change a result (threads, paths, addresses) is not here.
///
/// Reasons for the defaults are beside each value; "paper" is Absolute Zero (arXiv 2505.03335), "code" its published
/// implementation. Where the two differ the default takes the paper's side.
package struct ExperimentSettings: Hashable, Codable, Sendable {
  /// Root of all randomness.
  package var seed: Seed = Seed(value: 1)
  /// The experiment is finished after this many iterations.
  package var iterations = 500
  package var model = ModelSettings()
  package var play = PlaySettings()
  package var curriculum = CurriculumSettings()
  package var acceptance = AcceptanceSettings()
  package var composite = CompositeSettings()
  package var proposer = RoleSettings(temperature: 1.0, tokensMax: 256)
  package var solver = SolverSettings(temperature: 1.0, tokensMax: 128)
  package var rewards = RewardSettings()
  package var intrinsic = IntrinsicSettings()
  package var advantages = AdvantageSettings()
  package var learner = LearnerSettings()
  package var verifier = VerifierSettings()
  package var health = HealthSettings()
  package var checkpoints = CheckpointSettings()
  package var prompts = PromptTemplates()

  package init() {}
}

/// A 64-bit seed, written in decimal text because JSON numbers end at 53 bits.
package struct Seed: Hashable, Codable, Sendable {
  package var value: UInt64
  package init(value: UInt64) { self.value = value }
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = UInt64(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a 64-bit seed")
    }
    self.value = value
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(String(value))
  }
}

/// Which model begins.
package struct ModelSettings: Hashable, Codable, Sendable {
  /// Name in the model catalogue.
  package var name = "smollm2-135m-instruct"
  /// SHA-256 of the weights file, filled in at creation; another file is refused afterwards.
  package var digest = ""
  package init() {}
}

/// The shape of an iteration (paper §3.3, Table 3).
package struct PlaySettings: Hashable, Codable, Sendable {
  package var kinds: [Kind] = [.deduction, .abduction, .induction]
  /// B: proposals and solve attempts per kind and iteration.
  package var batch = 64
  /// K: problems shown to a proposer.
  package var references = 6
  /// Induction problems shown to an induction proposer besides its program. Paper: none; completion prompts for small
  /// models need an example.
  package var inductionReferences = 0
  /// Proposals sampled from one prompt: neighbours that share their references (and, for induction, their program).
  /// Paper: 1. More makes proposals of one iteration less diverse and an update much cheaper, because a shared prompt is
  /// computed once, forward and backward.
  package var samplesPerPrompt = 1
  /// N: inputs of an induction problem.
  package var inputs = 10
  /// n: probe attempts behind each learnability estimate.
  package var probes = 8
  /// Whether the probe attempts train the solver too, each problem's as a group with its own baseline. The paper throws
  /// them away, four fifths of what it samples (`false`); a group per problem is no longer TRR++.
  package var reuseProbes = false
  /// S: seeding goes on until each buffer of deduction and abduction holds B × S proposed problems.
  package var seedingFactor = 4
  /// Seeding ends after this many rounds in any case, so that a weak model starts instead of starving.
  package var seedingRoundsMax = 64
  /// Problems kept per kind (code: 16384).
  package var bufferMax = 16384
  /// What happens when a buffer is full. `keep_first` is what the code does (a frozen buffer); the paper is silent, and
  /// `keep_last` lets the curriculum move.
  package var eviction: Eviction = .keepLast
  /// Whether a problem equal to one in the buffer, or earlier in the iteration, is refused. The paper asks for unique
  /// problems in the prompt but checks nothing during self-play (`allow`); small models need the check.
  package var duplicates: Duplicates = .refuse
  /// By what problems are equal: their text, or the normal form of their program (no comments, docstrings, spacing or chosen
  /// names). The code's counters and the paper's prompt know text only.
  package var duplicatesBy: DuplicatesBy = .exact
  /// Whether a proposed program may define more than one function, nested ones and methods included. Code: `one`
  /// (`reject_multiple_functions`), `several` for some models.
  package var functions: Functions = .several
  /// Whether comments and docstrings stay in proposed programs. Stripping closes a channel from proposer to solver; the paper
  /// (App. D.5) found that it hurts, and strips in seeding.
  package var comments: Stripping = .keep
  /// Whether what a proposed program says outside of imports, functions and classes, and after `f`, stays.
  package var globals: Stripping = .keep
  /// Whether roles think before they answer, in the paper's form: `<think>…</think><answer>…</answer>`. The prompts must ask
  /// for it.
  package var thinking = false
  /// What becomes of a valid proposal that thinks in another form: its problem enters the buffer all the same (code), or it is
  /// refused. It is paid as malformed either way.
  package var unformatted: Unformatted = .accept
  /// What becomes of a program that returns `None` for every input. The paper's prompt asks for a returned value and its
  /// code does not check (`allow`); a small model forgets `return` and finds that such problems are easy.
  package var withoutValue: WithoutValue = .refuse
  /// Where the solve batch comes from: problems of this iteration first (Algorithm 1), of the iteration before (the order
  /// of the code's steps, `max_new`), both filled up uniformly from the buffer; or uniform.
  package var solveFrom: SolveFrom = .newest
  /// Whether the proposer is trained; false is the paper's "solver only" ablation.
  package var trainProposer = true
  /// Which weights propose: those that are trained, or those of the base model all along (the untrained proposer).
  package var proposer: ProposerWeights = .trained

  /// Whether proposals are among the trained samples. Those of the base model never are: they are another policy's.
  package var trainsProposals: Bool { trainProposer && proposer == .trained }

  package init() {}

  package enum Eviction: String, Codable, Sendable, CaseIterable {
    case keepFirst = "keep_first"
    case keepLast = "keep_last"
    /// Algorithm R (Vitter 1985): every problem ever admitted is in the buffer with the same probability.
    case reservoir
  }
  package enum Duplicates: String, Codable, Sendable, CaseIterable { case refuse, allow }
  package enum WithoutValue: String, Codable, Sendable, CaseIterable { case refuse, allow }
  package enum SolveFrom: String, Codable, Sendable, CaseIterable { case newest, previous, uniform }
  package enum DuplicatesBy: String, Codable, Sendable, CaseIterable { case exact, normalised }
  package enum Functions: String, Codable, Sendable, CaseIterable { case several, one }
  package enum Stripping: String, Codable, Sendable, CaseIterable { case keep, strip }
  package enum Unformatted: String, Codable, Sendable, CaseIterable { case accept, refuse }
  package enum ProposerWeights: String, Codable, Sendable, CaseIterable { case trained, base }
}

/// How one role samples.
package struct RoleSettings: Hashable, Codable, Sendable {
  /// Paper: 1.0.
  package var temperature: Double
  package var tokensMax: Int
  package init(temperature: Double, tokensMax: Int) {
    self.temperature = temperature
    self.tokensMax = tokensMax
  }
}

/// How the solver samples, for training and for probes.
package struct SolverSettings: Hashable, Codable, Sendable {
  /// Paper: 1.0.
  package var temperature: Double
  package var tokensMax: Int
  /// Temperature of the probes; 0 is greedy, what the published code's later version does by mistake: all probes of a
  /// problem are then equal, and nothing is ever learnable.
  package var probeTemperature: NumberOrSame = .same

  package init(temperature: Double, tokensMax: Int) {
    self.temperature = temperature
    self.tokensMax = tokensMax
  }

  /// How attempts of a purpose are sampled.
  package func sampling(for purpose: Purpose) -> RoleSettings {
    RoleSettings(
      temperature: purpose == .probe ? probeTemperature.value(orSame: temperature) : temperature, tokensMax: tokensMax)
  }
}

/// A number of its own, or `same`: whatever another setting says.
package enum NumberOrSame: Hashable, Codable, Sendable {
  case same
  case number(Double)

  /// The number that holds where the other setting is `other`.
  package func value(orSame other: Double) -> Double {
    switch self {
    case .same: other
    case .number(let number): number
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if try container.decode(String.self) == "same" {
      self = .same
    } else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "neither a number nor 'same'")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .same: try container.encode("same")
    case .number(let number): try container.encode(number)
    }
  }
}

/// The composite reward (paper Eq. 4–6).
package struct RewardSettings: Hashable, Codable, Sendable {
  /// Which registered formula; recorded so that rewards can be computed again from the log.
  package var formula = RewardFormula.azrComposite
  /// A proposal that is refused, an answer without the form asked for (paper: −1).
  package var malformed = -1.0
  /// A well-formed wrong answer (paper: −0.5).
  package var incorrect = -0.5
  /// A valid problem that is solved always or never. Eq. 4 says 0; the code maps it to −0.5.
  package var unlearnable = 0.0
  /// A valid problem that is in the buffer already.
  package var duplicate = -0.5
  package init() {}
}

/// A registered reward formula. A changed formula gets a new name; an old name never changes its meaning.
package enum RewardFormula: String, Codable, Sendable, CaseIterable {
  /// Role reward if it is positive, else the composite constants (paper Eq. 6).
  case azrComposite = "azr-composite/1"
  /// As the published code has it: a valid problem that its probes solve always or never is worth −0.5, whatever
  /// `rewards.unlearnable` says; everything else as azr-composite/1.
  case azrCode = "azr-code/1"
  /// The control that must not learn: every sample's reward is drawn from a key of the seed and the sample's name, uniformly
  /// among the values that azr-composite/1 could give it, whatever the verdict is.
  case random = "random/1"
}

/// How rewards become advantages (paper Eq. 8, TRR++).
package struct AdvantageSettings: Hashable, Codable, Sendable {
  /// Statistics over sequences (paper Eq. 8) or over tokens, where long answers weigh more (code).
  package var whitening: Whitening = .sequence
  /// One baseline per kind and role (paper), or per role.
  package var baseline: Baseline = .kindAndRole
  package init() {}

  package enum Whitening: String, Codable, Sendable, CaseIterable { case sequence, token }
  package enum Baseline: String, Codable, Sendable, CaseIterable {
    case kindAndRole = "kind_and_role"
    case role
  }
}

/// One update (paper Table 3): AdamW, one epoch, one step.
package struct LearnerSettings: Hashable, Codable, Sendable {
  /// What is trained: every parameter (paper), or adapters of low rank beside frozen weights.
  package var method: Method = .full
  /// LoRA's rank r, its alpha (a change is multiplied by alpha/rank) and the matrices that have adapters. Without meaning
  /// for `full`. All matrices and alpha = 2·rank are the usual choice; dropout is 0.
  package var loraRank = 16
  package var loraAlpha = 32.0
  package var loraTargets = LoRATarget.allCases
  package var rate = 1e-6
  package var beta1 = 0.9
  package var beta2 = 0.999
  package var epsilon = 1e-8
  package var weightDecay = 0.01
  package var gradientNormMax = 1.0
  /// PPO's ratio clip. With one step per batch the ratio is 1 and the clip never binds.
  package var ratioClip = 0.2
  /// The clip above 1, where it is another than below (later code: 0.28).
  package var ratioClipHigh: NumberOrSame = .same
  /// Dual clip (Ye et al. 2020, arXiv 1912.09729): a negative advantage counts at most this many times (later code: 3); 0 is
  /// off.
  package var dualClip = 0.0
  /// The first iterations propose nothing and train the solver alone on what seeding collected (code:
  /// `pretrain_pred_steps`, off).
  package var warmupIterations = 0
  /// Paper 0.001, code 0.
  package var entropyCoefficient = 0.001
  package init() {}

  package enum Method: String, Codable, Sendable, CaseIterable { case full, lora }

  /// A matrix of every layer: the projections of attention and those of the feed-forward block.
  package enum LoRATarget: String, Codable, Sendable, CaseIterable {
    case query, key, value
    case attentionOutput = "attention_output"
    case gate, up, down
  }
}

/// Limits on model-written programs. Part of the settings because they decide verdicts.
package struct VerifierSettings: Hashable, Codable, Sendable {
  /// Processor time of one call (paper: 10 s).
  package var seconds = 10.0
  package var memoryMib = 256
  /// Longest canonical value, in bytes. The code cuts at 400 characters and makes the problem unsolvable; here a larger
  /// value is refused.
  package var valueBytesMax = 400
  /// Modules a program may not import, screened before it runs and explained in the refusal. The sandbox does not rely
  /// on it. Paper §3.3.3 names os, sys and shutil besides the code's list.
  package var bannedModules = [
    "os", "sys", "shutil", "random", "logging", "multiprocessing", "subprocess", "threading", "datetime", "time",
    "hashlib", "hmac", "socket", "calendar", "uuid", "secrets", "ctypes", "gc", "importlib", "builtins",
  ]
  /// When an answer's value is the expected one. Paper §3.2 speaks of type-aware equality; its code compares with `==`.
  package var equality: Equality = .typed
  /// Layers of the sandbox that may be missing on a host without them. A worker that lacks any other is refused.
  package var acceptedMissingLayers: [Layer] = []
  package init() {}

  /// `typed`: `1`, `1.0` and `True` are different answers. `python`: what Python's `==` says of the two values.
  package enum Equality: String, Codable, Sendable, CaseIterable { case typed, python }

  /// The layers by the names under which a worker reports them (docs/sandbox.md, "Layers").
  package enum Layer: String, Codable, Sendable, CaseIterable {
    case unprivilegedUser, noNewPrivileges, userNamespace, pidNamespace, networkNamespace, ipcNamespace, mountNamespace
    case emptyRoot, noCapabilities, landlock, systemCallFilter, limits, noClock
  }
}

/// When weights are written.
package struct CheckpointSettings: Hashable, Codable, Sendable {
  /// Every this many updates, and at each pause.
  package var every = 5
  /// The newest this many files are kept; older weights are regenerated from the log.
  package var keep = 2
  package init() {}
}

/// The texts a role is prompted with, read from the prompt file at creation and recorded whole, so that the log alone
/// suffices to play on. `{{name}}` marks a place; the environment fills it in.
package struct PromptTemplates: Hashable, Codable, Sendable {
  /// Name of the file they came from, for people.
  package var name = ""
  package var proposeDeduction = PromptTemplate()
  package var proposeAbduction = PromptTemplate()
  package var proposeInduction = PromptTemplate()
  package var solveDeduction = PromptTemplate()
  package var solveAbduction = PromptTemplate()
  package var solveInduction = PromptTemplate()

  package init() {}

  package subscript(role: Role, kind: Kind) -> PromptTemplate {
    switch (role, kind) {
    case (.proposer, .deduction): proposeDeduction
    case (.proposer, .abduction): proposeAbduction
    case (.proposer, .induction): proposeInduction
    case (.solver, .deduction): solveDeduction
    case (.solver, .abduction): solveAbduction
    case (.solver, .induction): solveInduction
    }
  }
}

/// One prompt.
package struct PromptTemplate: Hashable, Codable, Sendable {
  /// The text before the completion, with places.
  package var text = ""
  /// How one reference problem, or one pair, is written where `text` says `{{references}}` or `{{pairs}}`.
  package var item = ""
  /// A proposer: what `text` says at `{{functions}}` where it is given some to build upon; absent where it never is.
  package var functions: String?
  /// The part of the answer that the prompt has already opened; put before the completion when it is parsed.
  package var opening = ""
  /// A completion ends with one of these.
  package var stops: [String] = []
  package init() {}
}
