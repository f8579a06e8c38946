import Domain
import Foundation
import Tensor
import Transformer

/// The weights of a policy version with what is needed to use or to publish them, and no memory for training.
///
/// Made from a model's files, from a checkpoint, or from an engine that has trained its way to the version; used by
/// `export` and `generate`. One owner.
package struct PolicyWeights {
  /// The base model, for its tokenizer and its chat template.
  package let base: StoredModel
  package let parameters: Parameters
  package let version: PolicyVersion

  /// The weights of a model as published: version 0.
  ///
  /// - Parameter digest: what the model must have; empty accepts any.
  /// - Throws: `ModelFileError`, `EngineError.wrongModel`.
  package init(model path: String, digest: String) throws {
    base = try Self.open(path, digest: digest)
    parameters = try Parameters(base)
    version = 0
  }

  /// The weights that a checkpoint of `experiment` holds, compared with the record. Adapters are merged into the base.
  ///
  /// - Parameter training: the experiment's method, which says what its checkpoints hold.
  /// - Throws: `ModelFileError` for a missing or damaged file, `EngineError` for another one than recorded.
  package init(
    _ checkpoint: Checkpoint, folder: CheckpointFolder, experiment: ExperimentID, model path: String, digest: String,
    training: TrainingMethod
  ) throws {
    base = try Self.open(path, digest: digest)
    if training == .full {
      parameters = Parameters(layout: ParameterLayout(base.configuration))
      try folder.readWeights(checkpoint, experiment: experiment, modelDigest: digest, into: parameters)
    } else {
      let decoder = try training.decoder(base.configuration, base: base, pool: ThreadPool(threads: 1))
      try folder.readWeights(checkpoint, experiment: experiment, modelDigest: digest, into: decoder.trained)
      decoder.weightsChanged()
      parameters = decoder.wholeCopy()
    }
    version = checkpoint.policyVersion
  }

  /// A copy of the weights in an engine's memory, whose base model is at `path`.
  package init(_ engine: Engine, model path: String) async throws {
    base = try StoredModel(path: path)
    parameters = await engine.weightsCopy()
    version = await engine.policyVersion
  }

  private static func open(_ path: String, digest expected: String) throws -> StoredModel {
    if !expected.isEmpty {
      let found = try StoredModel.digest(path: path)
      guard found == expected else { throw EngineError.wrongModel(file: path, found: found, expected: expected) }
    }
    return try StoredModel(path: path)
  }

  /// What the base model calls itself.
  package var baseName: String { base.name() }

  /// SHA-256 of the weights. The log records the same for full training, and that of the adapters alone for LoRA.
  package var digest: String { ContentDigest.hexadecimal(of: parameters.values) }

  /// Everything a file for other programs says.
  ///
  /// - Parameters:
  ///   - name: of the model, for people.
  ///   - origin: where the weights come from, for the file's metadata.
  package func export(
    as type: TensorType, name: String, origin: [(key: String, value: String)]
  ) throws -> ModelExport {
    ModelExport(
      configuration: base.configuration, parameters: parameters, tokenizer: try base.tokenizerDefinition(),
      chatTemplate: try base.chatTemplateText(), name: name, type: type,
      provenance: origin + [("policy_version", "\(version)"), ("weights_sha256", digest)])
  }
}

extension Engine {
  /// The weights in memory, copied.
  func weightsCopy() -> sending Parameters {
    // SAFETY: made here and given away; the engine keeps no reference.
    nonisolated(unsafe) let copy = model.decoder.wholeCopy()
    return copy
  }
}

extension Decoder {
  /// Every tensor of the model as it computes with it, adapters merged, in the layout of the base.
  fileprivate func wholeCopy() -> Parameters {
    let copy = Parameters(layout: ParameterLayout(configuration))
    for (own, view) in zip(tensors, copy.layout.views) {
      precondition(own.name == view.name, "\(own.name) where \(view.name) is wanted")
      read(own, into: copy.elements(view))
    }
    return copy
  }
}
