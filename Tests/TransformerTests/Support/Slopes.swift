import Tensor
import Testing
import Transformer

/// The loss of the gradient tests: its derivatives differ from token to token, and it has an entropy term.
enum SlopedLoss {
  static let inverseTemperature: Float = 1 / 0.7

  static func derivatives(_ index: CompletionIndex, _ outcomes: [TokenOutcome]) -> [TokenLoss] {
    outcomes.indices.map { token in
      TokenLoss(logProbability: Float((index.family * 5 + index.completion * 3 + token) % 7) - 2.5, entropy: -0.3)
    }
  }

  /// The loss whose derivatives those are, in double precision.
  static func value(_ trainer: Trainer, _ families: [TrainingFamily]) throws -> Double {
    let outcomes = try trainer.outcomes(families, inverseTemperature: inverseTemperature)
    var total = 0.0
    for (family, completions) in outcomes.enumerated() {
      for (completion, tokens) in completions.enumerated() {
        for (token, weight) in zip(tokens, derivatives(.init(family: family, completion: completion), tokens)) {
          total += Double(weight.logProbability) * Double(token.logProbability)
          total += Double(weight.entropy) * Double(token.entropy)
        }
      }
    }
    return total
  }
}

/// Expects the gradient of every tensor that is trained to be the slope of the loss along a random direction.
///
/// - Parameters:
///   - step: of the finite difference, in either direction.
///   - tolerance: relative to the slope, or to the gradient's length where that is more.
func expectSlopes(of decoder: Decoder, _ families: [TrainingFamily], step: Float, tolerance: Double) throws {
  let trainer = Trainer(decoder: decoder)
  try trainer.accumulateGradients(
    families, inverseTemperature: SlopedLoss.inverseTemperature, loss: SlopedLoss.derivatives)
  let weights = decoder.trained
  let direction = Parameters(layout: weights.layout)
  direction.fillRandom(seed: 99)
  for view in weights.layout.views {
    let original = Array(weights.elements(view))
    func moved(_ distance: Float) throws -> Double {
      for index in 0..<view.count { weights[view][index] = original[index] + distance * direction[view][index] }
      decoder.weightsChanged()
      return try SlopedLoss.value(trainer, families)
    }
    let slope = (try moved(step) - moved(-step)) / Double(2 * step)
    _ = try moved(0)
    let expected = (0..<view.count).reduce(0.0) {
      $0 + Double(trainer.gradients[view][$1]) * Double(direction[view][$1])
    }
    let length = sumOfSquares(trainer.gradients[view], count: view.count, pool: decoder.pool).squareRoot()
    #expect(abs(slope - expected) < tolerance * max(abs(expected), length), "\(view.name): \(slope), not \(expected)")
  }
}
