import Domain
import Foundation

/// Writes a llama of two small layers with random weights over a byte vocabulary: a real model file that takes
/// milliseconds to open and to train.
enum TinyGGUF {
  private static let (layers, hidden, feedForward, heads, keyValueHeads) = (2, 32, 48, 2, 1)
  private static let headSize = 16

  static func write(to path: String, seed: UInt64 = 42) throws {
    try Data(bytes(seed: seed)).write(to: URL(fileURLWithPath: path))
  }

  private static func bytes(seed: UInt64) -> [UInt8] {
    let keys = metadata
    var tensors: [(name: String, shape: [Int], offset: Int)] = []
    var data: [UInt8] = []
    var draws = RandomStream(RandomKey(seed: seed, purpose: .solve, iteration: 0))
    for (name, shape) in shapes {
      data += [UInt8](repeating: 0, count: (32 - data.count % 32) % 32)
      tensors.append((name, shape, data.count))
      data += values(name, shape, &draws)
    }
    var out = Array("GGUF".utf8) + word(UInt32(3)) + word(UInt64(tensors.count)) + word(UInt64(keys.count))
    for key in keys { out += key }
    for tensor in tensors {
      out += text(tensor.name) + word(UInt32(tensor.shape.count))
      out += tensor.shape.reversed().flatMap { word(UInt64($0)) } + word(UInt32(0)) + word(UInt64(tensor.offset))
    }
    return out + [UInt8](repeating: 0, count: (32 - out.count % 32) % 32) + data
  }

  // MARK: Tensors

  private static var shapes: [(String, [Int])] {
    let blocks = (0..<layers).flatMap { layer in
      [
        ("attn_norm", [hidden]), ("attn_q", [heads * headSize, hidden]),
        ("attn_k", [keyValueHeads * headSize, hidden]),
        ("attn_v", [keyValueHeads * headSize, hidden]), ("attn_output", [hidden, heads * headSize]),
        ("ffn_norm", [hidden]), ("ffn_gate", [feedForward, hidden]), ("ffn_up", [feedForward, hidden]),
        ("ffn_down", [hidden, feedForward]),
      ].map { ("blk.\(layer).\($0.0).weight", $0.1) }
    }
    return [("token_embd.weight", [tokens.count, hidden])] + blocks + [("output_norm.weight", [hidden])]
  }

  /// Uniform with the variance 1/columns, norms near 1.
  private static func values(_ name: String, _ shape: [Int], _ draws: inout RandomStream) -> [UInt8] {
    let spread = shape.count == 2 ? (3 / Float(shape[1])).squareRoot() : 0.2
    let center: Float = name.hasSuffix("norm.weight") ? 1 : 0
    return (0..<shape.reduce(1, *)).flatMap { _ in
      word((center + spread * (Float(draws.next() >> 40) / Float(1 << 23) - 1)).bitPattern)
    }
  }

  // MARK: Metadata

  /// Each byte as GPT-2 writes it, then the end of text.
  private static let tokens: [String] = {
    var next: UInt32 = 0x100
    let alphabet = (UInt32(0)...255).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        return String(Unicode.Scalar(byte) ?? " ")
      }
      next += 1
      return String(Unicode.Scalar(next - 1) ?? " ")
    }
    return alphabet + ["<|endoftext|>"]
  }()

  private static var metadata: [[UInt8]] {
    let sizes: [(String, Int)] = [
      ("llama.embedding_length", hidden), ("llama.block_count", layers), ("llama.feed_forward_length", feedForward),
      ("llama.attention.head_count", heads), ("llama.attention.head_count_kv", keyValueHeads),
      ("llama.context_length", 256), ("tokenizer.ggml.eos_token_id", tokens.count - 1),
    ]
    let kinds = tokens.map { _ in Int32(1) }.dropLast() + [3]
    return [
      text("general.architecture") + word(UInt32(8)) + text("llama"),
      text("llama.attention.layer_norm_rms_epsilon") + word(UInt32(6)) + word(Float(1e-5).bitPattern),
      text("tokenizer.ggml.model") + word(UInt32(8)) + text("gpt2"),
      text("tokenizer.ggml.pre") + word(UInt32(8)) + text("smollm"),
      text("tokenizer.ggml.tokens") + array(8, tokens.map(text)),
      text("tokenizer.ggml.token_type") + array(5, kinds.map { word($0) }),
      text("tokenizer.ggml.merges") + array(8, []),
    ] + sizes.map { text($0.0) + word(UInt32(4)) + word(UInt32($0.1)) }
  }

  private static func array(_ type: UInt32, _ elements: [[UInt8]]) -> [UInt8] {
    word(UInt32(9)) + word(type) + word(UInt64(elements.count)) + elements.flatMap { $0 }
  }

  private static func text(_ text: String) -> [UInt8] { word(UInt64(text.utf8.count)) + Array(text.utf8) }

  private static func word(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
  }
}
