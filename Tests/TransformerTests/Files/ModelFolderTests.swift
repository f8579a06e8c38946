import Foundation
import Testing
import Transformer

@Suite("Reading Hugging Face folders")
struct ModelFolderTests {
  struct Damage: Sendable {
    let file: String
    let old: String
    let new: String
    let expected: String

    init(_ file: String, _ old: String, _ new: String, _ expected: String) {
      (self.file, self.old, self.new, self.expected) = (file, old, new, expected)
    }
  }

  static let damages: [Damage] = [
    Damage(
      "config.json", #""model_type": "llama""#, #""model_type": "gpt_neox""#,
      "\"gpt_neox\" is not supported; llama and qwen2"),
    Damage("config.json", #""hidden_size": 48"#, #""hidden_size": 0"#, "key \"hidden_size\": 0 is not in 1..."),
    Damage("config.json", #""hidden_size": 48"#, #""hidden_size": "48""#, "expected an integer, found \"48\""),
    Damage("config.json", #""hidden_size": 48"#, #""other": 48"#, "key \"hidden_size\": the key is missing"),
    Damage("config.json", #""hidden_size": 48"#, #""hidden_size": 64"#, "its shape is [263, 48], expected [263, 64]"),
    Damage(
      "config.json", #""num_hidden_layers": 2"#, #""num_hidden_layers": 3"#,
      "tensor \"model.layers.2.self_attn.q_proj.weight\": there is no such tensor"),
    Damage(
      "config.json", #""num_hidden_layers": 2"#, #""num_hidden_layers": 4194304"#,
      "key \"num_hidden_layers\": 4194304 is not in 1...1024"),
    Damage("config.json", #""num_key_value_heads": 2"#, #""num_key_value_heads": 3"#, "4 heads do not divide among 3"),
    Damage(
      "config.json", #""head_dim": 16"#, #""head_dim": 24"#,
      "key \"head_dim\": a head of 24; it must be a multiple of 16"),
    Damage("config.json", #""head_dim": 16"#, #""head_dim": 9223372036854775807"#, "is not in 1...1024"),
    Damage(
      "config.json", #""vocab_size": 263"#, #""vocab_size": 264"#, "tensor \"model.embed_tokens.weight\", at byte"),
    Damage(
      "config.json", #""max_position_embeddings": 256"#, #""max_position_embeddings": 4194304000"#,
      "key \"max_position_embeddings\""),
    Damage("config.json", #""rope_theta": 10000.0"#, #""rope_theta": -1"#, "key \"rope_theta\": -1.0 is not in"),
    Damage("config.json", #""rms_norm_eps": 1e-05"#, #""rms_norm_eps": 0"#, "key \"rms_norm_eps\""),
    Damage(
      "config.json", #""rope_scaling": null"#, #""rope_scaling": {"rope_type": "yarn"}"#,
      "scaled rotary positions (\"yarn\")"),
    Damage("config.json", #""hidden_act": "silu""#, #""hidden_act": "gelu""#, "\"gelu\" is not supported"),
    Damage(
      "config.json", #""attention_bias": false"#, #""attention_bias": true"#,
      "key \"attention_bias\": true is not supported"),
    Damage(
      "config.json", #""tie_word_embeddings": true"#, #""tie_word_embeddings": false"#,
      "tensor \"lm_head.weight\": there is no such tensor"),
    Damage("tokenizer.json", #""type":"BPE""#, #""type":"WordPiece""#, "\"WordPiece\" is not supported; \"BPE\" is"),
    Damage(
      "tokenizer.json", #""type":"Digits""#, #""type":"Metaspace""#,
      "\"Metaspace\", \"ByteLevel\" with these options is not supported"),
    Damage(
      "tokenizer.json", #""individual_digits":true"#, #""individual_digits":false"#,
      "with these options is not supported"),
    Damage("tokenizer.json", #""normalizer":null"#, #""normalizer":{"type":"NFKC"}"#, "\"NFKC\" is not supported"),
    Damage(
      "tokenizer.json", #""normalizer":null"#, #""normalizer":{"type":"NFC"}"#, "NFC with the words of \"smollm\""),
    Damage(
      "tokenizer.json", #""post_processor":null"#, #""post_processor":{"type":"TemplateProcessing"}"#,
      "\"TemplateProcessing\" with these"),
    Damage("tokenizer.json", #""byte_fallback":false"#, #""byte_fallback":true"#, "key \"model.byte_fallback\""),
    Damage("tokenizer.json", #""lstrip":false"#, #""lstrip":true"#, "has lstrip, which is not supported"),
    Damage("tokenizer.json", #""abc":257"#, #""abc":256"#, "are both token 256"),
    Damage("tokenizer.json", #""abc":257"#, #""abc":4611686018427387904"#, "of a vocabulary of 263"),
    Damage("tokenizer.json", #""abc":257"#, #""abc":-1"#, "\"abc\" is token -1 of a vocabulary of 263"),
    Damage("tokenizer.json", #""id":258"#, #""id":262"#, "\"<|endoftext|>\" has two ids"),
    Damage("tokenizer.json", #""ab c""#, #""zz c""#, "merge 1, \"zz c\", is not two tokens"),
    Damage(
      "tokenizer_config.json", #""eos_token": "<|im_end|>""#, #""eos_token": "</s>""#,
      "key \"eos_token\": \"</s>\" is not a token"),
  ]

  @Test("What would be computed wrongly or not at all is refused by its name", arguments: damages.indices)
  func damaged(_ index: Int) throws {
    let damage = Self.damages[index]
    try withTemporaryFolder { folder in
      let path = try SmallModel().write(.folder, in: folder)
      try editFile(path + "/" + damage.file, damage.old, damage.new)
      let error = #expect(throws: ModelFileError.self, "\(damage.new)") { try load(path) }
      #expect(error?.description.contains(damage.expected) == true, "\(String(describing: error))")
      #expect(error?.file.hasPrefix(path + "/") == true)
    }
  }

  @Test("A file that is missing is named", arguments: ["config.json", "tokenizer.json", "model.safetensors"])
  func missingFile(name: String) throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel().write(.folder, in: folder)
      try FileManager.default.removeItem(atPath: path + "/" + name)
      let error = #expect(throws: ModelFileError.self) { try load(path) }
      #expect(error?.code == .system && error?.file == path + "/" + name)
    }
  }

  @Test("Settings may be written as transformers 5 and other programs write them")
  func otherSpellings() throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.llama)
      let path = try model.write(.folder, in: folder)
      try editFile(
        path + "/config.json", #""rope_theta": 10000.0"#,
        #""rope_parameters": {"rope_type": "default", "rope_theta": 10000}"#)
      try editFile(path + "/config.json", #""head_dim": 16"#, #""head_dim": null"#)
      try editFile(path + "/config.json", #""hidden_size": 48"#, #""hidden_size": 48, "x": [{"y": 1}]"#)
      try editFile(path + "/tokenizer.json", #""a b""#, #"["a","b"]"#)
      try editFile(path + "/tokenizer.json", #""trim_offsets":true"#, #""trim_offsets":false"#)
      try editFile(
        path + "/tokenizer.json", #""post_processor":null"#,
        #""post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}]}"#)
      try editFile(
        path + "/tokenizer_config.json", #""eos_token": "<|im_end|>""#,
        #""eos_token": {"content": "<|im_end|>", "lstrip": false}"#)
      // 48 / 4 heads would be 12, which no kernel has; so head_dim may be left out only where it divides.
      let error = #expect(throws: ModelFileError.self) { try StoredModel(path: path) }
      #expect(error?.place == "key \"head_dim\"")
      try editFile(path + "/config.json", #""head_dim": null"#, #""head_dim": 16"#)
      let stored = try StoredModel(path: path)
      #expect(stored.configuration == model.configuration)
      #expect(try stored.tokenizerDefinition().merges == model.tokenizer.merges)
      #expect(try stored.tokenizerDefinition().endToken == 260)
    }
  }

  @Test("The template may be a file of its own, or one of several")
  func templates() throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel().write(.folder, in: folder)
      let settings = path + "/tokenizer_config.json"
      try #"{"chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}]}"#
        .write(toFile: settings, atomically: false, encoding: .utf8)
      #expect(try StoredModel(path: path).chatTemplateText() == "d")
      try "file".write(toFile: path + "/chat_template.jinja", atomically: false, encoding: .utf8)
      #expect(try StoredModel(path: path).chatTemplateText() == "file")
      // Without names there, the ids of config.json count.
      #expect(try StoredModel(path: path).tokenizerDefinition().endToken == 260)
    }
  }

  @Test("A byte without a token is dropped, or becomes the unknown token where the tokenizer names one")
  func unknownToken() throws {
    try withTemporaryFolder { folder in
      var model = SmallModel()
      model.tokenizer.tokens[4] = "missing"
      let path = try model.write(.folder, in: folder)
      func ids() throws -> [Int32] {
        try Tokenizer(StoredModel(path: path).tokenizerDefinition()).encode("a\u{4}b", allowSpecial: false)
      }
      #expect(try ids() == [97, 98])
      try editFile(path + "/tokenizer.json", #""unk_token":null"#, #""unk_token":"<|endoftext|>""#)
      #expect(try ids() == [97, 258, 98])
      try editFile(path + "/tokenizer.json", #""unk_token":"<|endoftext|>""#, #""unk_token":"nothing""#)
      #expect(throws: ModelFileError.self) { try ids() }
    }
  }

  // MARK: Shards

  /// Splits `model.safetensors` in two by hand and writes the index.
  private func split(_ path: String, change: (inout [String: String]) -> Void = { _ in }) throws {
    let bytes = try fileBytes(path + "/model.safetensors")
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: [String: Any]])
    let data = bytes[(8 + length)...]
    let names = header.keys.filter { $0 != "__metadata__" }.sorted()
    var placement: [String: String] = [:]
    for (number, part) in [names.prefix(5), names.dropFirst(5)].enumerated() {
      var (shard, shardData) = ([String: [String: Any]](), [UInt8]())
      for name in part {
        var entry = try #require(header[name])
        let offsets = try #require(entry["data_offsets"] as? [Int])
        entry["data_offsets"] = [shardData.count, shardData.count + offsets[1] - offsets[0]]
        shardData += data[(data.startIndex + offsets[0])..<(data.startIndex + offsets[1])]
        shard[name] = entry
        placement[name] = "model-\(number + 1).safetensors"
      }
      let json = try [UInt8](JSONSerialization.data(withJSONObject: shard))
      try Data(GGUFBuilder.bytes(UInt64(json.count)) + json + shardData)
        .write(to: URL(fileURLWithPath: path + "/model-\(number + 1).safetensors"))
    }
    change(&placement)
    try JSONSerialization.data(withJSONObject: ["weight_map": placement])
      .write(to: URL(fileURLWithPath: path + "/model.safetensors.index.json"))
    try FileManager.default.removeItem(atPath: path + "/model.safetensors")
  }

  @Test("Weights in several shards are the same weights")
  func shards() throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.qwen2)
      let path = try model.write(.folder, in: folder)
      try split(path)
      #expect(try Parameters(StoredModel(path: path)).bits == model.parameters.bits)
      #expect(try ModelFolder(path: path).files.contains("model-2.safetensors"))
    }
  }

  static let indexDamages: [(name: String, expected: String, change: @Sendable (inout [String: String]) -> Void)] = [
    ("a path out of the folder", "expected a file name", { $0["lm_head.weight"] = "../x.safetensors" }),
    ("an absolute path", "expected a file name", { $0["lm_head.weight"] = "/etc/x.safetensors" }),
    ("another kind of file", "expected a file name", { $0["lm_head.weight"] = "pytorch_model.bin" }),
    ("a shard that is not there", "cannot be opened", { $0["lm_head.weight"] = "model-3.safetensors" }),
    ("the wrong shard", "says that the tensor is in this file", { $0["lm_head.weight"] = "model-2.safetensors" }),
    ("a tensor that is nowhere", "says that the tensor is in this file", { $0["ghost"] = "model-1.safetensors" }),
    ("nothing", "0 files; 1 to", { $0 = [:] }),
  ]

  @Test("An index that leads astray is refused", arguments: indexDamages.indices)
  func indexDamaged(_ index: Int) throws {
    let damage = Self.indexDamages[index]
    try withTemporaryFolder { folder in
      let path = try SmallModel(.qwen2).write(.folder, in: folder)
      try split(path, change: damage.change)
      let error = #expect(throws: ModelFileError.self, "\(damage.name)") { try StoredModel(path: path) }
      #expect(error?.description.contains(damage.expected) == true, "\(damage.name): \(String(describing: error))")
    }
  }

  @Test("A tensor in two shards is refused with both")
  func twice() throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel(.qwen2).write(.folder, in: folder)
      try split(path)
      try FileManager.default.copyItem(
        atPath: path + "/model-1.safetensors", toPath: path + "/model-0.safetensors")
      try editFile(path + "/model.safetensors.index.json", "model-1.safetensors", "model-0.safetensors")
      let error = #expect(throws: ModelFileError.self) { try StoredModel(path: path) }
      #expect(
        error?.code == .conflict && error?.description.contains("the tensor is in model-0.safetensors too") == true)
    }
  }

  private func load(_ path: String) throws {
    let stored = try StoredModel(path: path)
    _ = try Tokenizer(stored.tokenizerDefinition())
    _ = try Parameters(stored)
  }
}
