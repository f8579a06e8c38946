import Tensor

/// What a layer computes for M rows; the backward pass needs all of it.
struct LayerActivations {
  let input: Out  // (M,C) the residual stream on entry
  let query: Out  // (M,NH·HS) rotated
  let key: Out  // (M,KVH·HS) rotated
  let value: Out  // (M,KVH·HS)
  let attended: Out  // (M,NH·HS) what attention returns
  let middle: Out  // (M,C) the residual stream after attention
  let gate: Out  // (M,F)
  let up: Out  // (M,F)
}

/// Memory for the rows of one batch, allocated once. Inference keeps one layer and writes over it; training keeps all.
final class Activations {
  let rowsMax: Int
  /// (M,C) the input of a linear after its norm, (M,F) inside the feed-forward block, (M) scales of the norm.
  let normed: FloatBuffer
  let inner: FloatBuffer
  let scales: FloatBuffer
  private let layersKept: Int
  private let widths: [Int]
  private let kept: FloatBuffer
  private let configuration: ModelConfiguration

  init(_ configuration: ModelConfiguration, rowsMax: Int, keepingLayers: Bool) {
    self.configuration = configuration
    self.rowsMax = rowsMax
    layersKept = keepingLayers ? configuration.layers + 1 : 1
    let (C, F) = (configuration.hidden, configuration.feedForward)
    let (Q, KV) = (configuration.attention.queryWidth, configuration.attention.keyValueWidth)
    widths = [C, Q, KV, KV, Q, C, F, F]
    // The last kept entry is only an input: the residual stream that leaves the last layer.
    let whole = widths.reduce(0, +) * rowsMax
    kept = FloatBuffer(count: keepingLayers ? whole * configuration.layers + C * rowsMax : whole)
    normed = FloatBuffer(count: rowsMax * C)
    inner = FloatBuffer(count: rowsMax * F)
    scales = FloatBuffer(count: rowsMax)
  }

  /// The activations of `layer`; `configuration.layers` stands for what leaves the last one, of which only `input` exists.
  func layer(_ layer: Int) -> LayerActivations {
    var pointer = kept.pointer + min(layer, layersKept - 1) * widths.reduce(0, +) * rowsMax
    func next(_ index: Int) -> Out {
      defer { pointer += widths[index] * rowsMax }
      return pointer
    }
    return LayerActivations(
      input: next(0), query: next(1), key: next(2), value: next(3), attended: next(4), middle: next(5), gate: next(6),
      up: next(7))
  }
}

/// A buffer that is replaced by a larger one when more is needed; its contents are scratch.
final class ScratchBuffer {
  private var buffer = FloatBuffer(count: 0)

  func pointer(count: Int) -> Out {
    if buffer.count < count { buffer = FloatBuffer(count: count + count / 4) }
    return buffer.pointer
  }
}
