import Tensor

/// A model on disk, opened: a GGUF file or a Hugging Face folder. What is read from either is the same in memory, so that
/// nobody else has to know which it was.
///
/// `Model.load`, the exporters and `generate` open one.
package struct StoredModel: BaseWeights, Sendable {
  package let path: String
  package let configuration: ModelConfiguration
  private let store: Store

  private enum Store: Sendable {
    case file(GGUFFile)
    case folder(ModelFolder)
  }

  /// Opens what is at `path` and checks its configuration and the name and shape of every tensor. Nothing large is read.
  /// Throws `ModelFileError` with file, key or tensor, and offset.
  package init(path: String) throws(ModelFileError) {
    self.path = path
    if ModelFolder.isFolder(path) {
      let folder = try ModelFolder(path: path)
      configuration = try ModelConfiguration(folder: folder)
      store = .folder(folder)
    } else {
      let file = try GGUFFile(path: path)
      configuration = try ModelConfiguration(gguf: file)
      store = .file(file)
    }
    for view in ParameterLayout(configuration).views { try check(view) }
  }

  private func check(_ view: ParameterView) throws(ModelFileError) {
    switch store {
    case .file(let file): _ = try file.tensor(view.name, shape: view.shape)
    case .folder(let folder): _ = try folder.tensor(HuggingFaceName.tensor(view.name), shape: view.shape)
    }
  }

  // MARK: Parts

  /// Expands a tensor to float32, its rows in the order of our layout. `output` has `view.count` values.
  package func read(
    _ view: ParameterView, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ModelFileError) {
    switch store {
    case .file(let file): try file.read(view.name, into: output)
    case .folder(let folder):
      try folder.read(HuggingFaceName.tensor(view.name), into: output)
      guard let heads = configuration.interleavedHeads(view) else { return }
      RotaryRows(heads: heads, headSize: configuration.attention.headSize).interleave(output, columns: view.shape[1])
    }
  }

  /// The tokenizer as the files state it, with as many tokens as the embedding has rows.
  package func tokenizerDefinition() throws(ModelFileError) -> TokenizerDefinition {
    switch store {
    case .file(let file): try TokenizerDefinition(file)
    case .folder(let folder): try TokenizerDefinition(folder: folder, vocabularySize: configuration.vocabulary)
    }
  }

  /// The chat template (Jinja), where the model has one.
  package func chatTemplateText() throws(ModelFileError) -> String? {
    switch store {
    case .file(let file): try file.stringIfPresent(ChatTemplate.key)
    case .folder(let folder): try folder.chatTemplate()
    }
  }

  /// The name that the model gives itself, or that of its file.
  package func name() -> String {
    if case .file(let file) = store, let name = try? file.stringIfPresent("general.name") { return name }
    return path.split(separator: "/").last.map(String.init) ?? path
  }

  // MARK: Digest

  /// The SHA-256 that names a model: of a file, its own. Of a folder, that of what `sha256sum` prints for the files that
  /// are read (`config.json`, `tokenizer.json`, the weights and, where present, `tokenizer_config.json`,
  /// `chat_template.jinja` and `model.safetensors.index.json`), in byte order of their names: for each a line of digest,
  /// two spaces, name.
  package static func digest(path: String) throws(ModelFileError) -> String {
    guard ModelFolder.isFolder(path) else { return try ContentDigest.hexadecimal(ofFile: path) }
    var digest = ContentDigest()
    for name in try ModelFolder(path: path).files {
      let line = try ContentDigest.hexadecimal(ofFile: path + "/" + name) + "  \(name)\n"
      Array(line.utf8).withUnsafeBytes { digest.update($0) }
    }
    return digest.hexadecimal
  }
}

extension Parameters {
  /// Expands every tensor of an opened model to float32.
  package convenience init(_ model: StoredModel) throws(ModelFileError) {
    self.init(layout: ParameterLayout(model.configuration))
    try fill(from: model)
  }
}

extension ContentDigest {
  /// The digest of a file's bytes.
  package static func hexadecimal(ofFile path: String) throws(ModelFileError) -> String {
    let mapping = try MappedFile(path: path)
    var digest = ContentDigest()
    for start in stride(from: 0, to: mapping.bytes.count, by: 1 << 22) {
      let end = min(mapping.bytes.count, start + (1 << 22))
      digest.update(UnsafeRawBufferPointer(rebasing: mapping.bytes[start..<end]))
    }
    return digest.hexadecimal
  }
}
