import Foundation
import Transformer

/// Writes small GGUF files for tests, well-formed unless told otherwise.
struct GGUFBuilder {
  var magic: [UInt8] = Array("GGUF".utf8)
  var version: UInt32 = 3
  var alignment = 32
  var tensorCount: UInt64?
  var keyCount: UInt64?
  private(set) var keys: [(name: String, type: GGUFValueType, payload: [UInt8])] = []
  private(set) var tensors: [Tensor] = []

  struct Tensor {
    var name: String
    var dimensions: [UInt64]
    var type: UInt32
    var offset: UInt64
    var data: [UInt8]
  }

  static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
  }
  static func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }

  mutating func add(_ key: String, _ type: GGUFValueType, _ payload: [UInt8]) { keys.append((key, type, payload)) }
  mutating func add(_ key: String, _ text: String) { add(key, .string, Self.string(text)) }
  mutating func add(_ key: String, uint32 value: UInt32) { add(key, .uint32, Self.bytes(value)) }

  mutating func addArray(_ key: String, _ type: GGUFValueType, _ elements: [[UInt8]]) {
    add(key, .array, Self.bytes(type.rawValue) + Self.bytes(UInt64(elements.count)) + elements.flatMap(\.self))
  }

  /// Appends a tensor after the earlier ones, aligned.
  mutating func addTensor(_ name: String, shape: [Int], type: TensorType, data: [UInt8]) {
    let end = tensors.last.map { Int($0.offset) + $0.data.count } ?? 0
    let offset = (end + alignment - 1) / alignment * alignment
    tensors.append(
      Tensor(
        name: name, dimensions: shape.reversed().map { UInt64($0) }, type: type.rawValue, offset: UInt64(offset),
        data: data))
  }

  mutating func changeLastTensor(_ change: (inout Tensor) -> Void) { change(&tensors[tensors.count - 1]) }

  var bytes: [UInt8] {
    var out = magic + Self.bytes(version)
    out += Self.bytes(tensorCount ?? UInt64(tensors.count)) + Self.bytes(keyCount ?? UInt64(keys.count))
    for key in keys { out += Self.string(key.name) + Self.bytes(key.type.rawValue) + key.payload }
    for tensor in tensors {
      out += Self.string(tensor.name) + Self.bytes(UInt32(tensor.dimensions.count))
      out += tensor.dimensions.flatMap { Self.bytes($0) } + Self.bytes(tensor.type) + Self.bytes(tensor.offset)
    }
    let start = (out.count + alignment - 1) / alignment * alignment
    for tensor in tensors {
      let offset = start + Int(truncatingIfNeeded: tensor.offset)
      guard offset >= out.count, offset < 1 << 20 else { continue }
      out += [UInt8](repeating: 0, count: offset - out.count) + tensor.data
    }
    return out
  }

  func open(in folder: String) throws -> GGUFFile { try Self.open(bytes, in: folder) }

  static func open(_ bytes: [UInt8], in folder: String) throws -> GGUFFile {
    let path = folder + "/test.gguf"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try GGUFFile(path: path)
  }

  /// A file with a value of every type and three tensors.
  static func sample() -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "llama")
    builder.add("general.alignment", uint32: 32)
    builder.add("a.uint8", .uint8, [200])
    builder.add("a.int8", .int8, [0xFF])
    builder.add("a.uint16", .uint16, bytes(UInt16(65_535)))
    builder.add("a.int16", .int16, bytes(Int16(-2)))
    builder.add("a.int32", .int32, bytes(Int32(-3)))
    builder.add("a.uint64", .uint64, bytes(UInt64.max))
    builder.add("a.int64", .int64, bytes(Int64.min))
    builder.add("a.float32", .float32, bytes(Float(0.5).bitPattern))
    builder.add("a.float64", .float64, bytes(0.25.bitPattern))
    builder.add("a.bool", .bool, [1])
    builder.addArray("a.strings", .string, ["x", "", "π"].map { string($0) })
    builder.addArray("a.integers", .int32, [1, -1].map { bytes(Int32($0)) })
    builder.addArray("a.floats", .float32, [bytes(Float(1.5).bitPattern)])
    builder.addArray("a.bools", .bool, [[0], [1]])
    builder.addArray("a.arrays", .array, [bytes(UInt32(0)) + bytes(UInt64(2)) + [7, 8]])
    builder.addTensor("one", shape: [2, 3], type: .f32, data: (0..<6).flatMap { bytes(Float($0).bitPattern) })
    builder.addTensor("two", shape: [3, 32], type: .q8_0, data: [UInt8](repeating: 3, count: 3 * 34))
    builder.addTensor("three", shape: [5], type: .f16, data: [UInt8](repeating: 0x3C, count: 10))
    return builder
  }
}

extension GGUFFile {
  /// All values of a tensor.
  func values(_ name: String) throws -> [Float] {
    var values = [Float](repeating: .nan, count: try tensor(name).elementCount)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(ModelFileError) in try read(name, into: buffer) }
    return values
  }
}
