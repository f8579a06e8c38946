import Tensor

/// Gradients of M rows on their way back, allocated once.
final class BackwardWorkspace {
  let dStream: FloatBuffer  // (M,C) gradient of the residual stream
  let dNormed: FloatBuffer  // (M,C)
  let dAttended: FloatBuffer  // (M,NH·HS)
  let dQuery: FloatBuffer  // (M,NH·HS)
  let dKey: FloatBuffer  // (M,KVH·HS)
  let dValue: FloatBuffer  // (M,KVH·HS)
  let dInner: FloatBuffer  // (M,F)
  /// A piece of a packed matrix, unpacked (`linearBackwardInput`).
  let weight = ScratchBuffer()
  /// (M,r) of an adapter.
  let inner = ScratchBuffer()
  /// (C) where the gradient of a frozen norm goes.
  let frozen: FloatBuffer
  /// Pages of one layer: forward, exchanged, gradient.
  let pages = ScratchBuffer()
  let scratch = ScratchBuffer()

  init(_ configuration: ModelConfiguration, rowsMax: Int) {
    let shape = configuration.attention
    dStream = FloatBuffer(count: rowsMax * configuration.hidden)
    dNormed = FloatBuffer(count: rowsMax * configuration.hidden)
    dAttended = FloatBuffer(count: rowsMax * shape.queryWidth)
    dQuery = FloatBuffer(count: rowsMax * shape.queryWidth)
    dKey = FloatBuffer(count: rowsMax * shape.keyValueWidth)
    dValue = FloatBuffer(count: rowsMax * shape.keyValueWidth)
    dInner = FloatBuffer(count: rowsMax * configuration.feedForward)
    frozen = FloatBuffer(count: configuration.hidden)
  }
}

/// The forward pass in reverse. Every gradient adds to `gradients`, which has the layout of `trained`, in an order fixed
/// by the batch. What is frozen has none.
extension Decoder {
  /// From `workspace.dStream`, the gradient of what left the last block, to the gradients of all trained weights below it.
  func backward(
    _ batch: RowBatch, activations: Activations, workspace: BackwardWorkspace, pageCount: Int, gradients: Parameters
  ) {
    for layer in (0..<configuration.layers).reversed() {
      let x = activations.layer(layer)
      feedForwardBackward(batch, layer, x, activations, workspace, gradients)
      attentionBackward(batch, layer, x, activations, workspace, pageCount: pageCount, gradients)
    }
    guard adapters == nil else { return }
    embeddingBackward(
      dTable: gradients[layout.embedding], dOut: workspace.dStream.pointer, tokens: batch.tokens, M: batch.count,
      C: configuration.hidden, pool: pool)
  }

  private func feedForwardBackward(
    _ batch: RowBatch, _ layer: Int, _ x: LayerActivations, _ activations: Activations, _ w: BackwardWorkspace,
    _ gradients: Parameters
  ) {
    let (M, C, F, block) = (batch.count, configuration.hidden, configuration.feedForward, layout.blocks[layer])
    let (normed, inner, scales) = (activations.normed.pointer, activations.inner.pointer, activations.scales.pointer)
    let (dStream, dInner, dNormed) = (w.dStream.pointer, w.dInner.pointer, w.dNormed.pointer)
    rmsNormForward(
      out: normed, scales: scales, input: x.middle, weight: parameters[block.feedForwardNorm],
      epsilon: configuration.normEpsilon, M: M, C: C, pool: pool)
    swigluForward(out: inner, gate: x.gate, up: x.up, count: M * F, pool: pool)
    linear(block.down, dInput: dInner, dOut: dStream, input: inner, M: M, w, gradients)
    // The gradients of gate and up take the place of gate and up, which nothing needs any more.
    swigluBackward(dGate: x.gate, dUp: x.up, dOut: dInner, gate: x.gate, up: x.up, count: M * F, pool: pool)
    linear(block.gate, dInput: dNormed, dOut: x.gate, input: normed, M: M, w, gradients)
    linear(block.up, dInput: dNormed, adding: true, dOut: x.up, input: normed, M: M, w, gradients)
    rmsNormBackward(
      dInput: dStream, dWeight: norm(block.feedForwardNorm, w, gradients), dOut: dNormed, input: x.middle,
      weight: parameters[block.feedForwardNorm], scales: scales, adding: true, M: M, C: C, pool: pool)
  }

  private func attentionBackward(
    _ batch: RowBatch, _ layer: Int, _ x: LayerActivations, _ activations: Activations, _ w: BackwardWorkspace,
    pageCount: Int, _ gradients: Parameters
  ) {
    let (M, C, block, shape) = (batch.count, configuration.hidden, layout.blocks[layer], configuration.attention)
    let (normed, scales) = (activations.normed.pointer, activations.scales.pointer)
    let (dStream, dNormed, dQuery) = (w.dStream.pointer, w.dNormed.pointer, w.dQuery.pointer)
    let (dKey, dValue) = (w.dKey.pointer, w.dValue.pointer)
    linear(block.attentionOutput, dInput: w.dAttended.pointer, dOut: dStream, input: x.attended, M: M, w, gradients)
    scoresBackward(batch, x, w, pageCount: pageCount)
    let order = configuration.rotaryOrder
    ropeBackward(
      dx: dQuery, positions: batch.positions, table: rope, order: order, M: M, heads: shape.heads, pool: pool)
    ropeBackward(
      dx: dKey, positions: batch.positions, table: rope, order: order, M: M, heads: shape.keyValueHeads, pool: pool)
    rmsNormForward(
      out: normed, scales: scales, input: x.input, weight: parameters[block.attentionNorm],
      epsilon: configuration.normEpsilon, M: M, C: C, pool: pool)
    linear(block.query, dInput: dNormed, dOut: dQuery, input: normed, M: M, w, gradients)
    linear(block.key, dInput: dNormed, adding: true, dOut: dKey, input: normed, M: M, w, gradients)
    linear(block.value, dInput: dNormed, adding: true, dOut: dValue, input: normed, M: M, w, gradients)
    bias(block.queryBias, dOut: dQuery, M: M, gradients)
    bias(block.keyBias, dOut: dKey, M: M, gradients)
    bias(block.valueBias, dOut: dValue, M: M, gradients)
    rmsNormBackward(
      dInput: dStream, dWeight: norm(block.attentionNorm, w, gradients), dOut: dNormed, input: x.input,
      weight: parameters[block.attentionNorm], scales: scales, adding: true, M: M, C: C, pool: pool)
  }

  private func scoresBackward(_ batch: RowBatch, _ x: LayerActivations, _ w: BackwardWorkspace, pageCount: Int) {
    let floats = pageCount * configuration.attention.pageFloats
    let pages = w.pages.pointer(count: 3 * floats)
    storeKeysAndValues(pages: pages, keys: x.key, values: x.value, plan: batch.plan, pool: pool)
    storeKeysAndValues(pages: pages + floats, keys: x.value, values: x.key, plan: batch.plan, pool: pool)
    Tensor.attentionBackward(
      dQuery: w.dQuery.pointer, dKeys: w.dKey.pointer, dValues: w.dValue.pointer, dOut: w.dAttended.pointer,
      query: x.query,
      pages: AttentionBackwardPages(
        forward: pages, exchanged: pages + floats, gradient: pages + 2 * floats, count: pageCount),
      plan: batch.plan, scratch: w.scratch.pointer(count: pool.threads * batch.plan.backwardScratch), pool: pool)
  }

  /// From dLogits (M,V) to dHidden (M,C), the gradient of the rows given to `head`. `dNormed` (M,C) is scratch.
  func headBackward(
    dHidden: Out, dLogits: In, hidden: In, normed: In, scales: In, dNormed: Out, M: Int,
    workspace w: BackwardWorkspace, gradients: Parameters
  ) {
    linear(layout.output, dInput: dNormed, dOut: dLogits, input: normed, M: M, w, gradients)
    rmsNormBackward(
      dInput: dHidden, dWeight: norm(layout.outputNorm, w, gradients), dOut: dNormed, input: hidden,
      weight: parameters[layout.outputNorm], scales: scales, adding: false, M: M, C: configuration.hidden, pool: pool)
  }

  /// dInput of one linear, and the gradient of its weight or adapter.
  private func linear(
    _ weight: ParameterView, dInput: Out, adding: Bool = false, dOut: In, input: In, M: Int, _ w: BackwardWorkspace,
    _ gradients: Parameters
  ) {
    backwardInput(weight, dInput: dInput, adding: adding, dOut: dOut, M: M, scratch: w.weight)
    guard let adapters else {
      linearBackwardWeight(
        dWeight: gradients[weight], dOut: dOut, input: input, M: M, N: weight.shape[0], K: weight.shape[1], pool: pool)
      return
    }
    guard let adapter = adapters.adapter(of: weight) else { return }
    adapters.backward(
      adapter, dOut: dOut, input: input, M: M, inner: w.inner.pointer(count: M * adapters.shape.rank),
      gradients: gradients, pool: pool)
  }

  /// dInput (M,K) = dOut (M,N) · weight (N,K), with the adapter if it has one.
  private func backwardInput(
    _ weight: ParameterView, dInput: Out, adding: Bool, dOut: In, M: Int, scratch: ScratchBuffer
  ) {
    if weight.offset != nil {
      linearBackwardInput(
        dInput: dInput, dOut: dOut, weight: parameters[weight], adding: adding, M: M, N: weight.shape[0],
        K: weight.shape[1], pool: pool)
    } else {
      let matrix = packed[weight]
      linearBackwardInput(
        dInput: dInput, dOut: dOut, weight: matrix, adding: adding,
        scratch: scratch.pointer(count: matrix.pieceCount), M: M, pool: pool)
    }
  }

  /// Where the gradient of a norm's weight goes.
  private func norm(_ view: ParameterView, _ w: BackwardWorkspace, _ gradients: Parameters) -> Out {
    adapters == nil ? gradients[view] : w.frozen.pointer
  }

  private func bias(_ view: ParameterView?, dOut: In, M: Int, _ gradients: Parameters) {
    guard let view, adapters == nil else { return }
    linearBackwardBias(dBias: gradients[view], dOut: dOut, M: M, N: view.count, pool: pool)
  }
}
