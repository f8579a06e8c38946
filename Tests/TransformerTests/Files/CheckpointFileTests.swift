import Foundation
import Testing
import Transformer

@Suite("Checkpoint files")
struct CheckpointFileTests {
  private static let header = CheckpointHeader(
    experiment: "0198c0de-0000-7000-8000-000000000001", policyVersion: 3, optimizerStep: 3, modelDigest: "ab12",
    tensors: [.init(name: "token_embd.weight", shape: [2, 3]), .init(name: "output_norm.weight", shape: [3])],
    logHead: .init(position: 120, hash: "c0ffee"))
  private static let arrays: [[Float]] = (0..<3).map { array in (0..<9).map { Float($0) + Float(array) / 4 } }

  @Test("What is written is read back, bit for bit")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      var arrays = Self.arrays
      arrays[0][0] = Float(bitPattern: 0x7FC0_0001)
      arrays[1][8] = -0.0
      let written = try write(folder, arrays)
      let file = try CheckpointFile(path: written.path)
      #expect(file.header == Self.header)
      #expect(file.digest == written.digest && file.digests == written.digests)
      #expect(try read(file).map { $0.map(\.bitPattern) } == arrays.map { $0.map(\.bitPattern) })
    }
  }

  @Test("The name follows from the content, and nothing else is left in the folder")
  func contentAddress() throws {
    try withTemporaryFolder { folder in
      let first = try write(folder, Self.arrays)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: first.path))
      #expect(try write(folder, Self.arrays) == first)
      #expect(try Data(contentsOf: URL(fileURLWithPath: first.path)) == bytes)
      #expect(bytes.count == first.byteCount)
      #expect(first.path == "\(folder)/\(first.digest.prefix(32)).checkpoint")
      var others = Self.arrays
      others[2][0] += 1
      #expect(try write(folder, others).path != first.path)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }
  }

  @Test("A byte changed anywhere is noticed")
  func changedByte() throws {
    try withTemporaryFolder { folder in
      let written = try write(folder, Self.arrays)
      let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: written.path)))
      for index in bytes.indices {
        var changed = bytes
        changed[index] ^= 0x10
        #expect(throws: ModelFileError.self, "byte \(index)") { try open(changed, folder) }
      }
    }
  }

  @Test("A file that is cut or continued is refused")
  func wrongSize() throws {
    try withTemporaryFolder { folder in
      let written = try write(folder, Self.arrays)
      let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: written.path)))
      for length in 0..<bytes.count {
        #expect(throws: ModelFileError.self, "\(length)") { try open(Array(bytes.prefix(length)), folder) }
      }
      #expect(throws: ModelFileError.self) { try open(bytes + [0], folder) }
    }
  }

  @Test("A header whose sizes overflow is refused, also with a right digest")
  func absurdSizes() throws {
    let shapes = ["[4611686018427387904,4]", "[-1]", "[9223372036854775807],\"x\":[1]"]
    try withTemporaryFolder { folder in
      let written = try write(folder, Self.arrays)
      let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: written.path)))
      let length = Int(bytes[12]) | Int(bytes[13]) << 8
      let json = String(decoding: bytes[80..<80 + length], as: UTF8.self)
      for shape in shapes {
        let changed = Array(json.replacingOccurrences(of: "[2,3]", with: shape).utf8)
        let digest = changed.withUnsafeBytes { ContentDigest.hexadecimal(of: $0) }
        var file = Array(bytes[..<12]) + GGUFBuilder.bytes(UInt32(changed.count)) + Array(digest.utf8) + changed
        file += [UInt8](repeating: 0, count: (file.count + 63) / 64 * 64 - file.count)
        #expect(throws: ModelFileError.self, "\(shape)") { try open(file, folder) }
      }
    }
  }

  @Test("The error of a damaged array names the file, the array and both digests")
  func damagedArray() throws {
    try withTemporaryFolder { folder in
      let written = try write(folder, Self.arrays)
      var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: written.path)))
      bytes[bytes.count - 1] ^= 1
      let error = #expect(throws: ModelFileError.self) { try open(bytes, folder) }
      #expect(error?.code == .digest && error?.place == "second moment")
      #expect(error?.description.contains(written.digests.secondMoment) == true)
    }
  }

  @Test("A folder that does not exist is an error with its name")
  func missingFolder() {
    let error = #expect(throws: ModelFileError.self) { try write("/nowhere", Self.arrays) }
    #expect(error?.code == .system && error?.file.hasPrefix("/nowhere/") == true)
  }

  @discardableResult
  private func write(_ folder: String, _ arrays: [[Float]]) throws -> CheckpointFile.Written {
    try arrays[0].withUnsafeBufferPointer { weights in
      try arrays[1].withUnsafeBufferPointer { first in
        try arrays[2].withUnsafeBufferPointer { second in
          try CheckpointFile.write(
            Self.header, weights: weights, firstMoment: first, secondMoment: second, folder: folder)
        }
      }
    }
  }

  /// Opens `bytes` as a checkpoint and reads all of it.
  private func open(_ bytes: [UInt8], _ folder: String) throws {
    let path = folder + "/damaged"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    _ = try read(CheckpointFile(path: path))
  }

  private func read(_ file: CheckpointFile) throws -> [[Float]] {
    var weights = [Float](repeating: .nan, count: file.parameterCount)
    var first = weights
    var second = weights
    try weights.withUnsafeMutableBufferPointer { try file.readWeights(into: $0) }
    try first.withUnsafeMutableBufferPointer { first in
      try second.withUnsafeMutableBufferPointer { try file.readMoments(first: first, second: $0) }
    }
    return [weights, first, second]
  }
}
