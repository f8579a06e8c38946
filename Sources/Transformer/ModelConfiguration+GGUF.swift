extension ModelConfiguration {
  /// Reads the configuration of a GGUF file. Throws `ModelFileError` for a missing key, an unknown architecture or a
  /// size the decoder cannot have, with the key.
  package init(gguf file: GGUFFile) throws(ModelFileError) {
    let name = try file.string("general.architecture")
    guard let architecture = Architecture(rawValue: name) else {
      throw ModelFileError(
        .value, file: file.path, place: "key \"general.architecture\"",
        "\"\(name.prefix(60))\" is not supported; llama and qwen2 are")
    }
    let keys = StatedConfiguration.Keys(
      layers: "\(name).block_count", hidden: "\(name).embedding_length", feedForward: "\(name).feed_forward_length",
      heads: "\(name).attention.head_count", keyValueHeads: "\(name).attention.head_count_kv",
      headSize: "\(name).attention.key_length", vocabulary: "\(name).vocab_size", context: "\(name).context_length",
      epsilon: "\(name).attention.layer_norm_rms_epsilon", theta: "\(name).rope.freq_base")
    try Self.refuseScaling(file, architecture: name)
    let hidden = try file.integer(keys.hidden)
    let embedding = try file.tensor("token_embd.weight")
    guard embedding.shape.count == 2, embedding.shape[1] == hidden else {
      throw ModelFileError(
        .value, file: file.path, place: "tensor \"token_embd.weight\"", offset: embedding.offset,
        "its shape is \(embedding.shape), expected [vocabulary, \(hidden)]")
    }
    self = try StatedConfiguration(
      file: file.path, keys: keys, architecture: architecture, layers: try file.integer(keys.layers), hidden: hidden,
      feedForward: try file.integer(keys.feedForward), heads: try file.integer(keys.heads),
      keyValueHeads: try file.integerIfPresent(keys.keyValueHeads), headSize: try file.integerIfPresent(keys.headSize),
      vocabulary: embedding.shape[0], contextLength: try file.integer(keys.context),
      normEpsilon: try file.float(keys.epsilon), ropeTheta: try file.floatIfPresent(keys.theta) ?? 10_000,
      tiedOutput: !file.hasTensor("output.weight"), attentionBias: file.hasTensor("blk.0.attn_q.bias")
    ).checked()
  }

  /// Stretched rotations would be computed wrongly: such a model is refused rather than run badly.
  private static func refuseScaling(_ file: GGUFFile, architecture: String) throws(ModelFileError) {
    let key = "\(architecture).rope.scaling.type"
    if let scaling = try file.stringIfPresent(key), scaling != "none" {
      throw ModelFileError(
        .value, file: file.path, place: "key \"\(key)\"",
        "scaled rotary positions (\"\(scaling.prefix(60))\") are not supported; \"none\" is")
    }
    if file.hasTensor("rope_freqs.weight") {
      throw ModelFileError(
        .value, file: file.path, place: "tensor \"rope_freqs.weight\"", "scaled rotary positions are not supported")
    }
  }
}
