import Tensor

/// Rows of one forward pass, ragged: the rows of all segments one after the other, no padding.
struct RowBatch {
  var tokens: [Int32] = []
  var positions: [Int32] = []
  var plan: AttentionPlan

  /// M.
  var count: Int { tokens.count }
}

/// A decoder-only transformer: embed → blocks → norm → head, in float32.
///
/// One forward pass serves prefill, decoding and training, and no row's bits depend on the rows beside it: the
/// log-probabilities a training step computes equal those sampled, bit for bit. `InferenceSession` and `Trainer` call it.
/// Names and shapes: B sequences, M rows, C hidden, F feed-forward, V vocabulary, NH/KVH heads of HS.
package final class Decoder {
  package let configuration: ModelConfiguration
  /// All weights; of a frozen base the embedding, norms and biases only, everything else being kept in packed form.
  package let parameters: Parameters
  package let pool: ThreadPool
  let layout: DecoderLayout
  let packed: PackedWeights
  let rope: RopeTable
  private let merged: MergedWeights?

  /// Takes the parameters over and packs them; all of them can be trained.
  package init(configuration: ModelConfiguration, parameters: Parameters, pool: ThreadPool) {
    layout = DecoderLayout(configuration)
    precondition(parameters.layout == layout.resident, "parameters of another model")
    (self.configuration, self.parameters, self.pool) = (configuration, parameters, pool)
    packed = PackedWeights(layout: layout)
    rope = RopeTable(configuration)
    merged = nil
    packed.pack(layout, from: parameters, pool: pool)
  }

  /// A frozen base with adapters, which alone are trained; or without, to sample from. Throws what reading `base` throws.
  package init(
    configuration: ModelConfiguration, base: any BaseWeights, adapters: Adapters?, pool: ThreadPool
  ) throws(ModelFileError) {
    layout = DecoderLayout(configuration, packedOnly: true)
    (self.configuration, self.pool) = (configuration, pool)
    parameters = Parameters(layout: layout.resident)
    packed = PackedWeights(layout: layout)
    rope = RopeTable(configuration)
    merged = try MergedWeights(
      base: base, adapters: adapters, layout: layout, parameters: parameters, packed: packed, pool: pool)
  }

  /// nil when the whole model is trained.
  package var adapters: Adapters? { merged?.adapters }

  /// What an optimizer moves, checkpoints hold and digests cover: all parameters, or those of the adapters.
  package var trained: Parameters { adapters?.parameters ?? parameters }

  /// Packs the weights again. Whoever changes `trained` calls it before the next forward pass.
  package func weightsChanged() {
    if let merged { merged.adaptersChanged() } else { packed.pack(layout, from: parameters, pool: pool) }
  }

  /// Every tensor of the model, in checkpoint order.
  package var tensors: [ParameterView] { layout.views }

  /// Copies a tensor of the model as the forward pass uses it, with its adapter merged; what an export writes.
  package func read(_ tensor: ParameterView, into output: UnsafeMutableBufferPointer<Float>) {
    precondition(output.count == tensor.count, "\(output.count) values for \(tensor.name)")
    if tensor.offset != nil {
      _ = output.update(fromContentsOf: parameters.elements(tensor))
    } else if let start = output.baseAddress {
      packed[tensor].unpack(rows: 0..<tensor.shape[0], into: start, pool: pool)
    }
  }

  /// Throws when a token is not in the vocabulary.
  func check(_ tokens: some Sequence<Int32>) throws(TransformerError) {
    for token in tokens where token < 0 || Int(token) >= configuration.vocabulary {
      throw .tokenOutOfRange(token: token, vocabulary: configuration.vocabulary)
    }
  }

  /// Embeds the rows and takes them through all blocks; the result is `activations.layer(layers).input` (M,C).
  /// - Parameter pages: the key/value pages of a layer.
  func forward(_ batch: RowBatch, activations: Activations, pages: (_ layer: Int) -> Out, scratch: ScratchBuffer) {
    precondition(batch.count <= activations.rowsMax, "\(batch.count) rows in memory for \(activations.rowsMax)")
    embeddingForward(
      out: activations.layer(0).input, tokens: batch.tokens, table: parameters[layout.embedding], M: batch.count,
      C: configuration.hidden, pool: pool)
    for layer in 0..<configuration.layers {
      let x = activations.layer(layer)
      attentionForward(batch, layer, x, activations, pages: pages(layer), scratch: scratch)
      feedForward(batch, layer, x, activations, output: activations.layer(layer + 1).input)
    }
  }

  /// middle = input + attention(norm(input))
  private func attentionForward(
    _ batch: RowBatch, _ layer: Int, _ x: LayerActivations, _ activations: Activations, pages: Out,
    scratch: ScratchBuffer
  ) {
    let (M, C, block, weights) = (batch.count, configuration.hidden, layout.blocks[layer], packed.blocks[layer])
    let shape = configuration.attention
    let normed = activations.normed.pointer
    rmsNormForward(
      out: normed, scales: activations.scales.pointer, input: x.input, weight: parameters[block.attentionNorm],
      epsilon: configuration.normEpsilon, M: M, C: C, pool: pool)
    linearForward(out: x.query, input: normed, weight: weights.query, bias: bias(block.queryBias), M: M, pool: pool)
    linearForward(out: x.key, input: normed, weight: weights.key, bias: bias(block.keyBias), M: M, pool: pool)
    linearForward(out: x.value, input: normed, weight: weights.value, bias: bias(block.valueBias), M: M, pool: pool)
    let order = configuration.rotaryOrder
    ropeForward(
      x: x.query, positions: batch.positions, table: rope, order: order, M: M, heads: shape.heads, pool: pool)
    ropeForward(
      x: x.key, positions: batch.positions, table: rope, order: order, M: M, heads: shape.keyValueHeads, pool: pool)
    storeKeysAndValues(pages: pages, keys: x.key, values: x.value, plan: batch.plan, pool: pool)
    Tensor.attentionForward(
      out: x.attended, query: x.query, pages: pages, plan: batch.plan,
      scratch: scratch.pointer(count: pool.threads * batch.plan.forwardScratch), pool: pool)
    copy(out: x.middle, input: x.input, count: M * C, pool: pool)
    linearForward(out: x.middle, input: x.attended, weight: weights.attentionOutput, adding: true, M: M, pool: pool)
  }

  /// output = middle + down(silu(gate(norm(middle)))·up(norm(middle)))
  private func feedForward(
    _ batch: RowBatch, _ layer: Int, _ x: LayerActivations, _ activations: Activations, output: Out
  ) {
    let (M, C, F) = (batch.count, configuration.hidden, configuration.feedForward)
    let (block, weights) = (layout.blocks[layer], packed.blocks[layer])
    let (normed, inner) = (activations.normed.pointer, activations.inner.pointer)
    rmsNormForward(
      out: normed, scales: activations.scales.pointer, input: x.middle, weight: parameters[block.feedForwardNorm],
      epsilon: configuration.normEpsilon, M: M, C: C, pool: pool)
    linearForward(out: x.gate, input: normed, weight: weights.gate, M: M, pool: pool)
    linearForward(out: x.up, input: normed, weight: weights.up, M: M, pool: pool)
    swigluForward(out: inner, gate: x.gate, up: x.up, count: M * F, pool: pool)
    copy(out: output, input: x.middle, count: M * C, pool: pool)
    linearForward(out: output, input: inner, weight: weights.down, adding: true, M: M, pool: pool)
  }

  /// logits (M,V) of rows hidden (M,C) that left the last block; `normed` (M,C) and `scales` (M) are kept for training.
  func head(logits: Out, hidden: In, normed: Out, scales: Out, M: Int) {
    rmsNormForward(
      out: normed, scales: scales, input: hidden, weight: parameters[layout.outputNorm],
      epsilon: configuration.normEpsilon, M: M, C: configuration.hidden, pool: pool)
    linearForward(out: logits, input: normed, weight: packed.output, M: M, pool: pool)
  }

  private func bias(_ view: ParameterView?) -> In? { view.map { In(parameters[$0]) } }
}

extension RopeTable {
  fileprivate convenience init(_ configuration: ModelConfiguration) {
    self.init(
      positionsMax: configuration.contextLength, headSize: configuration.attention.headSize,
      theta: configuration.ropeTheta)
  }
}
