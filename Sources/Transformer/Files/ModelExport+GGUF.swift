import Tensor

extension ModelExport {
  /// Writes a GGUF file (version 3) that `StoredModel` and llama.cpp open. Vectors are F32 whatever the type of the
  /// matrices, because llama.cpp computes with them so.
  ///
  /// The file appears under its name whole and durable, or not at all. Throws `ModelFileError`: `.conflict` for a file
  /// that is there already unless `replacing`, `.system`, or `.value` for a weight that the encoding cannot hold.
  package func writeGGUF(_ path: String, replacing: Bool) throws(ModelFileError) {
    let views = parameters.layout.views
    var header = GGUFHeader()
    addMetadata(&header)
    var offset = 0
    for view in views {
      header.addTensor(view.name, shape: view.shape, type: storedType(view), offset: offset)
      offset += GGUFHeader.aligned(view.count * storedType(view).blockBytes)
    }
    let bytes = header.bytes
    try writeDurably(path: path, folder: parentFolder(path), replacing: replacing) { (file) throws(ModelFileError) in
      try file.write(bytes)
      for view in views {
        let size = view.count * storedType(view).blockBytes
        try writeRows(of: view, as: storedType(view), to: file, path: path)
        try file.write([UInt8](repeating: 0, count: GGUFHeader.aligned(size) - size))
      }
    }
  }

  private func storedType(_ view: ParameterView) -> TensorType { view.shape.count == 1 ? .f32 : type }

  private func addMetadata(_ header: inout GGUFHeader) {
    let (c, name) = (configuration, configuration.architecture.rawValue)
    header.add("general.architecture", name)
    header.add("general.type", "model")
    header.add("general.name", self.name)
    // ggml's numbers for "all F32", "mostly F16" and "mostly BF16".
    header.add("general.file_type", uint32: type == .f32 ? 0 : type == .f16 ? 1 : 32)
    for (key, value) in provenance { header.add("autodidact.\(key)", value) }
    header.add("\(name).vocab_size", uint32: c.vocabulary)
    header.add("\(name).context_length", uint32: c.contextLength)
    header.add("\(name).embedding_length", uint32: c.hidden)
    header.add("\(name).block_count", uint32: c.layers)
    header.add("\(name).feed_forward_length", uint32: c.feedForward)
    header.add("\(name).attention.head_count", uint32: c.attention.heads)
    header.add("\(name).attention.head_count_kv", uint32: c.attention.keyValueHeads)
    header.add("\(name).attention.key_length", uint32: c.attention.headSize)
    header.add("\(name).attention.value_length", uint32: c.attention.headSize)
    header.add("\(name).attention.layer_norm_rms_epsilon", float32: c.normEpsilon)
    header.add("\(name).rope.dimension_count", uint32: c.attention.headSize)
    header.add("\(name).rope.freq_base", float32: Float(c.ropeTheta))
    addTokenizer(&header)
  }

  private func addTokenizer(_ header: inout GGUFHeader) {
    typealias Key = TokenizerDefinition.Key
    header.add(Key.model, "gpt2")
    header.add(Key.preTokenizer, tokenizer.preTokenizer.rawValue)
    header.add(Key.tokens, strings: tokenizer.tokens)
    header.add(Key.kinds, int32: tokenizer.kinds)
    header.add(Key.merges, strings: tokenizer.merges)
    for (key, token) in [
      (Key.beginning, tokenizer.beginningToken), (Key.end, tokenizer.endToken), (Key.padding, tokenizer.paddingToken),
    ] {
      if let token { header.add(key, uint32: token) }
    }
    header.add("tokenizer.ggml.add_bos_token", false)
    header.add("tokenizer.ggml.add_space_prefix", false)
    if let chatTemplate { header.add(ChatTemplate.key, chatTemplate) }
  }
}

/// The part of a GGUF file before the data: metadata and tensor table.
private struct GGUFHeader {
  private var keyCount = 0
  private var tensorCount = 0
  private var keys: [UInt8] = []
  private var table: [UInt8] = []

  /// The default alignment, so that no key has to say it.
  static func aligned(_ size: Int) -> Int { (size + 31) / 32 * 32 }

  mutating func add(_ key: String, _ text: String) {
    begin(key, .string)
    Self.append(text, to: &keys)
  }

  mutating func add(_ key: String, _ flag: Bool) {
    begin(key, .bool)
    keys.append(flag ? 1 : 0)
  }

  mutating func add(_ key: String, uint32 value: Int) {
    begin(key, .uint32)
    Self.append(UInt32(value), to: &keys)
  }

  mutating func add(_ key: String, float32 value: Float) {
    begin(key, .float32)
    Self.append(value.bitPattern, to: &keys)
  }

  mutating func add(_ key: String, strings: [String]) {
    beginArray(key, .string, count: strings.count)
    for text in strings { Self.append(text, to: &keys) }
  }

  mutating func add(_ key: String, int32 values: [Int]) {
    beginArray(key, .int32, count: values.count)
    for value in values { Self.append(Int32(value), to: &keys) }
  }

  /// `offset` counts from the start of the data.
  mutating func addTensor(_ name: String, shape: [Int], type: TensorType, offset: Int) {
    tensorCount += 1
    Self.append(name, to: &table)
    Self.append(UInt32(shape.count), to: &table)
    for size in shape.reversed() { Self.append(UInt64(size), to: &table) }
    Self.append(type.rawValue, to: &table)
    Self.append(UInt64(offset), to: &table)
  }

  /// Magic, version, counts, metadata, table, and zeros up to the data.
  var bytes: [UInt8] {
    var output = Array("GGUF".utf8)
    Self.append(UInt32(3), to: &output)
    Self.append(UInt64(tensorCount), to: &output)
    Self.append(UInt64(keyCount), to: &output)
    output += keys + table
    return output + [UInt8](repeating: 0, count: Self.aligned(output.count) - output.count)
  }

  private mutating func begin(_ key: String, _ type: GGUFValueType) {
    keyCount += 1
    Self.append(key, to: &keys)
    Self.append(type.rawValue, to: &keys)
  }

  private mutating func beginArray(_ key: String, _ type: GGUFValueType, count: Int) {
    begin(key, .array)
    Self.append(type.rawValue, to: &keys)
    Self.append(UInt64(count), to: &keys)
  }

  private static func append(_ value: some FixedWidthInteger, to output: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { output += $0 }
  }

  private static func append(_ text: String, to output: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &output)
    output += text.utf8
  }
}
