import Tensor

/// Where one tensor lies in a flat parameter buffer.
package struct ParameterView: Equatable, Sendable {
  /// The name in GGUF files.
  package let name: String
  /// [rows, columns] of a matrix, [elements] of a vector.
  package let shape: [Int]
  /// Elements from the start of the buffer.
  package let offset: Int

  package var count: Int { shape.reduce(1, *) }
}

/// The tensors of a model in checkpoint order, and which is which.
package struct ParameterLayout: Equatable, Sendable {
  /// The tensors of one layer.
  package struct Block: Equatable, Sendable {
    package let query, key, value, attentionOutput: ParameterView
    package let gate, up, down: ParameterView
    package let attentionNorm, feedForwardNorm: ParameterView
    /// nil without `attentionBias`.
    package let queryBias, keyBias, valueBias: ParameterView?
  }

  package let embedding: ParameterView
  package let blocks: [Block]
  package let outputNorm: ParameterView
  /// The embedding itself when the output is tied.
  package let output: ParameterView
  /// Each tensor once, in the order of the buffer.
  package let views: [ParameterView]
  /// Elements of the buffer.
  package let count: Int

  package init(_ configuration: ModelConfiguration) {
    let (C, F) = (configuration.hidden, configuration.feedForward)
    let (Q, KV) = (configuration.attention.queryWidth, configuration.attention.keyValueWidth)
    var views: [ParameterView] = []
    var count = 0
    func add(_ name: String, _ shape: [Int]) -> ParameterView {
      let view = ParameterView(name: name, shape: shape, offset: count)
      views.append(view)
      count += view.count
      return view
    }
    let embedding = add("token_embd.weight", [configuration.vocabulary, C])
    blocks = (0..<configuration.layers).map { layer in
      func named(_ name: String, _ shape: [Int]) -> ParameterView { add("blk.\(layer).\(name)", shape) }
      func bias(_ name: String, _ width: Int) -> ParameterView? {
        configuration.attentionBias ? named(name, [width]) : nil
      }
      return Block(
        query: named("attn_q.weight", [Q, C]), key: named("attn_k.weight", [KV, C]),
        value: named("attn_v.weight", [KV, C]), attentionOutput: named("attn_output.weight", [C, Q]),
        gate: named("ffn_gate.weight", [F, C]), up: named("ffn_up.weight", [F, C]),
        down: named("ffn_down.weight", [C, F]), attentionNorm: named("attn_norm.weight", [C]),
        feedForwardNorm: named("ffn_norm.weight", [C]), queryBias: bias("attn_q.bias", Q),
        keyBias: bias("attn_k.bias", KV), valueBias: bias("attn_v.bias", KV))
    }
    outputNorm = add("output_norm.weight", [C])
    output = configuration.tiedOutput ? embedding : add("output.weight", [configuration.vocabulary, C])
    self.embedding = embedding
    self.views = views
    self.count = count
  }
}

/// One flat float32 buffer with a model's layout: its weights, their gradients, or a moment of the optimizer.
package final class Parameters {
  package let layout: ParameterLayout
  package let buffer: FloatBuffer

  /// All zeros.
  package init(layout: ParameterLayout) {
    self.layout = layout
    buffer = FloatBuffer(count: layout.count)
  }

  package subscript(view: ParameterView) -> UnsafeMutablePointer<Float> { buffer.pointer + view.offset }

  /// A tensor's elements, for digests, files and tests.
  package func elements(_ view: ParameterView) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: self[view], count: view.count)
  }

  /// Small random weights for tiny test models: uniform with the variance 1/columns, norms near 1. The same seed gives
  /// the same weights everywhere (SplitMix64).
  package func fillRandom(seed: UInt64) {
    var state = seed
    func uniform() -> Float {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Float((z ^ (z >> 31)) >> 40) / Float(1 << 23) - 1
    }
    for view in layout.views {
      let spread = view.shape.count == 2 ? (3 / Float(view.shape[1])).squareRoot() : 0.2
      let center: Float = view.name.hasSuffix("norm.weight") ? 1 : 0
      for index in 0..<view.count { self[view][index] = center + spread * uniform() }
    }
  }
}
