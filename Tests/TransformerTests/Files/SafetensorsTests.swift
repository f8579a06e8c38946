import Foundation
import Testing
import Transformer

@Suite("Reading safetensors files")
struct SafetensorsTests {
  /// A header and data, well-formed or not.
  private static func bytes(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    let json = Array(header.utf8)
    return GGUFBuilder.bytes(length ?? UInt64(json.count)) + json
      + (0..<data).map { UInt8(truncatingIfNeeded: $0 &* 7) }
  }

  private static let good = #"""
    {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
     "b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"F16","shape":[],"data_offsets":[32,34]}}
    """#

  @Test("Tensors, shapes and metadata are read")
  func reads() throws {
    try withTemporaryFolder { folder in
      let file = try open(Self.bytes(Self.good + "   ", data: 34), folder)
      #expect(file.tensors.map(\.name) == ["a", "b", "c"] && file.metadata == ["format": "pt"])
      #expect(file.tensor("a")?.shape == [2, 3] && file.tensor("c")?.shape == [] && file.tensor("x") == nil)
      var values = [Float](repeating: 0, count: 4)
      values.withUnsafeMutableBufferPointer { file.read(file.tensors[1], into: $0) }
      // Bytes 24… of the data: 24·7, 25·7 and so on, as the upper halves of float32.
      #expect(values[0].bitPattern == (UInt32(UInt8(truncatingIfNeeded: 25 * 7)) << 8 | UInt32(24 * 7)) << 16)
    }
  }

  private static func entry(_ type: String, _ shape: String, _ offsets: String) -> String {
    #"{"a":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  static let damages: [(name: String, expected: String, bytes: [UInt8])] = [
    ("no header", "the number of bytes in the header needs 8 bytes", [1, 2, 3]),
    ("an absurd header length", "bytes in the header announced, but only", bytes("{}", data: 0, length: .max)),
    ("a header beyond the file", "announced, but only 2 bytes follow", bytes("{}", data: 0, length: 3)),
    ("no JSON", "header, at byte 8: JSON: expected a value", bytes("xx", data: 0)),
    ("an array", "header, at byte 8: not a JSON object", bytes("[]", data: 0)),
    ("a tensor twice", "the name \"a\" occurs twice", bytes(#"{"a":1,"a":2}"#, data: 0)),
    (
      "an unknown type", "dtype \"I64\" is not supported; supported are BF16, F16, F32",
      bytes(entry("I64", "[1]", "[0,8]"), data: 8)
    ),
    ("a negative size", "positive integers", bytes(entry("F32", "[-1]", "[0,4]"), data: 4)),
    ("a size of zero", "positive integers", bytes(entry("F32", "[0]", "[0,0]"), data: 0)),
    ("a fraction", "positive integers", bytes(entry("F32", "[1.5]", "[0,4]"), data: 4)),
    ("a size that overflows", "overflows 64 bits", bytes(entry("F32", "[4611686018427387904,4]", "[0,4]"), data: 4)),
    ("a size beyond an integer", "positive integers", bytes(entry("F32", "[99999999999999999999]", "[0,4]"), data: 4)),
    ("offsets beyond the file", "the data section has 4 bytes", bytes(entry("F32", "[2]", "[0,8]"), data: 4)),
    ("offsets the wrong way round", "two integers", bytes(entry("F32", "[1]", "[4,0]"), data: 4)),
    ("negative offsets", "two integers", bytes(entry("F32", "[1]", "[-4,0]"), data: 4)),
    (
      "another size than the shape's", "needs 8 bytes, its data_offsets have 4",
      bytes(entry("F32", "[2]", "[0,4]"), data: 4)
    ),
    ("a hole in front", "a hole before it", bytes(entry("F32", "[1]", "[4,8]"), data: 8)),
    ("bytes behind the last", "3 bytes follow the last tensor", bytes(entry("F32", "[1]", "[0,4]"), data: 7)),
    (
      "overlapping tensors", "tensor \"b\", at byte",
      bytes(
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        data: 8)
    ),
    ("metadata that is no text", "\"x\" is 1, expected a string", bytes(#"{"__metadata__":{"x":1}}"#, data: 0)),
  ]

  @Test("A damaged file is refused with file, tensor and offset", arguments: damages.indices)
  func damaged(_ index: Int) throws {
    let damage = Self.damages[index]
    try withTemporaryFolder { folder in
      let error = #expect(throws: ModelFileError.self, "\(damage.name)") { try open(damage.bytes, folder) }
      #expect(error?.description.hasPrefix(folder + "/x.safetensors") == true)
      #expect(error?.offset != nil || damage.name.hasPrefix("metadata"))
      #expect(error?.description.contains(damage.expected) == true, "\(damage.name): \(String(describing: error))")
    }
  }

  @Test("A file cut at any byte is refused")
  func truncated() throws {
    let bytes = Self.bytes(Self.good, data: 34)
    try withTemporaryFolder { folder in
      for length in 0..<bytes.count {
        #expect(throws: ModelFileError.self, "cut at \(length)") { try open(Array(bytes.prefix(length)), folder) }
      }
    }
  }

  private func open(_ bytes: [UInt8], _ folder: String) throws -> SafetensorsFile {
    let path = folder + "/x.safetensors"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try SafetensorsFile(path: path)
  }
}
