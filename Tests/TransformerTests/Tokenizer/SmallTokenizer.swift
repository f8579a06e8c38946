import Transformer

/// A GGUF file with a byte-level vocabulary of 256 bytes, the given merges and control tokens after them.
struct SmallTokenizer {
  var pre = "smollm"
  var merges: [(String, String)] = []
  var control: [String] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
  var user: [String] = []
  var change: (inout GGUFBuilder) -> Void = { _ in }

  /// Each byte as GPT-2 writes it.
  static let alphabet: [String] = {
    var next: UInt32 = 0x100
    return (UInt32(0)...255).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        return String(Unicode.Scalar(byte)!)
      }
      next += 1
      return String(Unicode.Scalar(next - 1)!)
    }
  }()

  var builder: GGUFBuilder {
    let normal = Self.alphabet + merges.map { $0.0 + $0.1 }
    let kinds =
      normal.map { _ in Int32(1) } + control.map { _ in Int32(3) } + user.map { _ in Int32(4) }
    var builder = GGUFBuilder()
    builder.add("tokenizer.ggml.model", "gpt2")
    builder.add("tokenizer.ggml.pre", pre)
    builder.addArray("tokenizer.ggml.tokens", .string, (normal + control + user).map { GGUFBuilder.string($0) })
    builder.addArray("tokenizer.ggml.token_type", .int32, kinds.map { GGUFBuilder.bytes($0) })
    builder.addArray("tokenizer.ggml.merges", .string, merges.map { GGUFBuilder.string("\($0.0) \($0.1)") })
    builder.add("tokenizer.ggml.eos_token_id", uint32: UInt32(normal.count + 2))
    change(&builder)
    return builder
  }

  func open() throws -> Tokenizer {
    try withTemporaryFolder { folder in try Tokenizer(try builder.open(in: folder)) }
  }
}
