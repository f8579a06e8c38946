import CKernels

/// row (V), in place: logits → log-probabilities of the tempered distribution, log softmax(logits / temperature).
///
/// The one path for sampling and training, so their bits agree: z = logit·(1/temperature); the largest z; Σ e^(z−max) in
/// blocks of 512, each in sixteen lanes and the blocks in double precision; z − max − log Σ.
package func temperedLogSoftmaxRow(_ row: Out, inverseTemperature: Float, V: Int, path: KernelPath? = nil) {
  kernels(path).pointee.log_softmax(row, inverseTemperature, V)
}

/// `temperedLogSoftmaxRow` on each row of rows (M,V).
package func temperedLogSoftmaxForward(rows: Out, inverseTemperature: Float, M: Int, V: Int, pool: ThreadPool) {
  let kernels = pool.kernels
  pool.run(M) { row, _ in kernels.pointee.log_softmax(rows + row * V, inverseTemperature, V) }
}

/// −Σ p·log p of a row (V) of log-probabilities, in nats.
package func entropyRow(_ logProbabilities: In, V: Int, path: KernelPath? = nil) -> Float {
  kernels(path).pointee.entropy(logProbabilities, V)
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
  _ row: Out, targets: some Collection<TokenGradient>, entropyGradient: Float, inverseTemperature: Float, V: Int,
  path: KernelPath? = nil
) {
  var gradientSum: Float = 0
  for target in targets { gradientSum += target.logProbability }
  let entropy = entropyGradient == 0 ? 0 : entropyRow(row, V: V, path: path)
  kernels(path).pointee.log_softmax_backward(row, gradientSum, entropy, entropyGradient, inverseTemperature, V)
  for target in targets { row[Int(target.token)] += target.logProbability * inverseTemperature }
}
