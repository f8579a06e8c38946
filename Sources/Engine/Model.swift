import Domain
import Foundation
import Tensor
import Transformer

/// The weights in memory with everything that belongs to them: configuration, tokenizer, gradients and the optimizer's
/// moments. Owned by the engine's actor.
package final class Model {
  package let file: String
  /// SHA-256 of the file.
  package let digest: String
  package let tokenizer: Tokenizer
  package let decoder: Decoder
  package let trainer: Trainer
  package let optimizer: Optimizer

  /// Rows whose activations are kept at once while training; also the longest sequence that can be trained.
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
    optimizer = Optimizer(layout: decoder.parameters.layout)
  }

  /// Reads a GGUF file or a Hugging Face folder.
  static func load(_ file: String, digest expected: String, threads: Int) throws -> sending Model {
    let digest = try digest(of: file)
    guard expected.isEmpty || digest == expected else {
      throw EngineError.wrongModel(file: file, found: digest, expected: expected)
    }
    let stored = try StoredModel(path: file)
    let tokenizer = try Tokenizer(stored.tokenizerDefinition())
    let decoder = Decoder(
      configuration: stored.configuration, parameters: try Parameters(stored), pool: ThreadPool(threads: threads))
    return Model(file: file, digest: digest, tokenizer: tokenizer, decoder: decoder)
  }

  /// What names a model: SHA-256 of a file, or of the files of a folder (`StoredModel.digest`).
  package static func digest(of file: String) throws -> String { try StoredModel.digest(path: file) }

  /// Back to the weights of the file, with an empty optimizer.
  func reset() throws {
    let stored = try StoredModel(path: file)
    for view in decoder.parameters.layout.views { try stored.read(view, into: decoder.parameters.elements(view)) }
    decoder.weightsChanged()
    for moment in [optimizer.firstMoment, optimizer.secondMoment] {
      moment.buffer.pointer.update(repeating: 0, count: moment.buffer.count)
    }
    optimizer.steps = 0
  }

  /// SHA-256 of the parameters as little-endian float32, in checkpoint order.
  package var weightsDigest: String { ContentDigest.hexadecimal(of: decoder.parameters.values) }

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
