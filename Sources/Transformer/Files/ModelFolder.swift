#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A model as Hugging Face publishes it: a folder with `config.json`, `tokenizer.json` and the weights in one
/// `model.safetensors` or in the shards that `model.safetensors.index.json` names. `tokenizer_config.json` and
/// `chat_template.jinja` are read where they are there.
///
/// Opened and checked as a whole, like `GGUFFile`; `StoredModel` opens one of the two.
package final class ModelFolder: Sendable {
  package let path: String
  /// `config.json`.
  package let settings: JSONFile
  /// Names of the files that are read, in byte order; the folder's digest is over them.
  package let files: [String]

  private let shards: [SafetensorsFile]
  /// The shard of each tensor.
  private let index: [ExactText: Int]

  private static var shardsMax: Int { 1024 }
  static var settingsSizeMax: Int { 1 << 22 }
  static var shardIndexSizeMax: Int { 1 << 25 }

  /// Names with a meaning in such a folder.
  enum Name {
    static let settings = "config.json"
    static let tokenizer = "tokenizer.json"
    static let tokenizerSettings = "tokenizer_config.json"
    static let chatTemplate = "chat_template.jinja"
    static let generation = "generation_config.json"
    static let weights = "model.safetensors"
    static let shardIndex = "model.safetensors.index.json"
  }

  /// Opens the folder. Throws `ModelFileError` with file, tensor and offset.
  package init(path: String) throws(ModelFileError) {
    self.path = path
    settings = try JSONFile(path: path + "/" + Name.settings, bytesMax: Self.settingsSizeMax)
    let (names, placement) = try Self.weightFiles(path)
    var shards: [SafetensorsFile] = []
    for name in names { shards.append(try SafetensorsFile(path: path + "/" + name)) }
    index = try Self.index(shards, names, placement: placement, folder: path)
    self.shards = shards
    files = Self.present(in: path, weights: names)
  }

  /// Whether `path` is a folder, and so to be opened as one.
  package static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  // MARK: Tensors

  package func hasTensor(_ name: String) -> Bool { index[ExactText(name)] != nil }

  /// The entry of a tensor. Throws `.missing` without it, `.value` for another shape.
  package func tensor(_ name: String, shape: [Int]) throws(ModelFileError) -> TensorInfo {
    let (shard, info) = try find(name)
    guard info.shape == shape else {
      throw ModelFileError(
        .value, file: shard.path, place: "tensor \"\(name)\"", offset: info.offset,
        "its shape is \(info.shape), expected \(shape)")
    }
    return info
  }

  /// Expands a tensor to float32; `output` must have exactly its number of values.
  package func read(_ name: String, into output: UnsafeMutableBufferPointer<Float>) throws(ModelFileError) {
    let (shard, info) = try find(name)
    guard info.elementCount == output.count else {
      throw ModelFileError(
        .value, file: shard.path, place: "tensor \"\(name)\"", offset: info.offset,
        "it has \(info.elementCount) values (shape \(info.shape)), expected \(output.count)")
    }
    shard.read(info, into: output)
  }

  private func find(_ name: String) throws(ModelFileError) -> (SafetensorsFile, TensorInfo) {
    guard let shard = index[ExactText(name)], let info = shards[shard].tensor(name) else {
      let file = shards.count == 1 ? shards[0].path : path
      throw ModelFileError(.missing, file: file, place: "tensor \"\(name)\"", "there is no such tensor")
    }
    return (shards[shard], info)
  }

  // MARK: Opening

  /// The weight files in byte order, and for each tensor of a shard index the file it should be in.
  private static func weightFiles(
    _ folder: String
  ) throws(ModelFileError) -> (names: [String], placement: JSONObject?) {
    let indexPath = folder + "/" + Name.shardIndex
    guard access(indexPath, F_OK) == 0 else { return ([Name.weights], nil) }
    let file = try JSONFile(path: indexPath, bytesMax: shardIndexSizeMax)
    let placement = try file.object("weight_map")
    var names: Set<String> = []
    for member in placement.members {
      guard case .string(let name) = member.value, isPlain(name) else {
        throw file.error(
          .value, "weight_map",
          "tensor \"\(member.key.prefix(256))\" is in \(member.value.summary), expected a file name")
      }
      names.insert(name)
    }
    guard (1...shardsMax).contains(names.count) else {
      throw file.error(.value, "weight_map", "\(names.count) files; 1 to \(shardsMax) are allowed")
    }
    return (names.sorted(by: bytewise), placement)
  }

  /// A name of a file in the folder itself: an index must not lead elsewhere.
  private static func isPlain(_ name: String) -> Bool {
    name.hasSuffix(".safetensors") && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
      && !name.hasPrefix(".")
  }

  private static func index(
    _ shards: [SafetensorsFile], _ names: [String], placement: JSONObject?, folder: String
  ) throws(ModelFileError) -> [ExactText: Int] {
    var index: [ExactText: Int] = [:]
    for (number, shard) in shards.enumerated() {
      for tensor in shard.tensors {
        guard let first = index.updateValue(number, forKey: ExactText(tensor.name)) else { continue }
        throw ModelFileError(
          .conflict, file: shard.path, place: "tensor \"\(tensor.name)\"", offset: tensor.offset,
          "the tensor is in \(names[first]) too")
      }
    }
    for member in placement?.members ?? [] {
      guard case .string(let name) = member.value else { continue }
      guard let shard = index[ExactText(member.key)], names[shard] == name else {
        throw ModelFileError(
          .missing, file: folder + "/" + name, place: "tensor \"\(member.key.prefix(256))\"",
          "\(Name.shardIndex) says that the tensor is in this file")
      }
    }
    return index
  }

  private static func present(in folder: String, weights: [String]) -> [String] {
    let fixed = [Name.settings, Name.tokenizer, Name.tokenizerSettings, Name.chatTemplate, Name.shardIndex]
    return (fixed.filter { access(folder + "/" + $0, F_OK) == 0 } + weights).sorted(by: bytewise)
  }

  private static func bytewise(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
