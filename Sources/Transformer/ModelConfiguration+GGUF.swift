import Tensor

extension ModelConfiguration {
  /// Reads the configuration of a GGUF file. Throws `ModelFileError` for a missing key, an unknown architecture or a
  /// size the decoder cannot have, with the key.
  package init(gguf file: GGUFFile) throws(ModelFileError) {
    let name = try file.string("general.architecture")
    guard let architecture = Architecture(rawValue: name) else {
      throw ModelFileError(
        .value, file: file.path, place: "key \"general.architecture\"",
        "\"\(name)\" is not supported; llama and qwen2 are")
    }
    let hidden = try Self.size(file, "\(name).embedding_length")
    let heads = try Self.size(file, "\(name).attention.head_count")
    let keyValueHeads = try file.integerIfPresent("\(name).attention.head_count_kv") ?? heads
    let headSize = try file.integerIfPresent("\(name).attention.key_length") ?? hidden / heads
    guard keyValueHeads > 0, heads % keyValueHeads == 0, headSize > 0, headSize % 16 == 0 else {
      throw ModelFileError(
        .value, file: file.path, place: "key \"\(name).attention.head_count\"",
        "\(heads) heads of \(headSize) on \(keyValueHeads) key/value heads: heads must divide among the key/value heads and "
          + "a head's size must be a multiple of 16")
    }
    let embedding = try file.tensor("token_embd.weight")
    guard embedding.shape.count == 2, embedding.shape[1] == hidden else {
      throw ModelFileError(
        .value, file: file.path, place: "tensor \"token_embd.weight\"", offset: embedding.offset,
        "its shape is \(embedding.shape), expected [vocabulary, \(hidden)]")
    }
    self.init(
      architecture: architecture, layers: try Self.size(file, "\(name).block_count"), hidden: hidden,
      feedForward: try Self.size(file, "\(name).feed_forward_length"),
      attention: AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headSize: headSize),
      vocabulary: embedding.shape[0],
      normEpsilon: Float(try file.float("\(name).attention.layer_norm_rms_epsilon")),
      ropeTheta: try file.floatIfPresent("\(name).rope.freq_base") ?? 10_000,
      rotaryOrder: architecture == .llama ? .interleavedPairs : .halves,
      contextLength: try Self.size(file, "\(name).context_length"),
      tiedOutput: !file.hasTensor("output.weight"), attentionBias: file.hasTensor("blk.0.attn_q.bias"))
  }

  /// No real model comes near it; a damaged file must not make us allocate by its numbers.
  private static var sizeMax: Int { 1 << 24 }

  private static func size(_ file: GGUFFile, _ key: String) throws(ModelFileError) -> Int {
    let value = try file.integer(key)
    guard (1...sizeMax).contains(value) else {
      throw ModelFileError(.value, file: file.path, place: "key \"\(key)\"", "\(value) is not in 1...\(sizeMax)")
    }
    return value
  }
}

extension Parameters {
  /// Expands every tensor of a GGUF file to float32. Throws `ModelFileError` when one is missing or has another shape.
  package convenience init(gguf file: GGUFFile, configuration: ModelConfiguration) throws(ModelFileError) {
    let layout = ParameterLayout(configuration)
    for view in layout.views { _ = try file.tensor(view.name, shape: view.shape) }
    self.init(layout: layout)
    for view in layout.views {
      try file.read(view.name, into: UnsafeMutableBufferPointer(start: self[view], count: view.count))
    }
  }
}
