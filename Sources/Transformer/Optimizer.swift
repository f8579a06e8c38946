import Tensor

/// AdamW over what a decoder trains (`Decoder.trained`), with its two moments and the number of steps taken.
package final class Optimizer {
  /// Settings of a step. Decay applies to every parameter, as in PyTorch's default.
  package struct Settings: Equatable, Sendable {
    package var learningRate: Float
    package var beta1: Float
    package var beta2: Float
    package var epsilon: Float
    package var weightDecay: Float
    /// The gradient is scaled down to this norm when it is longer; nil clips nothing.
    package var gradientNormMax: Float?

    package init(
      learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, gradientNormMax: Float?
    ) {
      (self.learningRate, self.beta1, self.beta2) = (learningRate, beta1, beta2)
      (self.epsilon, self.weightDecay, self.gradientNormMax) = (epsilon, weightDecay, gradientNormMax)
    }
  }

  package let firstMoment: Parameters
  package let secondMoment: Parameters
  /// Steps taken; whoever restores a checkpoint sets it with the moments.
  package var steps = 0

  /// - Parameter layout: of `Decoder.trained`.
  package init(layout: ParameterLayout) {
    firstMoment = Parameters(layout: layout)
    secondMoment = Parameters(layout: layout)
  }

  /// One step on what the decoder trains, which is then merged and packed again. Returns the gradient's norm before clipping; when it
  /// is not finite nothing is changed.
  package func step(_ decoder: Decoder, gradients: Parameters, settings: Settings) -> Double {
    precondition(gradients.layout == decoder.trained.layout && firstMoment.layout == gradients.layout)
    let count = gradients.buffer.count
    let norm = sumOfSquares(gradients.buffer.pointer, count: count, pool: decoder.pool).squareRoot()
    guard norm.isFinite else { return norm }
    steps += 1
    var scale = 1.0
    if let limit = settings.gradientNormMax, norm > Double(limit) { scale = Double(limit) / norm }
    adamWUpdate(
      parameters: decoder.trained.buffer.pointer, gradient: gradients.buffer.pointer,
      firstMoment: firstMoment.buffer.pointer, secondMoment: secondMoment.buffer.pointer, count: count,
      step: AdamWStep(
        learningRate: settings.learningRate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
        weightDecay: settings.weightDecay, step: steps, gradientScale: Float(scale)),
      pool: decoder.pool)
    decoder.weightsChanged()
    return norm
  }
}
