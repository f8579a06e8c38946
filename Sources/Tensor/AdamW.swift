import CKernels
import Glibc

/// Settings of one AdamW step, with what they amount to at that step. Loshchilov & Hutter 2019, as in PyTorch.
package struct AdamWStep: Sendable {
  package var learningRate: Float
  package var beta1: Float
  package var beta2: Float
  package var epsilon: Float
  package var weightDecay: Float
  /// 1 for the first step: corrects the bias of moments that start at zero.
  package var step: Int
  /// The gradient is multiplied by this first: the clipping factor.
  package var gradientScale: Float

  package init(
    learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, step: Int, gradientScale: Float
  ) {
    precondition(step >= 1, "AdamW step \(step) is below 1")
    self.learningRate = learningRate
    (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
    (self.weightDecay, self.step, self.gradientScale) = (weightDecay, step, gradientScale)
  }
}

private let optimizerChunk = 1 << 16

/// parameters, first and second moments (count), in place, from the gradient.
///
/// m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; p ← p(1 − lr·decay) − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
package func adamWUpdate(
  parameters: Out, gradient: In, firstMoment: Out, secondMoment: Out, count: Int, step: AdamWStep, pool: ThreadPool
) {
  let correction1 = 1 - pow(Double(step.beta1), Double(step.step))
  let correction2 = 1 - pow(Double(step.beta2), Double(step.step))
  let rate = Float(Double(step.learningRate) / correction1)
  let spread = Float(1 / correction2.squareRoot())
  let keep = 1 - step.learningRate * step.weightDecay
  let factors = kernel_adamw(
    gradient_scale: step.gradientScale, beta1: step.beta1, beta2: step.beta2, rate: rate, spread: spread,
    epsilon: step.epsilon, keep: keep)
  let kernels = pool.kernels
  pool.runChunks(count, chunk: optimizerChunk) { range, _ in
    let first = range.lowerBound
    var factors = factors
    kernels.pointee.adamw(
      parameters + first, gradient + first, firstMoment + first, secondMoment + first, range.count, &factors)
  }
}

/// Σ x² (count) in double precision: chunks of 65,536 fixed by index, each in order, then the chunks in order. The square
/// root of it over all gradients is the norm that clipping limits.
package func sumOfSquares(_ x: In, count: Int, pool: ThreadPool) -> Double {
  let kernels = pool.kernels
  var partial = [Double](repeating: 0, count: (count + optimizerChunk - 1) / optimizerChunk)
  partial.withUnsafeMutableBufferPointer { sums in
    // SAFETY: each chunk writes its own element.
    nonisolated(unsafe) let sums = sums
    pool.runChunks(count, chunk: optimizerChunk) { range, _ in
      sums[range.lowerBound / optimizerChunk] = kernels.pointee.sum_of_squares(x + range.lowerBound, range.count)
    }
  }
  return partial.reduce(0, +)
}
