import Tensor

/// How our names of tensors, which are those of GGUF files, are called in Hugging Face checkpoints.
enum HuggingFaceName {
  private static let whole = [
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
  ]
  private static let parts = [
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
  ]

  /// The checkpoint name of a tensor of our layout.
  static func tensor(_ name: String) -> String {
    if let name = whole[name] { return name }
    let pieces = name.split(separator: ".")
    guard pieces.count == 4, pieces[0] == "blk", let part = parts[String(pieces[2])] else {
      preconditionFailure("tensor \"\(name)\" has no name in Hugging Face checkpoints")
    }
    return "model.layers.\(pieces[1]).\(part).\(pieces[3])"
  }
}

/// The two orders of the rows of a query or key matrix. Hugging Face rotates element i of a head with element i + HS/2;
/// GGUF files of the llama architecture have the rows permuted so that elements 2i and 2i + 1 rotate together, and so has
/// our memory.
struct RotaryRows {
  let heads: Int
  /// HS.
  let headSize: Int

  /// From halves to interleaved pairs, in place. `matrix` is (heads·HS, columns).
  func interleave(_ matrix: UnsafeMutableBufferPointer<Float>, columns: Int) {
    precondition(matrix.count == heads * headSize * columns, "\(matrix.count) values in rows of \(columns)")
    let copy = Array(matrix)
    for row in 0..<heads * headSize {
      let source = halvesRow(of: row) * columns
      for column in 0..<columns { matrix[row * columns + column] = copy[source + column] }
    }
  }

  /// Where row `row` of the interleaved matrix is in the matrix of halves.
  func halvesRow(of row: Int) -> Int {
    let (head, element) = (row / headSize, row % headSize)
    return head * headSize + element % 2 * (headSize / 2) + element / 2
  }

  /// Where row `row` of the matrix of halves is in the interleaved one.
  func interleavedRow(of row: Int) -> Int {
    let (head, element) = (row / headSize, row % headSize)
    return head * headSize + element % (headSize / 2) * 2 + element / (headSize / 2)
  }
}

extension ModelConfiguration {
  /// The number of heads of a query or key matrix whose rows are interleaved in memory; nil for every other tensor.
  func interleavedHeads(_ view: ParameterView) -> Int? {
    guard rotaryOrder == .interleavedPairs else { return nil }
    if view.name.hasSuffix(".attn_q.weight") { return attention.heads }
    if view.name.hasSuffix(".attn_k.weight") { return attention.keyValueHeads }
    return nil
  }
}
