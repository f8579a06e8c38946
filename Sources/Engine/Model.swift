import Domain
import Foundation
import Tensor
import Transformer

/// The weights in memory with everything that belongs to them: configuration, tokenizer, gradients and the optimizer's
/// moments of what is trained. Owned by the engine's actor.
package final class Model {
  package let file: String
  /// SHA-256 of the file.
  package let digest: String
  package let tokenizer: Tokenizer
  package let decoder: Decoder
  package let trainer: Trainer
  package let optimizer: Optimizer

  /// Rows whose activations are kept at once while training, unless one sequence has more.
  package static let trainingRowsMax = 1024

  /// Takes a decoder and makes what training needs besides. `load` calls it; tests do with small random decoders.
  ///
  /// - Parameter digest: names the base model; a checkpoint of another one is refused.
  package init(file: String, digest: String, tokenizer: Tokenizer, decoder: Decoder) {
    self.file = file
    self.digest = digest
    self.tokenizer = tokenizer
    self.decoder = decoder
    trainer = Trainer(decoder: decoder, rowsMax: Self.trainingRowsMax)
    optimizer = Optimizer(layout: decoder.trained.layout)
  }

  /// Reads a GGUF file or a Hugging Face folder.
  static func load(
    _ file: String, digest expected: String, threads: Int, training method: TrainingMethod
  ) throws -> sending Model {
    let digest = try digest(of: file)
    guard expected.isEmpty || digest == expected else {
      throw EngineError.wrongModel(file: file, found: digest, expected: expected)
    }
    let stored = try StoredModel(path: file)
    let tokenizer = try Tokenizer(stored.tokenizerDefinition())
    let decoder = try method.decoder(stored.configuration, base: stored, pool: ThreadPool(threads: threads))
    return Model(file: file, digest: digest, tokenizer: tokenizer, decoder: decoder)
  }

  /// The base model beside what has become of it, to sample from and without memory for training: one copy of the weights in
  /// packed form and one of the embedding, 0.65 GB for SmolLM2-135M, 2.5 GB for Qwen2.5-0.5B.
  ///
  /// - Throws: `ModelFileError`, or `EngineError.wrongModel` if the file is no longer the one that was opened.
  func baseDecoder() throws -> Decoder {
    let found = try Self.digest(of: file)
    guard found == digest else { throw EngineError.wrongModel(file: file, found: found, expected: digest) }
    return try Decoder(
      configuration: decoder.configuration, base: StoredModel(path: file), adapters: nil, pool: decoder.pool)
  }

  /// What names a model: SHA-256 of a file, or of the files of a folder (`StoredModel.digest`).
  package static func digest(of file: String) throws -> String { try StoredModel.digest(path: file) }

  /// Back to the weights of the file, with an empty optimizer. Adapters begin again, on weights that never changed.
  package func reset() throws {
    if let adapters = decoder.adapters {
      adapters.reset()
    } else {
      try decoder.parameters.fill(from: StoredModel(path: file))
    }
    decoder.weightsChanged()
    for moment in [optimizer.firstMoment, optimizer.secondMoment] {
      moment.buffer.pointer.update(repeating: 0, count: moment.buffer.count)
    }
    optimizer.steps = 0
  }

  /// SHA-256 of what is trained, as little-endian float32, in checkpoint order: all parameters, or those of the adapters,
  /// which with the base model's digest and the settings decide all the others.
  package var weightsDigest: String { ContentDigest.hexadecimal(of: decoder.trained.values) }

  /// SHA-256 over the digests of both moments and the number of steps taken.
  package var optimizerDigest: String {
    Self.optimizerDigest(
      firstMoment: ContentDigest.hexadecimal(of: optimizer.firstMoment.values),
      secondMoment: ContentDigest.hexadecimal(of: optimizer.secondMoment.values), steps: optimizer.steps)
  }

  static func optimizerDigest(firstMoment: String, secondMoment: String, steps: Int) -> String {
    sha256(Data("\(firstMoment) \(secondMoment) \(steps)".utf8))
  }
}

extension Parameters {
  /// All values in checkpoint order.
  var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: buffer.pointer, count: buffer.count) }
}
