import Tensor

/// What the forward pass says about one token of a completion, under the tempered distribution.
package struct TokenOutcome: Equatable, Sendable {
  package var logProbability: Float
  /// Entropy in nats of the distribution the token was drawn from.
  package var entropy: Float
}

/// What the loss wants of one token: its derivatives by the token's log-probability and by the entropy.
package struct TokenLoss: Sendable {
  package var logProbability: Float
  package var entropy: Float

  package init(logProbability: Float, entropy: Float = 0) {
    (self.logProbability, self.entropy) = (logProbability, entropy)
  }
}

/// Gradients of a loss on the log-probabilities of completions.
///
/// The loss belongs to the caller: for each completion it receives the log-probabilities of the current weights and
/// returns the derivatives, token by token; then the backward pass runs. Families are taken in micro-batches of `rowsMax`
/// rows, so memory does not grow with the batch; logits exist for completion positions only. Everything is added in an
/// order fixed by the batch. The learner calls `zeroGradients`, `accumulateGradients`, `Optimizer.step`.
///
/// A prompt with one completion that is longer than `rowsMax` is a micro-batch of its own: memory then grows once, to the
/// longest so far. The model's context is the only limit, so what could be sampled can be trained.
package final class Trainer {
  package let decoder: Decoder
  /// Of what the decoder trains, with the layout of `Decoder.trained`.
  package let gradients: Parameters
  package let rowsMax: Int
  private let logitBytesMax: Int
  private var memory: TrainingMemory

  /// - Parameters:
  ///   - rowsMax: rows whose activations are kept at once, unless one sequence has more.
  ///   - logitBytesMax: memory for logits; when more are needed they are computed in pieces, and twice. The default is
  ///     1365 rows of SmolLM2, 441 of Qwen2.5.
  package init(decoder: Decoder, rowsMax: Int = 1024, logitBytesMax: Int = 256 << 20) {
    (self.decoder, self.rowsMax, self.logitBytesMax) = (decoder, rowsMax, logitBytesMax)
    gradients = Parameters(layout: decoder.trained.layout)
    memory = TrainingMemory(decoder.configuration, rowsMax: rowsMax, logitBytesMax: logitBytesMax)
  }

  package func zeroGradients() {
    fill(out: gradients.buffer.pointer, value: 0, count: gradients.buffer.count, pool: decoder.pool)
  }

  /// Log-probabilities and entropies of every completion token, by family and completion: the forward pass alone.
  package func outcomes(
    _ families: [TrainingFamily], inverseTemperature: Float
  ) throws(TransformerError) -> [[[TokenOutcome]]] {
    var result = families.map { $0.completions.map { _ in [TokenOutcome]() } }
    for batch in try microBatches(families) {
      for (index, outcomes) in forward(batch, families: families, inverseTemperature: inverseTemperature) {
        result[index.family][index.completion] = outcomes
      }
    }
    return result
  }

  /// Adds the gradient of the loss over all completions to `gradients`. `loss` is called once for each completion, in
  /// order, and returns one element per token.
  package func accumulateGradients(
    _ families: [TrainingFamily], inverseTemperature: Float,
    loss: (CompletionIndex, [TokenOutcome]) -> [TokenLoss]
  ) throws(TransformerError) {
    for batch in try microBatches(families) {
      var losses: [CompletionIndex: [TokenLoss]] = [:]
      for (index, outcomes) in forward(batch, families: families, inverseTemperature: inverseTemperature) {
        let wanted = loss(index, outcomes)
        precondition(wanted.count == outcomes.count, "\(wanted.count) losses for \(outcomes.count) tokens")
        losses[index] = wanted
      }
      backward(batch, losses: losses, inverseTemperature: inverseTemperature)
    }
  }

  private func microBatches(_ families: [TrainingFamily]) throws(TransformerError) -> [MicroBatch] {
    for family in families {
      try decoder.check(family.prompt)
      for tokens in family.completions {
        try decoder.check(tokens)
        let length = family.prompt.count + tokens.count
        let limit = decoder.configuration.contextLength
        if length > limit { throw .sequenceTooLong(length: length, limit: limit) }
      }
    }
    return try MicroBatch.cut(families, shape: decoder.configuration.attention, rowsMax: rowsMax)
  }

  /// Leaves in memory what `backward` needs.
  private func forward(
    _ batch: MicroBatch, families: [TrainingFamily], inverseTemperature: Float
  ) -> [(CompletionIndex, [TokenOutcome])] {
    let configuration = decoder.configuration
    if batch.rows.count > memory.rowsMax {
      // The old memory goes before the new one comes.
      memory = TrainingMemory(configuration, rowsMax: 0, logitBytesMax: 0)
      memory = TrainingMemory(configuration, rowsMax: batch.rows.count, logitBytesMax: logitBytesMax)
    }
    let pages = memory.workspace.pages.pointer(count: 3 * batch.pageCount * configuration.attention.pageFloats)
    decoder.forward(batch.rows, activations: memory.activations, pages: { _ in pages }, scratch: memory.scratch)
    let rows = memory.heads.forward(
      batch, decoder: decoder, stream: memory.activations.layer(configuration.layers).input,
      inverseTemperature: inverseTemperature)
    var outcomes: [CompletionIndex: [TokenOutcome]] = [:]
    for index in batch.completions {
      let count = families[index.family].completions[index.completion].count
      outcomes[index] = Array(repeating: TokenOutcome(logProbability: 0, entropy: 0), count: count)
    }
    for (targetRow, row) in zip(batch.targetRows, rows) {
      for (target, outcome) in zip(targetRow.targets, row) {
        outcomes[target.completion]?[target.index] = outcome
      }
    }
    return batch.completions.map { ($0, outcomes[$0] ?? []) }
  }

  private func backward(_ batch: MicroBatch, losses: [CompletionIndex: [TokenLoss]], inverseTemperature: Float) {
    let (heads, workspace) = (memory.heads, memory.workspace)
    heads.backward(
      batch, losses: losses, decoder: decoder, workspace: workspace, gradients: gradients,
      inverseTemperature: inverseTemperature)
    let C = decoder.configuration.hidden
    fill(out: workspace.dStream.pointer, value: 0, count: batch.rows.count * C, pool: decoder.pool)
    scatterAddRows(
      out: workspace.dStream.pointer, input: heads.dHidden.pointer, rows: batch.targetRows.map(\.row), C: C)
    decoder.backward(
      batch.rows, activations: memory.activations, workspace: workspace, pageCount: batch.pageCount,
      gradients: gradients)
  }
}

/// Everything that the rows of one micro-batch need between its forward and its backward pass.
private final class TrainingMemory {
  let rowsMax: Int
  let activations: Activations
  let workspace: BackwardWorkspace
  let heads: HeadRows
  let scratch = ScratchBuffer()

  init(_ configuration: ModelConfiguration, rowsMax: Int, logitBytesMax: Int) {
    self.rowsMax = rowsMax
    activations = Activations(configuration, rowsMax: rowsMax, keepingLayers: true)
    workspace = BackwardWorkspace(configuration, rowsMax: rowsMax)
    heads = HeadRows(configuration, rowsMax: rowsMax, logitBytesMax: logitBytesMax)
  }
}
