import Domain
import Foundation
import Transformer

/// One step of PPO's clipped surrogate on a batch of the log (Absolute Zero §4.1, Table 3).
///
///     L = −1/T Σ_t min(ρ_t A, clip(ρ_t, 1−ε, 1+ε′) A) − c/T Σ_t H_t,   ρ_t = exp(log π(t) − log π_recorded(t))
///
/// and with a dual clip d, where A < 0, at least d·A for each token;
/// over all T tokens of the batch. One epoch, one step, no critic, no KL term. Departures from the published code:
/// 1. token mean over the whole batch instead of a mean of micro-batch means, so the result does not depend on their size;
/// 2. samples whose advantage is 0 are not computed when there is no entropy term, because their gradient is 0; their
///    tokens still count in T;
/// 3. samples with the same prompt share its forward and backward pass.
///
/// On-policy, ρ is exactly 1: the recomputed log-probability has the bits that the sampler recorded (promise P5). Every
/// token where it has not is counted.
package final class PolicyGradientStep {
  private let model: Model

  package init(model: Model) { self.model = model }

  /// Samples in families of one prompt and one temperature, in order of first appearance.
  private struct Family {
    var temperature: Double
    var prompt: [Int32]
    var members: [Int]
  }

  /// What the losses add up to, in the order of the families.
  private struct Sums {
    var loss = 0.0
    var entropy = 0.0
    var ratio = 0.0
    var ratioDistanceMax = 0.0
    var clipped = 0
    var mismatches = 0
    var tokens = 0
    var sequences = 0
  }

  /// Computes the gradient, clips it and moves the weights.
  ///
  /// - Throws: `LearnerError.notFinite`, with the weights unchanged; `EngineError.sequenceTooLong`.
  package func perform(
    _ samples: [TrainingSample], settings: LearnerSettings, progress: @Sendable (StepProgress) -> Void
  ) throws -> UpdateOutcome {
    let tokensAll = samples.reduce(0) { $0 + $1.tokens.count }
    let families = try self.families(samples, trainsAll: settings.entropyCoefficient != 0)
    model.trainer.zeroGradients()
    var sums = Sums()
    var done = 0
    for chunk in chunks(families, samples) {
      try accumulate(chunk, samples, settings, tokensAll: tokensAll, into: &sums)
      done += chunk.count
      progress(StepProgress(done: done, total: families.count, tokens: sums.tokens))
    }
    guard sums.loss.isFinite else { throw LearnerError.notFinite("the loss is \(sums.loss)") }
    let norm = model.optimizer.step(
      model.decoder, gradients: model.trainer.gradients, settings: Optimizer.Settings(settings))
    guard norm.isFinite else { throw LearnerError.notFinite("the gradient norm is \(norm)") }
    let tokens = Double(max(sums.tokens, 1))
    return UpdateOutcome(
      loss: sums.loss / Double(max(tokensAll, 1)), entropy: sums.entropy / tokens, gradientNorm: norm,
      sequences: sums.sequences, tokens: sums.tokens, ratioMean: sums.ratio / tokens,
      ratioDistanceMax: sums.ratioDistanceMax, clippedShare: Double(sums.clipped) / tokens,
      logProbabilityMismatches: sums.mismatches, weightsDigest: model.weightsDigest,
      optimizerDigest: model.optimizerDigest)
  }

  private func families(_ samples: [TrainingSample], trainsAll: Bool) throws -> [Family] {
    var families: [Family] = []
    var indices: [FamilyKey: Int] = [:]
    for (member, sample) in samples.enumerated() where !sample.tokens.isEmpty {
      guard trainsAll || sample.advantage != 0 else { continue }
      let key = FamilyKey(prompt: sample.prompt, temperature: sample.temperature)
      let index = indices[key] ?? families.count
      if index == families.count {
        indices[key] = index
        let prompt = model.tokenizer.encodePrompt(sample.prompt)
        families.append(Family(temperature: sample.temperature, prompt: prompt, members: []))
      }
      families[index].members.append(member)
      let length = families[index].prompt.count + sample.tokens.count
      let context = model.decoder.configuration.contextLength
      guard length <= context else {
        throw EngineError.sequenceTooLong(id: sample.id, tokens: length, max: context)
      }
    }
    return families
  }

  private struct FamilyKey: Hashable {
    var prompt: String
    var temperature: Double
  }

  /// Neighbouring families of one temperature that fit into memory together: wide products are fast products.
  private func chunks(_ families: [Family], _ samples: [TrainingSample]) -> [[Family]] {
    var chunks: [[Family]] = []
    var rows = 0
    for family in families {
      let added = family.members.reduce(family.prompt.count) { $0 + samples[$1].tokens.count }
      if let last = chunks.last?.last, last.temperature == family.temperature, rows + added <= Model.trainingRowsMax {
        chunks[chunks.count - 1].append(family)
        rows += added
      } else {
        chunks.append([family])
        rows = added
      }
    }
    return chunks
  }

  private func accumulate(
    _ families: [Family], _ samples: [TrainingSample], _ settings: LearnerSettings, tokensAll: Int,
    into sums: inout Sums
  ) throws {
    let groups = families.map { family in
      TrainingFamily(prompt: family.prompt, completions: family.members.map { samples[$0].tokens })
    }
    let sampling = Sampling(temperature: families[0].temperature, tokensMax: 0, stops: [])
    try model.trainer.accumulateGradients(groups, inverseTemperature: sampling.inverseTemperature) { index, outcomes in
      let sample = samples[families[index.family].members[index.completion]]
      sums.sequences += 1
      return outcomes.enumerated().map { place, outcome in
        Self.loss(
          outcome, recorded: sample.logProbabilities[place], advantage: sample.advantage, settings,
          scale: 1 / Double(tokensAll), &sums)
      }
    }
  }

  /// The derivative of L by one token's log-probability and entropy, and its part of the sums.
  private static func loss(
    _ outcome: TokenOutcome, recorded: Float, advantage: Double, _ settings: LearnerSettings, scale: Double,
    _ sums: inout Sums
  ) -> TokenLoss {
    let ratio = exp(Double(outcome.logProbability) - Double(recorded))
    let clipHigh = settings.ratioClipHigh.value(orSame: settings.ratioClip)
    let bounded = min(max(ratio, 1 - settings.ratioClip), 1 + clipHigh)
    var isClipped = bounded * advantage < ratio * advantage
    var surrogate = min(ratio * advantage, bounded * advantage)
    if settings.dualClip > 0, advantage < 0, surrogate < settings.dualClip * advantage {
      (isClipped, surrogate) = (true, settings.dualClip * advantage)
    }
    sums.loss -= surrogate + settings.entropyCoefficient * Double(outcome.entropy)
    sums.entropy += Double(outcome.entropy)
    sums.ratio += ratio
    sums.ratioDistanceMax = max(sums.ratioDistanceMax, abs(ratio - 1))
    sums.tokens += 1
    if isClipped { sums.clipped += 1 }
    if outcome.logProbability.bitPattern != recorded.bitPattern { sums.mismatches += 1 }
    return TokenLoss(
      logProbability: isClipped ? 0 : Float(-scale * ratio * advantage),
      entropy: Float(-scale * settings.entropyCoefficient))
  }
}

extension Optimizer.Settings {
  fileprivate init(_ settings: LearnerSettings) {
    self.init(
      learningRate: Float(settings.rate), beta1: Float(settings.beta1), beta2: Float(settings.beta2),
      epsilon: Float(settings.epsilon), weightDecay: Float(settings.weightDecay),
      gradientNormMax: Float(settings.gradientNormMax))
  }
}
