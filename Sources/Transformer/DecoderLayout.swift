import Tensor

/// The tensors of a decoder and which is which.
struct DecoderLayout: Equatable, Sendable {
  /// The tensors of one layer.
  struct Block: Equatable, Sendable {
    let query, key, value, attentionOutput: ParameterView
    let gate, up, down: ParameterView
    let attentionNorm, feedForwardNorm: ParameterView
    /// nil without `attentionBias`.
    let queryBias, keyBias, valueBias: ParameterView?

    /// In checkpoint order.
    var matrices: [ParameterView] { [query, key, value, attentionOutput, gate, up, down] }
  }

  let embedding: ParameterView
  let blocks: [Block]
  let outputNorm: ParameterView
  /// The embedding itself when the output is tied.
  let output: ParameterView
  /// The tensors that have a place in the flat buffer, in checkpoint order: all of them, or what a decoder with adapters
  /// does not keep packed.
  let resident: ParameterLayout
  /// All tensors of the model in checkpoint order.
  let views: [ParameterView]

  /// - Parameter packedOnly: the matrices of the products have no place in the flat buffer. The embedding always has one,
  ///   because its rows are looked up.
  init(_ configuration: ModelConfiguration, packedOnly: Bool = false) {
    let (C, F) = (configuration.hidden, configuration.feedForward)
    let (Q, KV) = (configuration.attention.queryWidth, configuration.attention.keyValueWidth)
    var resident = ParameterLayout()
    var views: [ParameterView] = []
    func add(_ name: String, _ shape: [Int], isProduct: Bool = false) -> ParameterView {
      let view =
        packedOnly && isProduct
        ? ParameterView(name: name, shape: shape, offset: nil) : resident.add(name, shape)
      views.append(view)
      return view
    }
    let embedding = add("token_embd.weight", [configuration.vocabulary, C])
    blocks = (0..<configuration.layers).map { layer in
      func vector(_ name: String, _ width: Int) -> ParameterView { add("blk.\(layer).\(name)", [width]) }
      func matrix(_ name: String, _ shape: [Int]) -> ParameterView {
        add("blk.\(layer).\(name)", shape, isProduct: true)
      }
      func bias(_ name: String, _ width: Int) -> ParameterView? {
        configuration.attentionBias ? vector(name, width) : nil
      }
      return Block(
        query: matrix("attn_q.weight", [Q, C]), key: matrix("attn_k.weight", [KV, C]),
        value: matrix("attn_v.weight", [KV, C]), attentionOutput: matrix("attn_output.weight", [C, Q]),
        gate: matrix("ffn_gate.weight", [F, C]), up: matrix("ffn_up.weight", [F, C]),
        down: matrix("ffn_down.weight", [C, F]), attentionNorm: vector("attn_norm.weight", C),
        feedForwardNorm: vector("ffn_norm.weight", C), queryBias: bias("attn_q.bias", Q),
        keyBias: bias("attn_k.bias", KV), valueBias: bias("attn_v.bias", KV))
    }
    outputNorm = add("output_norm.weight", [C])
    output =
      configuration.tiedOutput
      ? embedding : add("output.weight", [configuration.vocabulary, C], isProduct: true)
    self.embedding = embedding
    self.resident = resident
    self.views = views
  }
}
