import Glibc

/// row (V), in place: logits → log-probabilities of the tempered distribution, log softmax(logits / temperature).
///
/// The one path for sampling and training, so their bits agree: z = logit·(1/temperature); the largest z; Σ e^(z−max) in
/// blocks of 512, each in eight lanes and the blocks in double precision; z − max − log Σ.
package func temperedLogSoftmaxRow(_ row: Out, inverseTemperature: Float, V: Int) {
  var peak = Vector(repeating: -.infinity)
  forEachVector(0..<V) { index, width in
    peak = larger(loadPartial(row + index, width, filler: -.infinity) * inverseTemperature, peak)
  }
  let highest = laneMax(peak)
  var total = 0.0
  var block = 0
  while block < V {
    var sum = Vector(repeating: 0)
    forEachVector(block..<min(V, block + 512)) { index, width in
      sum += exp8(loadPartial(row + index, width, filler: -.infinity) * inverseTemperature - highest)
    }
    total += Double(laneSum(sum))
    block += 512
  }
  let logTotal = Float(log(total))
  forEachVector(0..<V) { index, width in
    storePartial(loadPartial(row + index, width) * inverseTemperature - highest - logTotal, row + index, width)
  }
}

/// `temperedLogSoftmaxRow` on each row of rows (M,V).
package func temperedLogSoftmaxForward(rows: Out, inverseTemperature: Float, M: Int, V: Int, pool: ThreadPool) {
  pool.run(M) { row, _ in temperedLogSoftmaxRow(rows + row * V, inverseTemperature: inverseTemperature, V: V) }
}

/// −Σ p·log p of a row (V) of log-probabilities, in nats.
package func entropyRow(_ logProbabilities: In, V: Int) -> Float {
  var total = 0.0
  var block = 0
  while block < V {
    var sum = Vector(repeating: 0)
    forEachVector(block..<min(V, block + 512)) { index, width in
      // A filler of −100 has probability 0 and adds nothing.
      let logp = loadPartial(logProbabilities + index, width, filler: -100)
      sum += exp8(logp) * larger(logp, Vector(repeating: -100))
    }
    total -= Double(laneSum(sum))
    block += 512
  }
  return Float(total)
}

/// One wanted log-probability: its gradient flows into entry `token` of a row of logits.
package struct TokenGradient: Sendable {
  package var token: Int32
  /// ∂loss/∂log p(token).
  package var logProbability: Float
  package init(token: Int32, logProbability: Float) { (self.token, self.logProbability) = (token, logProbability) }
}

/// row (V), in place: log-probabilities of the tempered distribution → ∂loss/∂logits.
///
/// ∂loss/∂z_i = Σ_t g_t (1[i = token_t] − p_i) − h·p_i·(log p_i + H), times 1/temperature, where g_t are the targets'
/// gradients (several when sequences share this row) and h = ∂loss/∂H is that of the row's entropy H.
package func temperedLogSoftmaxBackwardRow(
  _ row: Out, targets: some Collection<TokenGradient>, entropyGradient: Float, inverseTemperature: Float, V: Int
) {
  var gradientSum: Float = 0
  for target in targets { gradientSum += target.logProbability }
  let entropy = entropyGradient == 0 ? 0 : entropyRow(row, V: V)
  forEachVector(0..<V) { index, width in
    let logp = loadPartial(row + index, width)
    let p = exp8(logp)
    var gradient = p * (0 - gradientSum)
    if entropyGradient != 0 {
      gradient -= p * (larger(logp, Vector(repeating: -100)) + entropy) * entropyGradient
    }
    storePartial(gradient * inverseTemperature, row + index, width)
  }
  for target in targets { row[Int(target.token)] += target.logProbability * inverseTemperature }
}
