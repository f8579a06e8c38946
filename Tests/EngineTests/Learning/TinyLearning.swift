import Domain
import Engine
import Foundation
import Tensor
import Transformer

/// A tiny random model with its training step, and samples to train it on.
struct TinyLearning {
  let model: Model
  let step: PolicyGradientStep

  init(threads: Int = 1, digest: String = "tiny", contextLength: Int = 160, training: TrainingMethod = .full) throws {
    let tiny = try TinyModel(threads: threads, contextLength: contextLength, training: training)
    model = Model(file: "none", digest: digest, tokenizer: tiny.tokenizer, decoder: tiny.decoder)
    step = PolicyGradientStep(model: model)
  }

  /// Settings that leave the weights where they are: the gradient can be looked at, again and again.
  static let still: LearnerSettings = {
    var settings = LearnerSettings()
    settings.rate = 0
    settings.entropyCoefficient = 0
    return settings
  }()

  static let moving: LearnerSettings = {
    var settings = still
    settings.rate = 1e-2
    return settings
  }()

  @discardableResult
  func perform(_ samples: [TrainingSample], _ settings: LearnerSettings = still) throws -> UpdateOutcome {
    try step.perform(samples, settings: settings) { _ in }
  }

  /// The gradient of the last step, before clipping.
  var gradient: [Float] { Array(model.trainer.gradients.buffer.elements) }

  /// Samples of the current weights, with advantages one after the other: fresh, so on-policy.
  func samples(_ advantages: [Double]) throws -> [TrainingSample] {
    let requests = TinyModel.requests(advantages.count)
    let generations = try BatchSampler(
      decoder: model.decoder, tokenizer: model.tokenizer, limits: SamplerLimits(cacheBytesMax: 1 << 20)
    ).sample(requests)
    return zip(requests, zip(generations, advantages)).enumerated().map { index, pair in
      TrainingSample(
        id: "\(index)", prompt: pair.0.prompt, tokens: pair.1.0.tokens, logProbabilities: pair.1.0.logProbabilities,
        temperature: pair.0.sampling.temperature, advantage: pair.1.1)
    }
  }

  /// The loss by its definition, in double precision, from the forward pass alone.
  func loss(_ samples: [TrainingSample], _ settings: LearnerSettings) throws -> Double {
    var total = 0.0
    for sample in samples {
      let family = TrainingFamily(
        prompt: model.tokenizer.encodePrompt(sample.prompt), completions: [sample.tokens])
      let outcomes = try model.trainer.outcomes([family], inverseTemperature: Float(1 / sample.temperature))[0][0]
      for (outcome, recorded) in zip(outcomes, sample.logProbabilities) {
        let ratio = exp(Double(outcome.logProbability) - Double(recorded))
        let clipped = min(max(ratio, 1 - settings.ratioClip), 1 + settings.ratioClip)
        total -= min(ratio * sample.advantage, clipped * sample.advantage)
        total -= settings.entropyCoefficient * Double(outcome.entropy)
      }
    }
    return total / Double(samples.reduce(0) { $0 + $1.tokens.count })
  }
}

extension [TrainingSample] {
  /// As if another policy had sampled: every recorded log-probability moved by a step.
  func shifted(_ step: (Int) -> Float) -> [TrainingSample] {
    enumerated().map { index, sample in
      var sample = sample
      sample.logProbabilities = sample.logProbabilities.map { $0 + step(index) }
      return sample
    }
  }
}
