import Tensor

extension ModelExport {
  /// Writes a Hugging Face folder that `StoredModel` and transformers open: `config.json`, `generation_config.json`,
  /// `tokenizer.json`, `tokenizer_config.json` with the chat template, `model.safetensors`.
  ///
  /// The folder appears under its name whole and durable, or not at all. Throws as `writeGGUF` does; `replacing` replaces
  /// only a folder that holds nothing but files of a model.
  package func writeFolder(_ path: String, replacing: Bool) throws(ModelFileError) {
    typealias Name = ModelFolder.Name
    let texts: [(name: String, value: JSONObject)] = [
      (Name.settings, settings), (Name.generation, generationSettings), (Name.tokenizerSettings, tokenizerSettings),
    ]
    try writeFolderDurably(path: path, replacing: replacing) { (folder) throws(ModelFileError) in
      for (name, value) in texts {
        try writeDurably(path: folder + "/" + name, folder: folder) { (file) throws(ModelFileError) in
          try file.write(Array((JSONValue.object(value).text(indented: true) + "\n").utf8))
        }
      }
      try writeDurably(path: folder + "/" + Name.tokenizer, folder: folder) { (file) throws(ModelFileError) in
        try file.write(Array(JSONValue.object(tokenizer.huggingFace).text().utf8))
      }
      try writeSafetensors(folder + "/" + Name.weights, folder: folder)
    }
  }

  // MARK: Weights

  private func writeSafetensors(_ path: String, folder: String) throws(ModelFileError) {
    var header = JSONObject()
    var metadata = JSONObject(["format": .string("pt")])
    for (key, value) in provenance { _ = metadata.append("autodidact.\(key)", .string(value)) }
    _ = header.append(SafetensorsFile.metadataKey, .object(metadata))
    var offset = 0
    for view in parameters.layout.views {
      let end = offset + view.count * type.blockBytes
      let entry = JSONObject([
        "dtype": .string(type.name), "shape": .array(view.shape.map { .integer($0) }),
        "data_offsets": .array([.integer(offset), .integer(end)]),
      ])
      _ = header.append(HuggingFaceName.tensor(view.name), .object(entry))
      offset = end
    }
    var json = Array(JSONValue.object(header).text().utf8)
    // Readers map the data: it should begin at a multiple of eight.
    json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
    let length = UInt64(json.count).littleEndian
    try writeDurably(path: path, folder: folder) { (file) throws(ModelFileError) in
      try file.write(withUnsafeBytes(of: length) { Array($0) } + json)
      for view in parameters.layout.views {
        let rows = configuration.interleavedHeads(view).map {
          RotaryRows(heads: $0, headSize: configuration.attention.headSize)
        }
        try writeRows(of: view, as: type, to: file, path: path) { rows?.interleavedRow(of: $0) ?? $0 }
      }
    }
  }

  // MARK: Settings

  private var settings: JSONObject {
    let c = configuration
    let isQwen = c.architecture == .qwen2
    var object = JSONObject([
      "architectures": .array([.string(isQwen ? "Qwen2ForCausalLM" : "LlamaForCausalLM")]),
      "model_type": .string(c.architecture.rawValue), "hidden_act": .string("silu"),
      "hidden_size": .integer(c.hidden), "intermediate_size": .integer(c.feedForward),
      "num_hidden_layers": .integer(c.layers), "num_attention_heads": .integer(c.attention.heads),
      "num_key_value_heads": .integer(c.attention.keyValueHeads), "head_dim": .integer(c.attention.headSize),
      "vocab_size": .integer(c.vocabulary), "max_position_embeddings": .integer(c.contextLength),
      // The shortest decimal of the float32, which is what its authors wrote.
      "rms_norm_eps": .number(Double("\(c.normEpsilon)") ?? Double(c.normEpsilon)),
      "rope_theta": .number(c.ropeTheta), "rope_scaling": .null, "attention_dropout": .number(0),
      "tie_word_embeddings": .bool(c.tiedOutput), "use_cache": .bool(true), "torch_dtype": .string(torchType),
    ])
    let others: [(String, JSONValue)] =
      isQwen ? [("use_sliding_window", .bool(false))] : [("attention_bias", .bool(false)), ("mlp_bias", .bool(false))]
    for (key, value) in others + tokenNumbers { _ = object.append(key, value) }
    return object
  }

  private var torchType: String { type == .f32 ? "float32" : type == .f16 ? "float16" : "bfloat16" }

  private var tokenNumbers: [(String, JSONValue)] {
    [
      ("bos_token_id", tokenizer.beginningToken), ("eos_token_id", tokenizer.endToken),
      ("pad_token_id", tokenizer.paddingToken),
    ].compactMap { key, token in token.map { (key, .integer($0)) } }
  }

  private var generationSettings: JSONObject {
    var object = JSONObject()
    for (key, value) in tokenNumbers { _ = object.append(key, value) }
    return object
  }

  private var tokenizerSettings: JSONObject {
    var object = JSONObject([
      // This class takes tokenizer.json as it is; a model's own class would rebuild parts of the pipeline.
      "tokenizer_class": .string("PreTrainedTokenizerFast"), "model_max_length": .integer(configuration.contextLength),
      "clean_up_tokenization_spaces": .bool(false),
    ])
    let named = [
      ("bos_token", tokenizer.beginningToken), ("eos_token", tokenizer.endToken), ("pad_token", tokenizer.paddingToken),
    ]
    for (key, token) in named {
      if let token { _ = object.append(key, .string(tokenizer.tokens[token])) }
    }
    if let chatTemplate { _ = object.append("chat_template", .string(chatTemplate)) }
    return object
  }
}

extension TokenizerDefinition {
  /// The definition as a `tokenizer.json`, which `init(folder:vocabularySize:)` reads back to the same. Unused tokens at
  /// the end are left out, as published files do.
  var huggingFace: JSONObject {
    let used = (kinds.lastIndex { $0 != Vocabulary.Kind.unused.rawValue } ?? -1) + 1
    var vocabulary = JSONObject()
    for id in 0..<used {
      guard vocabulary.append(tokens[id], .integer(id)) else { preconditionFailure("token \(tokens[id]) twice") }
    }
    let model = JSONObject([
      "type": .string("BPE"), "dropout": .null, "unk_token": unknownToken.map { .string(tokens[$0]) } ?? .null,
      "continuing_subword_prefix": .null,
      "end_of_word_suffix": .null, "fuse_unk": .bool(false), "byte_fallback": .bool(false),
      "ignore_merges": .bool(false), "vocab": .object(vocabulary), "merges": .array(merges.map { .string($0) }),
    ])
    let byteLevel = JSONObject([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
      "use_regex": .bool(true),
    ])
    let steps = preTokenizer.steps
    let preTokenizer =
      steps.count == 1
      ? steps[0]
      : JSONObject(["type": .string("Sequence"), "pretokenizers": .array(steps.map { .object($0) })])
    return JSONObject([
      "version": .string("1.0"), "truncation": .null, "padding": .null, "added_tokens": .array(addedTokens),
      "normalizer": self.preTokenizer.normalizes ? .object(JSONObject(["type": .string("NFC")])) : .null,
      "pre_tokenizer": .object(preTokenizer), "post_processor": .null, "decoder": .object(byteLevel),
      "model": .object(model),
    ])
  }

  private var addedTokens: [JSONValue] {
    typealias Kind = Vocabulary.Kind
    let special = [Kind.control.rawValue, Kind.unknown.rawValue]
    return kinds.indices.filter { special.contains(kinds[$0]) || kinds[$0] == Kind.userDefined.rawValue }.map { id in
      .object(
        JSONObject([
          "id": .integer(id), "content": .string(tokens[id]), "single_word": .bool(false), "lstrip": .bool(false),
          "rstrip": .bool(false), "normalized": .bool(false), "special": .bool(special.contains(kinds[id])),
        ]))
    }
  }
}
