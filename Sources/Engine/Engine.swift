import Domain
import Foundation
import Tensor
import Threads
import Transformer

/// Our own transformer as `Policy` and `Learner`: one set of weights that samples, is trained, and is kept in files.
///
/// An actor on a thread of its own, because it computes for minutes. Sampling and training share weights and threads, so
/// they take turns; the kernels use all threads of the pool meanwhile.
package actor Engine {
  let model: Model
  let sampler: BatchSampler
  /// Samples from the base model's weights; made when they are first asked for.
  private var baseSampler: BatchSampler?
  let update: PolicyGradientStep
  let checkpoints: CheckpointFolder
  /// Version of the weights in memory.
  package private(set) var policyVersion: PolicyVersion = 0
  private let thread: ThreadExecutor

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// Reads the model and allocates everything that sampling and training need, once.
  ///
  /// - Parameters:
  ///   - modelFile: a GGUF file or a Hugging Face folder.
  ///   - modelDigest: SHA-256 it must have; empty accepts any.
  ///   - threads: of the kernels. The results do not depend on it.
  ///   - checkpoints: folder for weights files, made if missing.
  ///   - keep: how many of them.
  ///   - inherited: folders of the experiments this one was forked from, nearest first.
  ///   - training: what updates change; decides what is in memory.
  /// - Throws: `ModelFileError` for an unreadable or unfit file, `EngineError.wrongModel` for another one than recorded.
  package static func open(
    modelFile: String, modelDigest: String, threads: Int, checkpoints: String, keep: Int, inherited: [String] = [],
    training: TrainingMethod = .full
  ) async throws -> Engine {
    let thread = ThreadExecutor(name: "engine")
    return try Engine(
      model: Model.load(modelFile, digest: modelDigest, threads: threads, training: training),
      checkpoints: CheckpointFolder(path: checkpoints, keep: keep, inherited: inherited), thread: thread)
  }

  /// Takes a model and makes what sampling needs besides. `open` calls it; tests do with decoders of their own.
  package init(
    model: sending Model, checkpoints: CheckpointFolder, thread: ThreadExecutor = ThreadExecutor(name: "engine")
  ) throws {
    self.model = model
    self.checkpoints = checkpoints
    self.thread = thread
    sampler = try BatchSampler(decoder: model.decoder, tokenizer: model.tokenizer)
    update = PolicyGradientStep(model: model)
  }

  /// What decides the bits of a result on this machine; recorded with each start.
  package static var numericsProfile: String {
    "engine 2; float32; kernels \(KernelPath.chosen.rawValue)"
  }
}

extension Engine: Policy {
  package func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    var results: [Generation?] = Array(repeating: nil, count: requests.count)
    var before = StepProgress(done: 0, total: requests.count, tokens: 0)
    for weights in GenerationRequest.Weights.allCases {
      let indices = requests.indices.filter { requests[$0].weights == weights }
      guard !indices.isEmpty else { continue }
      let start = before
      let generations = try batchSampler(of: weights).sample(indices.map { requests[$0] }) { part in
        before.done = start.done + part.done
        before.tokens = start.tokens + part.tokens
        progress(before)
      }
      for (index, generation) in zip(indices, generations) { results[index] = generation }
    }
    return results.map { result in
      guard let result else { preconditionFailure("a request of no weights") }
      return result
    }
  }

  /// While nothing is trained, the weights in memory are the base model's.
  private func batchSampler(of weights: GenerationRequest.Weights) throws -> BatchSampler {
    guard weights == .base, policyVersion > 0 else { return sampler }
    if let baseSampler { return baseSampler }
    let made = try BatchSampler(decoder: model.baseDecoder(), tokenizer: model.tokenizer)
    baseSampler = made
    return made
  }
}

extension Engine: Learner {
  package func update(
    _ samples: [TrainingSample], settings: LearnerSettings, progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> UpdateOutcome {
    let outcome = try update.perform(samples, settings: settings, progress: progress)
    policyVersion += 1
    return outcome
  }

  package func save(experiment: ExperimentID, head: LogAnchor) async throws -> Checkpoint {
    try checkpoints.write(model, version: policyVersion, experiment: experiment, head: head)
  }

  package func load(_ checkpoint: Checkpoint, experiment: ExperimentID) async throws {
    do {
      try checkpoints.read(checkpoint, experiment: experiment, into: model)
      policyVersion = checkpoint.policyVersion
    } catch {
      // The weights may be half replaced: the base model is the only version that is certain.
      try model.reset()
      policyVersion = 0
      throw error
    }
  }

  package func reset() async throws {
    try model.reset()
    policyVersion = 0
  }
}

/// What the engine refuses.
package enum EngineError: Error, CustomStringConvertible {
  case wrongModel(file: String, found: String, expected: String)
  case foreignCheckpoint(file: String, what: String, found: String, expected: String)
  case sequenceTooLong(id: String, tokens: Int, max: Int)

  package var description: String {
    switch self {
    case .wrongModel(let file, let found, let expected):
      "\(file) is not the model of the experiment: its sha256 is \(found), the experiment began with \(expected)"
    case .foreignCheckpoint(let file, let what, let found, let expected):
      "\(file) is not the checkpoint that was recorded: its \(what) is \(found), the log says \(expected)"
    case .sequenceTooLong(let id, let tokens, let max):
      "sample \(id) has \(tokens) tokens with its prompt, the model's context has \(max)"
    }
  }
}
