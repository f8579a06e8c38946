/// A GGUF model file (versions 2 and 3, little-endian), opened and checked as a whole.
///
/// Opening reads the metadata and the tensor table and verifies that every tensor lies within the file, is aligned and
/// shares no byte with another. Tensor data stays on disk until `read`. The loader of models and `Tokenizer` call it.
/// Specification: github.com/ggml-org/ggml/blob/master/docs/gguf.md.
package final class GGUFFile: Sendable {
  package let path: String
  package let version: UInt32
  /// In the order of the file.
  package let tensors: [TensorInfo]
  package let metadata: [String: GGUFValue]

  private let mapping: MappedFile
  private let tensorIndex: [String: Int]

  /// Opens and checks the file. Throws `ModelFileError` with the key or tensor and the offset at fault.
  package init(path: String) throws(ModelFileError) {
    self.path = path
    mapping = try MappedFile(path: path)
    var cursor = ByteCursor(mapping.bytes, file: path)
    version = try Self.readVersion(&cursor)
    cursor.place = "header"
    let tensorCount = try cursor.count(of: "tensors", minimumSize: Self.tensorEntrySizeMin)
    let keyCount = try cursor.count(of: "metadata keys", minimumSize: Self.keyEntrySizeMin)
    metadata = try Self.readMetadata(&cursor, count: keyCount)
    let alignment = try Self.alignment(metadata, file: path)
    let table = try TensorTable(&cursor, count: tensorCount, alignment: alignment)
    tensors = table.tensors
    tensorIndex = table.index
  }

  // MARK: Tensors

  /// The table entry of a tensor; throws `.missing` when there is none, `.value` when `shape` is given and differs.
  package func tensor(_ name: String, shape: [Int]? = nil) throws(ModelFileError) -> TensorInfo {
    guard let index = tensorIndex[name] else {
      throw ModelFileError(.missing, file: path, place: "tensor \"\(name)\"", "the file has no such tensor")
    }
    let info = tensors[index]
    guard shape == nil || shape == info.shape else {
      throw ModelFileError(
        .value, file: path, place: "tensor \"\(name)\"", offset: info.offset,
        "its shape is \(info.shape), expected \(shape ?? [])")
    }
    return info
  }

  /// Whether the file has a tensor of this name, for the ones an architecture may leave out.
  package func hasTensor(_ name: String) -> Bool { tensorIndex[name] != nil }

  /// Expands a tensor to float32 in row-major order; `output` must have exactly its number of values.
  /// Throws `.missing` for an unknown name and `.value` for another size.
  package func read(_ name: String, into output: UnsafeMutableBufferPointer<Float>) throws(ModelFileError) {
    let info = try tensor(name)
    guard output.count == info.elementCount else {
      throw ModelFileError(
        .value, file: path, place: "tensor \"\(name)\"", offset: info.offset,
        "it has \(info.elementCount) values (shape \(info.shape)), expected \(output.count)")
    }
    let bytes = mapping.bytes[info.offset..<info.offset + info.byteCount]
    dequantize(info.type, UnsafeRawBufferPointer(rebasing: bytes), into: output)
  }

  // MARK: Header

  private static var magic: UInt32 { 0x4655_4747 }  // "GGUF"
  private static var keyEntrySizeMin: Int { 8 + 1 + 4 + 1 }
  private static var tensorEntrySizeMin: Int { 8 + 1 + 4 + 8 + 4 + 8 }
  private static var keyLengthMax: Int { 65_535 }
  private static var alignmentMax: UInt64 { 1 << 20 }

  private static func readVersion(_ cursor: inout ByteCursor) throws(ModelFileError) -> UInt32 {
    let start = cursor
    let found = try cursor.integer(UInt32.self, "the magic")
    guard found == magic else { throw start.error(.format, "not a GGUF file: it does not begin with \"GGUF\"") }
    let beforeVersion = cursor
    let version = try cursor.integer(UInt32.self, "the version")
    guard version == 2 || version == 3 else {
      let hint = version.byteSwapped <= 3 ? " (a big-endian file)" : ""
      throw beforeVersion.error(.format, "GGUF version \(version)\(hint) is not supported; 2 and 3 are")
    }
    return version
  }

  private static func readMetadata(
    _ cursor: inout ByteCursor, count: Int
  ) throws(ModelFileError) -> [String: GGUFValue] {
    var result: [String: GGUFValue] = [:]
    for number in 0..<count {
      cursor.place = "metadata key \(number) of \(count)"
      let start = cursor
      let key = try cursor.string("the key", maximum: keyLengthMax)
      guard !key.isEmpty else { throw start.error(.format, "the key is empty") }
      cursor.place = "key \"\(key)\""
      guard result[key] == nil else {
        throw ModelFileError(
          .conflict, file: start.file, place: cursor.place, offset: start.offset, "the key occurs twice")
      }
      result[key] = try cursor.value(of: cursor.valueType())
    }
    return result
  }

  private static func alignment(_ metadata: [String: GGUFValue], file: String) throws(ModelFileError) -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard case .unsigned(let number, .uint32) = value, number > 0, number <= alignmentMax, number & (number - 1) == 0
    else {
      throw ModelFileError(
        .value, file: file, place: "key \"general.alignment\"",
        "must be a uint32, a power of two and at most \(alignmentMax); found \(value.summary)")
    }
    return Int(number)
  }
}
