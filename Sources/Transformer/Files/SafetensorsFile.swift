/// A safetensors file, opened and checked as a whole: 64-bit header length, JSON header, data.
///
/// The tensors must cover the data section exactly, as the format demands: no hole, no overlap, nothing behind the last.
/// Tensor data stays on disk until `read`. `ModelFolder` opens one for each shard.
/// Specification: github.com/huggingface/safetensors.
package final class SafetensorsFile: Sendable {
  package let path: String
  /// In the order of the data.
  package let tensors: [TensorInfo]
  /// The `__metadata__` of the header.
  package let metadata: [String: String]

  private let mapping: MappedFile
  private let index: [ExactText: Int]

  private static var headerSizeMax: Int { 1 << 25 }
  private static var dimensionsMax: Int { 8 }

  /// Opens and checks the file. Throws `ModelFileError` with the tensor and the offset at fault.
  package init(path: String) throws(ModelFileError) {
    self.path = path
    mapping = try MappedFile(path: path)
    var cursor = ByteCursor(mapping.bytes, file: path)
    cursor.place = "header"
    let start = cursor
    let length = try cursor.count(of: "bytes in the header", minimumSize: 1)
    guard length <= Self.headerSizeMax else {
      throw start.error(.size, "a header of \(length) bytes; at most \(Self.headerSizeMax) are allowed")
    }
    let headerStart = cursor.offset
    let bytes = try cursor.take(length, "the header")
    guard case .object(let header) = try JSONReader.read(bytes, file: path, place: "header", base: headerStart) else {
      throw ModelFileError(.format, file: path, place: "header", offset: headerStart, "not a JSON object")
    }
    metadata = try Self.metadata(header, path: path)
    var tensors: [TensorInfo] = []
    for member in header.members where member.key != Self.metadataKey {
      tensors.append(
        try Self.tensor(member, path: path, dataStart: cursor.offset, dataCount: cursor.remaining))
    }
    tensors.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
    try Self.checkCover(tensors, path: path, dataStart: cursor.offset, end: mapping.bytes.count)
    self.tensors = tensors
    index = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { (ExactText($1.name), $0) })
  }

  // MARK: Tensors

  /// The entry of a tensor, or nil.
  package func tensor(_ name: String) -> TensorInfo? { index[ExactText(name)].map { tensors[$0] } }

  /// Expands one of `tensors` to float32 in row-major order; `output` must have exactly its number of values.
  package func read(_ tensor: TensorInfo, into output: UnsafeMutableBufferPointer<Float>) {
    precondition(output.count == tensor.elementCount, "\(output.count) values for a tensor of \(tensor.elementCount)")
    let bytes = mapping.bytes[tensor.offset..<tensor.offset + tensor.byteCount]
    dequantize(tensor.type, UnsafeRawBufferPointer(rebasing: bytes), into: output)
  }

  // MARK: Header

  static var metadataKey: String { "__metadata__" }

  private static func metadata(_ header: JSONObject, path: String) throws(ModelFileError) -> [String: String] {
    guard let value = header[metadataKey] else { return [:] }
    let place = "key \"\(metadataKey)\""
    guard case .object(let object) = value else {
      throw ModelFileError(.value, file: path, place: place, "expected an object, found \(value.summary)")
    }
    var result: [String: String] = [:]
    for member in object.members {
      guard case .string(let text) = member.value else {
        throw ModelFileError(
          .value, file: path, place: place, "\"\(member.key)\" is \(member.value.summary), expected a string")
      }
      result[member.key] = text
    }
    return result
  }

  private static func tensor(
    _ member: JSONObject.Member, path: String, dataStart: Int, dataCount: Int
  ) throws(ModelFileError) -> TensorInfo {
    let place = "tensor \"\(member.key.prefix(256))\""
    func error(_ code: ModelFileError.Code, _ problem: String) -> ModelFileError {
      ModelFileError(code, file: path, place: place, offset: dataStart, problem)
    }
    guard case .object(let entry) = member.value else { throw error(.value, "its entry is \(member.value.summary)") }
    guard case .string(let typeName)? = entry["dtype"] else { throw error(.missing, "its dtype is missing") }
    guard let type = types[typeName] else {
      let known = types.keys.sorted().joined(separator: ", ")
      throw error(.value, "dtype \"\(typeName.prefix(60))\" is not supported; supported are \(known)")
    }
    guard let shape = integers(entry["shape"]), shape.count <= dimensionsMax, shape.allSatisfy({ $0 > 0 }) else {
      throw error(.value, "its shape must be at most \(dimensionsMax) positive integers")
    }
    guard let offsets = integers(entry["data_offsets"]), offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1]
    else { throw error(.value, "its data_offsets must be two integers, the first not beyond the second") }
    guard offsets[1] <= dataCount else {
      throw error(.size, "its data_offsets end at \(offsets[1]), the data section has \(dataCount) bytes")
    }
    var byteCount = type.blockBytes
    for size in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard !overflow else { throw error(.size, "its number of bytes overflows 64 bits (shape \(shape))") }
      byteCount = product
    }
    guard offsets[1] - offsets[0] == byteCount else {
      throw error(
        .size,
        "shape \(shape) of \(typeName) needs \(byteCount) bytes, its data_offsets have \(offsets[1] - offsets[0])")
    }
    return TensorInfo(name: member.key, shape: shape, type: type, offset: dataStart + offsets[0])
  }

  static var types: [String: TensorType] { ["F32": .f32, "F16": .f16, "BF16": .bf16] }

  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let elements)? = value else { return nil }
    var numbers: [Int] = []
    for element in elements {
      guard case .integer(let number) = element else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  private static func checkCover(
    _ tensors: [TensorInfo], path: String, dataStart: Int, end: Int
  ) throws(ModelFileError) {
    var expected = dataStart
    for tensor in tensors {
      guard tensor.offset == expected else {
        let isOverlap = tensor.offset < expected
        throw ModelFileError(
          isOverlap ? .conflict : .format, file: path, place: "tensor \"\(tensor.name)\"", offset: tensor.offset,
          isOverlap
            ? "overlaps the tensor before it, which ends at byte \(expected)" : "a hole before it from byte \(expected)"
        )
      }
      expected += tensor.byteCount
    }
    guard expected == end else {
      throw ModelFileError(.size, file: path, offset: expected, "\(end - expected) bytes follow the last tensor")
    }
  }
}
