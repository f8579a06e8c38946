import Domain
import Tensor
import Transformer

// The engine's weights, looked at and left as they are: what replay asks when an update does not come out as recorded.
extension Engine: LearnerInspector {
  package func logProbabilities(of samples: [TrainingSample]) async throws -> [[Float]] {
    try samples.map { sample in
      let family = TrainingFamily(
        prompt: model.tokenizer.encodePrompt(sample.prompt), completions: [sample.tokens])
      let sampling = Sampling(temperature: sample.temperature, tokensMax: 0, stops: [])
      let outcomes = try model.trainer.outcomes([family], inverseTemperature: sampling.inverseTemperature)
      return outcomes[0][0].map(\.logProbability)
    }
  }

  package func difference(
    from checkpoint: Checkpoint, experiment: ExperimentID
  ) async throws -> TensorDifference? {
    let recorded = Parameters(layout: model.decoder.trained.layout)
    try checkpoints.readWeights(checkpoint, experiment: experiment, modelDigest: model.digest, into: recorded)
    return Self.firstDifference(model.decoder.trained, recorded)
  }

  /// Bits are compared, so that NaN equals itself and the two zeros differ.
  private static func firstDifference(_ found: Parameters, _ recorded: Parameters) -> TensorDifference? {
    var first: TensorDifference?
    var tensors = 0
    for view in found.layout.views {
      let pairs = zip(found.elements(view), recorded.elements(view))
      let places = pairs.enumerated().lazy.filter { $1.0.bitPattern != $1.1.bitPattern }
      guard let (element, pair) = places.first(where: { _ in true }) else { continue }
      tensors += 1
      guard first == nil else { continue }
      first = TensorDifference(
        tensor: view.name, element: element, found: pair.0, recorded: pair.1, count: places.reduce(0) { n, _ in n + 1 },
        tensors: 0)
    }
    first?.tensors = tensors
    return first
  }
}
