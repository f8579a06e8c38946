/// What the decider's steps are performed with. Concrete types are named in the composition root only.

/// How tokens are drawn. The temperature is part of the policy: recorded and trained log-probabilities are those of the
/// tempered distribution.
package struct Sampling: Hashable, Codable, Sendable {
  package var temperature: Double
  package var tokensMax: Int
  /// A completion ends with the token that completes one of these texts.
  package var stops: [String]

  package init(temperature: Double, tokensMax: Int, stops: [String]) {
    self.temperature = temperature
    self.tokensMax = tokensMax
    self.stops = stops
  }
}

/// One completion to sample.
package struct GenerationRequest: Hashable, Sendable {
  package var prompt: String
  package var sampling: Sampling
  /// Draw number t of this key decides token t.
  package var key: RandomKey
  /// Which weights are sampled from.
  package var weights: Weights = .current

  /// The weights a learner has come to, or those of policy version 0.
  package enum Weights: Hashable, Sendable, CaseIterable { case current, base }

  package init(prompt: String, sampling: Sampling, key: RandomKey) {
    self.prompt = prompt
    self.sampling = sampling
    self.key = key
  }
}

/// Why a completion ended.
package enum Finish: String, Codable, Sendable {
  /// A stop text was completed.
  case stop
  /// The model ended its text.
  case end
  /// The limit of tokens, or the model's context, was reached.
  case length
}

/// The sampled tokens and log-probabilities behind a proposal or an attempt.
package struct Generation: Hashable, Sendable {
  package var promptTokenCount: Int
  package var tokens: [Int32]
  /// Of each token under the tempered policy, in nats; as many as `tokens`.
  package var logProbabilities: [Float]
  /// The decoded tokens, stop text included.
  package var text: String
  package var finish: Finish

  package init(promptTokenCount: Int, tokens: [Int32], logProbabilities: [Float], text: String, finish: Finish) {
    precondition(tokens.count == logProbabilities.count)
    self.promptTokenCount = promptTokenCount
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.text = text
    self.finish = finish
  }
}

/// How far a long call has come; for people, never for decisions.
package struct StepProgress: Sendable {
  package var done: Int
  package var total: Int
  /// Tokens processed since the call began.
  package var tokens: Int

  package init(done: Int, total: Int, tokens: Int) {
    self.done = done
    self.total = total
    self.tokens = tokens
  }
}

/// The model that plays a role.
package protocol Policy: Sendable {
  /// Samples one completion for each request, in the order of the requests.
  ///
  /// A sample's tokens and log-probabilities depend on its own request and the weights it names only, not on the other
  /// requests (promise P4). Throws on failure of the engine; never returns a made-up completion.
  func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation]
}

/// A program to run on inputs, or a text to read as a literal; made by an environment, performed by the verifier.
package enum VerificationJob: Hashable, Sendable {
  /// Run `f` of `program` once for each argument list in `inputs`, twice each under two hash seeds.
  case run(program: String, inputs: [String])
  /// Read one Python literal. Nothing is evaluated.
  case literal(String)
  /// Write a program again without some of what it says. The outcome is its text, or malformed.
  case rewrite(program: String, Rewriting)
  /// Give a program's `f` another name, and whatever else it defines a name that begins with that one. The outcome is its text,
  /// or malformed.
  case rename(program: String, to: String)
  /// Put functions before a program that is to call them all. The outcome is the composed program, malformed, or why it is no
  /// composition.
  case compose(program: String, [GivenFunction])
  /// Measure a program's syntax tree, and its distance from others. The outcome is its measures, or malformed.
  case measure(program: String, references: [String])
}

/// What a program is written without; nothing is run for it.
package struct Rewriting: Hashable, Codable, Sendable {
  /// Comments and docstrings, and with them all spacing that Python does not need.
  package var comments: Bool
  /// Top-level statements but imports, functions and classes, and everything after the last `f`.
  package var globals: Bool
  /// Names that the program chose: variables, parameters, functions but `f`, classes. They become v0, v1, … in the order in
  /// which they appear.
  package var names: Bool

  package init(comments: Bool = false, globals: Bool = false, names: Bool = false) {
    self.comments = comments
    self.globals = globals
    self.names = names
  }

  /// What is left decides whether two programs are the same.
  package static let normalForm = Rewriting(comments: true, names: true)
}

/// What came of one call or one reading.
package enum VerificationOutcome: Hashable, Sendable {
  /// The canonical text of the value, and of the argument list it belongs to (empty for `literal`).
  case value(String, input: String)
  /// A program that begins with the functions it was given, and whether it only hands its arguments on to them.
  case composed(String, forwards: Bool)
  /// It does not call every function it was given, or redefines one.
  case uncomposed(String)
  case measured(ProgramMeasures)
  /// No such program or literal: syntax error, no `f`.
  case malformed(String)
  /// The argument list is not made of literals.
  case malformedInput(String)
  case raised(String)
  case timedOut
  case outOfMemory
  case tooLarge(String)
  case unsupported(String)
  case nondeterministic(String)
  case forbidden(String)
}

/// The outcomes of one job: one per input of a run, exactly one for the others; and the seconds it took.
package struct Verification: Hashable, Sendable {
  package var outcomes: [VerificationOutcome]
  package var seconds: Double

  package init(outcomes: [VerificationOutcome], seconds: Double) {
    self.outcomes = outcomes
    self.seconds = seconds
  }
}

/// Runs model-written code and reads model-written literals, in isolation.
package protocol Verifier: Sendable {
  /// Performs the jobs; results in the order of the jobs. A lost worker is retried inside and thrown in the end, never
  /// turned into an outcome (promise P8).
  func verify(_ jobs: [VerificationJob]) async throws -> [Verification]
}

/// One trained sequence: the prompt as text, the recorded tokens, and the advantage the log implies for it.
package struct TrainingSample: Hashable, Sendable {
  /// `ProposalID` or `AttemptID` as text.
  package var id: String
  package var prompt: String
  package var tokens: [Int32]
  /// As recorded by the sampler.
  package var logProbabilities: [Float]
  package var temperature: Double
  package var advantage: Double

  package init(
    id: String, prompt: String, tokens: [Int32], logProbabilities: [Float], temperature: Double, advantage: Double
  ) {
    self.id = id
    self.prompt = prompt
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.temperature = temperature
    self.advantage = advantage
  }
}

/// What one update did.
package struct UpdateOutcome: Hashable, Codable, Sendable {
  /// The policy-gradient loss that was differentiated, in nats per token.
  package var loss: Double
  /// Mean entropy of the tempered distribution over the trained positions, in nats.
  package var entropy: Double
  /// L2 norm of the gradient before clipping.
  package var gradientNorm: Double
  /// Trained sequences (advantage not zero) and their tokens.
  package var sequences: Int
  package var tokens: Int
  /// Importance ratios: mean, largest distance from 1, share clipped.
  package var ratioMean: Double
  package var ratioDistanceMax: Double
  package var clippedShare: Double
  /// Tokens whose recomputed log-probability differs from the recorded one in any bit (promise P5: 0).
  package var logProbabilityMismatches: Int
  /// SHA-256 of what is trained (all parameters, or those of the adapters) and of the optimizer's moments after the update,
  /// in hexadecimal.
  package var weightsDigest: String
  package var optimizerDigest: String

  package init(
    loss: Double, entropy: Double, gradientNorm: Double, sequences: Int, tokens: Int, ratioMean: Double,
    ratioDistanceMax: Double, clippedShare: Double, logProbabilityMismatches: Int, weightsDigest: String,
    optimizerDigest: String
  ) {
    self.loss = loss
    self.entropy = entropy
    self.gradientNorm = gradientNorm
    self.sequences = sequences
    self.tokens = tokens
    self.ratioMean = ratioMean
    self.ratioDistanceMax = ratioDistanceMax
    self.clippedShare = clippedShare
    self.logProbabilityMismatches = logProbabilityMismatches
    self.weightsDigest = weightsDigest
    self.optimizerDigest = optimizerDigest
  }
}

/// A weights file as recorded by `CheckpointSaved`.
package struct Checkpoint: Hashable, Codable, Sendable {
  package var policyVersion: PolicyVersion
  /// File name inside the experiment's checkpoint folder.
  package var file: String
  package var bytes: Int
  package var weightsDigest: String
  package var optimizerDigest: String

  package init(policyVersion: PolicyVersion, file: String, bytes: Int, weightsDigest: String, optimizerDigest: String) {
    self.policyVersion = policyVersion
    self.file = file
    self.bytes = bytes
    self.weightsDigest = weightsDigest
    self.optimizerDigest = optimizerDigest
  }
}

/// The end of the log at some moment: its last position and the hash that covers everything up to it.
package struct LogAnchor: Hashable, Sendable {
  package var position: Int64
  /// In hexadecimal.
  package var hash: String

  package init(position: Int64, hash: String) {
    self.position = position
    self.hash = hash
  }
}

/// Owns the weights: changes them by training steps and keeps them in files.
package protocol Learner: Sendable {
  /// Version of the weights it holds.
  var policyVersion: PolicyVersion { get async }
  /// One clipped step on the batch, in the order of its samples; the weights move to the next version. Throws
  /// `LearnerError.notFinite` and leaves the weights as they were if the loss or the gradient is not finite.
  func update(
    _ samples: [TrainingSample], settings: LearnerSettings, progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> UpdateOutcome
  /// Writes weights and optimizer state so that a crash at any moment leaves either no file or a whole one.
  ///
  /// - Parameter head: where the log ends now; written into the file, so that it anchors the log outside the database.
  func save(experiment: ExperimentID, head: LogAnchor) async throws -> Checkpoint
  /// Replaces the weights by those of a file, digest-checked. Throws if it is missing or damaged.
  func load(_ checkpoint: Checkpoint, experiment: ExperimentID) async throws
  /// Back to the base model: version 0, empty optimizer.
  func reset() async throws
}

/// Why a learner did not update.
package enum LearnerError: Error, Hashable, Sendable {
  /// The loss or the gradient is not finite; the text says which.
  case notFinite(String)
}
