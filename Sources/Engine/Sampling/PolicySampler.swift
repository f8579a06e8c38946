import Domain
import Tensor
import Threads
import Transformer

/// A policy version that only samples: no gradients and no optimizer in memory. `evaluate` asks it.
///
/// An actor on a thread of its own, because it computes for minutes. Its tokens are those of an engine with the same weights;
/// adapters are merged, so the bits of their log-probabilities are those of the merged weights.
package actor PolicySampler: Policy {
  private let sampler: BatchSampler
  /// SHA-256 of all weights as float32.
  package nonisolated let weightsDigest: String
  private let thread: ThreadExecutor

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// Packs the weights and reserves the cache.
  ///
  /// - Throws: `ModelFileError` for an unfit tokenizer.
  package init(_ weights: sending PolicyWeights, threads: Int, limits: SamplerLimits = SamplerLimits()) throws {
    thread = ThreadExecutor(name: "sampler")
    weightsDigest = weights.digest
    let decoder = Decoder(
      configuration: weights.base.configuration, parameters: weights.parameters, pool: ThreadPool(threads: threads))
    sampler = try BatchSampler(
      decoder: decoder, tokenizer: Tokenizer(weights.base.tokenizerDefinition()), limits: limits)
  }

  package func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    try sampler.sample(requests, progress: progress)
  }
}
