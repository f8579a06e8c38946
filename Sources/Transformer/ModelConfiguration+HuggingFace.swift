extension ModelConfiguration {
  /// Reads `config.json` of a Hugging Face folder. What would change the computation and is not implemented (scaled
  /// rotary positions, another activation, sliding windows, other biases) is refused by its name, never ignored.
  package init(folder: ModelFolder) throws(ModelFileError) {
    let file = folder.settings
    let name = try file.string("model_type")
    guard let architecture = Architecture(rawValue: name) else {
      throw file.error(.value, "model_type", "\"\(name.prefix(60))\" is not supported; llama and qwen2 are")
    }
    try Self.refuseOthers(file)
    let isQwen = architecture == .qwen2
    self = try StatedConfiguration(
      file: file.path,
      keys: StatedConfiguration.Keys(
        layers: "num_hidden_layers", hidden: "hidden_size", feedForward: "intermediate_size",
        heads: "num_attention_heads", keyValueHeads: "num_key_value_heads", headSize: "head_dim",
        vocabulary: "vocab_size", context: "max_position_embeddings", epsilon: "rms_norm_eps", theta: "rope_theta"),
      architecture: architecture, layers: try file.integer("num_hidden_layers"),
      hidden: try file.integer("hidden_size"), feedForward: try file.integer("intermediate_size"),
      heads: try file.integer("num_attention_heads"),
      keyValueHeads: try file.integerIfPresent("num_key_value_heads"),
      headSize: try file.integerIfPresent("head_dim"), vocabulary: try file.integer("vocab_size"),
      contextLength: try file.integer("max_position_embeddings"),
      normEpsilon: try file.numberIfPresent("rms_norm_eps") ?? 1e-6, ropeTheta: try Self.ropeTheta(file),
      tiedOutput: try file.boolIfPresent("tie_word_embeddings") ?? false, attentionBias: isQwen
    ).checked()
  }

  /// `rope_theta`, which transformers 5 writes into `rope_parameters`.
  private static func ropeTheta(_ file: JSONFile) throws(ModelFileError) -> Double {
    if let theta = try file.numberIfPresent("rope_theta") { return theta }
    guard let parameters = try file.objectIfPresent("rope_parameters") else { return 10_000 }
    return try JSONFile(path: file.path, root: parameters).numberIfPresent("rope_theta") ?? 10_000
  }

  private static func refuseOthers(_ file: JSONFile) throws(ModelFileError) {
    for key in ["rope_scaling", "rope_parameters"] {
      guard let scaling = try file.objectIfPresent(key) else { continue }
      let entry = JSONFile(path: file.path, root: scaling)
      let (type, older) = (try entry.stringIfPresent("rope_type"), try entry.stringIfPresent("type"))
      guard let type = type ?? older else { continue }
      guard type == "default" else {
        throw file.error(
          .value, key, "scaled rotary positions (\"\(type.prefix(60))\") are not supported; \"default\" is")
      }
    }
    if let activation = try file.stringIfPresent("hidden_act"), activation != "silu" {
      throw file.error(.value, "hidden_act", "\"\(activation.prefix(60))\" is not supported; \"silu\" is")
    }
    for key in ["attention_bias", "mlp_bias", "use_sliding_window"] where try file.boolIfPresent(key) == true {
      throw file.error(.value, key, "true is not supported; false is")
    }
    for layer in try file.arrayIfPresent("layer_types") ?? [] where layer != .string("full_attention") {
      throw file.error(.value, "layer_types", "\(layer.summary) is not supported; \"full_attention\" is")
    }
    if let part = try file.numberIfPresent("partial_rotary_factor"), part != 1 {
      throw file.error(.value, "partial_rotary_factor", "\(part) is not supported; 1 is")
    }
    if file.value("quantization_config") != nil {
      throw file.error(.value, "quantization_config", "quantized weights are not supported; F32, F16 and BF16 are")
    }
  }
}
