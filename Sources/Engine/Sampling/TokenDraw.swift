import Domain
import Tensor

/// A token and its log-probability under the distribution it was drawn from.
struct DrawnToken: Equatable, Sendable {
  let token: Int32
  /// In nats; not finite when the logits were not.
  let logProbability: Float
}

extension Sampling {
  /// 1/temperature as the engine multiplies logits by it. Sampling and training both use this value: another rounding
  /// would break promise P5.
  package var inverseTemperature: Float { Float(1 / temperature) }
}

/// Draws a token from logits (V) by inversion: the first whose cumulative probability exceeds `uniform`, in [0,1).
///
/// Turns `logits` into log-probabilities of the tempered distribution in place; `scratch` has room for V. Every sum has a
/// fixed order, so the draw depends on the row and the number alone. Temperature 0 takes the largest logit, the first of
/// equals, with log-probability 0: the distribution is that point.
func drawToken(logits: Out, scratch: Out, V: Int, temperature: Double, inverseTemperature: Float, uniform: Double)
  -> DrawnToken
{
  guard temperature > 0 else { return largest(logits, V) }
  temperedLogSoftmaxRow(logits, inverseTemperature: inverseTemperature, V: V)
  expForward(out: scratch, input: logits, count: V)
  var total = 0.0
  for start in stride(from: 0, to: V, by: drawBlock) { total += blockSum(scratch, start, V) }
  guard total.isFinite, total > 0 else { return DrawnToken(token: 0, logProbability: .nan) }
  let token = invert(scratch, V, target: uniform * total)
  return DrawnToken(token: Int32(token), logProbability: logits[token])
}

/// Probabilities are summed in blocks of this many: in float32 within a block, in double across them.
private let drawBlock = 512

private func blockSum(_ probabilities: In, _ start: Int, _ V: Int) -> Double {
  let end = min(V, start + drawBlock)
  var lanes = SIMD8<Float>(repeating: 0)
  var index = start
  while index + 8 <= end {
    lanes += UnsafeRawPointer(probabilities + index).loadUnaligned(as: SIMD8<Float>.self)
    index += 8
  }
  var sum = Double(lanes.sum())
  while index < end {
    sum += Double(probabilities[index])
    index += 1
  }
  return sum
}

/// The first index whose cumulative probability exceeds `target`: the block by the sums above, then within it. Rounding
/// may leave a hair of the block uncovered; its last possible token takes it.
private func invert(_ probabilities: In, _ V: Int, target: Double) -> Int {
  var before = 0.0
  var start = 0
  var last = 0
  while start < V {
    let sum = blockSum(probabilities, start, V)
    if sum > 0 { last = start }
    if before + sum > target { break }
    before += sum
    start += drawBlock
  }
  return indexWithinBlock(probabilities, last, V, before: last == start ? before : 0, target: target)
}

private func indexWithinBlock(_ probabilities: In, _ start: Int, _ V: Int, before: Double, target: Double) -> Int {
  var cumulative = before
  var last = start
  for index in start..<min(V, start + drawBlock) where probabilities[index] > 0 {
    cumulative += Double(probabilities[index])
    last = index
    if cumulative > target { return index }
  }
  return last
}

private func largest(_ logits: In, _ V: Int) -> DrawnToken {
  var best = 0
  for index in 1..<V where logits[index] > logits[best] { best = index }
  return DrawnToken(token: Int32(best), logProbability: logits[best].isFinite ? 0 : .nan)
}
