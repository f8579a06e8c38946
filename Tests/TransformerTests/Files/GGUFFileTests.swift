import Testing
import Transformer

@Suite("Reading GGUF files")
struct GGUFFileTests {
  @Test("Every metadata type is read")
  func metadataTypes() throws {
    try withTemporaryFolder { folder in
      let file = try GGUFBuilder.sample().open(in: folder)
      #expect(try file.string("general.architecture") == "llama")
      #expect(try file.integer("a.uint8") == 200)
      #expect(try file.integer("a.int8") == -1)
      #expect(try file.integer("a.uint16") == 65_535)
      #expect(try file.integer("a.int16") == -2)
      #expect(try file.integer("a.int32") == -3)
      #expect(try file.integer("a.int64") == .min)
      #expect(file.metadata["a.uint64"] == .unsigned(.max, .uint64))
      #expect(try file.float("a.float32") == 0.5)
      #expect(try file.float("a.float64") == 0.25)
      #expect(try file.bool("a.bool"))
      #expect(try file.strings("a.strings") == ["x", "", "π"])
      #expect(try file.integers("a.integers") == [1, -1])
      #expect(file.metadata["a.floats"] == .array(.floats([1.5], .float32)))
      #expect(file.metadata["a.bools"] == .array(.bools([false, true])))
      #expect(file.metadata["a.arrays"] == .array(.arrays([.integers([7, 8], .uint8)])))
      #expect(try file.integerIfPresent("a.absent") == nil)
    }
  }

  @Test("Tensors have the shape PyTorch would print, and their values")
  func tensors() throws {
    try withTemporaryFolder { folder in
      let file = try GGUFBuilder.sample().open(in: folder)
      #expect(file.tensors.map(\.name) == ["one", "two", "three"])
      #expect(try file.tensor("two").shape == [3, 32])
      #expect(try file.values("one") == [0, 1, 2, 3, 4, 5])
      #expect(file.hasTensor("three") && !file.hasTensor("four"))
    }
  }

  @Test("Version 2 is read")
  func version2() throws {
    var builder = GGUFBuilder.sample()
    builder.version = 2
    try withTemporaryFolder { folder in
      let file = try builder.open(in: folder)
      #expect(file.version == 2)
    }
  }

  @Test("A wrong type, a missing key and a number that does not fit are errors that name file, key and both types")
  func metadataErrors() throws {
    try withTemporaryFolder { folder in
      let file = try GGUFBuilder.sample().open(in: folder)
      #expect(
        message { try file.integer("general.architecture") }
          == "\(folder)/test.gguf, key \"general.architecture\": expected an integer, found string \"llama\"")
      #expect(
        message { try file.strings("a.integers") }
          == "\(folder)/test.gguf, key \"a.integers\": expected an array of strings, found array of int32")
      #expect(
        message { try file.float("a.absent") }
          == "\(folder)/test.gguf, key \"a.absent\": the key is missing; expected a float")
      #expect(message { try file.integer("a.uint64") }.contains("expected an integer, found uint64"))
    }
  }

  @Test("A missing tensor, a wrong shape and a buffer of another size are errors that name the tensor")
  func tensorErrors() throws {
    try withTemporaryFolder { folder in
      let file = try GGUFBuilder.sample().open(in: folder)
      #expect(message { try file.tensor("four") }.contains("tensor \"four\": the file has no such tensor"))
      #expect(message { try file.tensor("one", shape: [3, 2]) }.contains("its shape is [2, 3], expected [3, 2]"))
      var small = [Float](repeating: 0, count: 5)
      let problem = small.withUnsafeMutableBufferPointer { buffer in message { try file.read("one", into: buffer) } }
      #expect(problem.contains("it has 6 values (shape [2, 3]), expected 5"))
    }
  }

  @Test("A file that does not exist is an error with its name and the system's reason")
  func absentFile() {
    #expect(
      message { try GGUFFile(path: "/nowhere/x.gguf") }
        == "/nowhere/x.gguf: cannot be opened: No such file or directory")
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: String
    let build: @Sendable () -> [UInt8]

    init(_ name: String, _ expected: String, _ change: @escaping @Sendable (inout GGUFBuilder) -> Void) {
      testDescription = name
      self.expected = expected
      build = {
        var builder = GGUFBuilder.sample()
        change(&builder)
        return builder.bytes
      }
    }
  }

  static let damages: [Damage] = [
    Damage("wrong magic", "at byte 0: not a GGUF file") { $0.magic = Array("GGML".utf8) },
    Damage("version 1", "at byte 4: GGUF version 1 is not supported") { $0.version = 1 },
    Damage("big-endian", "(a big-endian file)") { $0.version = UInt32(3).byteSwapped },
    Damage("absurd tensor count", "tensors announced, but only") { $0.tensorCount = .max },
    Damage("absurd key count", "metadata keys announced, but only") { $0.keyCount = 1 << 40 },
    Damage("one tensor too many", "tensor 3 of 4") { $0.tensorCount = 4 },
    Damage("absurd array count", "key \"a.x\", at byte") {
      $0.add("a.x", .array, GGUFBuilder.bytes(UInt32(8)) + GGUFBuilder.bytes(UInt64(1) << 61))
    },
    Damage("absurd string length", "bytes in the string announced") {
      $0.add("a.x", .string, GGUFBuilder.bytes(UInt64.max))
    },
    Damage("text that is not UTF-8", "key \"a.x\"") { $0.add("a.x", .string, GGUFBuilder.bytes(UInt64(1)) + [0xFF]) },
    Damage("unknown value type", "value type 13 is unknown") {
      $0.add("a.x", .array, GGUFBuilder.bytes(UInt32(13)) + GGUFBuilder.bytes(UInt64(0)))
    },
    Damage("a bool of 2", "a bool is 0 or 1, found 2") { $0.add("a.x", .bool, [2]) },
    Damage("duplicate key", "key \"a.bool\", at byte") { $0.add("a.bool", .bool, [1]) },
    Damage("nested arrays", "arrays are nested deeper than 4") {
      let level = GGUFBuilder.bytes(UInt32(9)) + GGUFBuilder.bytes(UInt64(1))
      $0.add(
        "a.x", .array,
        level + level + level + level + level + GGUFBuilder.bytes(UInt32(0)) + GGUFBuilder.bytes(UInt64(0)))
    },
    Damage("duplicate tensor", "tensor \"three\"") {
      $0.addTensor("three", shape: [1], type: .f32, data: [0, 0, 0, 0])
    },
    Damage("misaligned tensor", "is not a multiple of the alignment 32") { $0.changeLastTensor { $0.offset += 1 } },
    Damage("overlapping tensors", "overlaps tensor") { $0.changeLastTensor { $0.offset = 0 } },
    Damage("tensor out of range", "ends outside the file") { $0.changeLastTensor { $0.offset = 1 << 40 } },
    Damage("tensor offset near the end of 64 bits", "ends outside the file") {
      $0.changeLastTensor { $0.offset = .max - 31 }
    },
    Damage("a tensor larger than the file", "ends outside the file") {
      $0.changeLastTensor { $0.dimensions = [1 << 40] }
    },
    Damage("element count overflows", "the number of elements overflows") {
      $0.changeLastTensor { $0.dimensions = [1 << 40, 1 << 40] }
    },
    Damage("byte count overflows", "ends outside the file") { $0.changeLastTensor { $0.dimensions = [1 << 62] } },
    Damage("a dimension of zero", "a dimension of 0 is not allowed") {
      $0.changeLastTensor { $0.dimensions = [4, 0] }
    },
    Damage("no dimensions", "0 dimensions; 1 to 4 are allowed") { $0.changeLastTensor { $0.dimensions = [] } },
    Damage("five dimensions", "5 dimensions; 1 to 4") { $0.changeLastTensor { $0.dimensions = [1, 1, 1, 1, 1] } },
    Damage("unknown tensor type", "tensor type 16 is not supported") { $0.changeLastTensor { $0.type = 16 } },
    Damage("a row that is no multiple of the block", "must be a multiple of 32 values") {
      $0.changeLastTensor { $0.type = 8 }
    },
    Damage("a name too long", "the name has 300 bytes, at most 256") {
      $0.changeLastTensor { $0.name = String(repeating: "n", count: 300) }
    },
  ]

  @Test("A damaged file is refused with the place of the damage", arguments: damages)
  func damaged(_ damage: Damage) throws {
    try withTemporaryFolder { folder in
      let found = message { try GGUFBuilder.open(damage.build(), in: folder) }
      #expect(found.hasPrefix(folder + "/test.gguf") && found.contains(damage.expected), "\(found)")
    }
  }

  @Test("An alignment that is not a power of two is refused")
  func alignment() throws {
    var builder = GGUFBuilder()
    builder.add("general.alignment", uint32: 48)
    try withTemporaryFolder { folder in
      let found = message { try builder.open(in: folder) }
      #expect(found.contains("key \"general.alignment\": must be a uint32, a power of two"), "\(found)")
    }
  }

  @Test("A file cut at any byte is refused")
  func truncated() throws {
    let bytes = GGUFBuilder.sample().bytes
    try withTemporaryFolder { folder in
      for length in 0..<bytes.count {
        #expect(throws: ModelFileError.self, "cut at \(length)") {
          try GGUFBuilder.open(Array(bytes.prefix(length)), in: folder)
        }
      }
    }
  }

  /// Whatever the bytes, the reader returns or throws `ModelFileError`; a trap would end the test process.
  @Test("Twelve thousand mutated files are read or refused, never a crash")
  func mutated() throws {
    let original = GGUFBuilder.sample().bytes
    var random = SeededBytes(state: 7)
    var refused = 0
    try withTemporaryFolder { folder in
      for _ in 0..<12_000 {
        let bytes = Self.mutate(original, &random)
        do {
          let file = try GGUFBuilder.open(bytes, in: folder)
          for tensor in file.tensors { _ = try file.values(tensor.name) }
        } catch is ModelFileError {
          refused += 1
        }
      }
    }
    #expect(refused > 4_000 && refused < 12_000, "\(refused) of 12000 refused")
  }

  private static func mutate(_ original: [UInt8], _ random: inout SeededBytes) -> [UInt8] {
    let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
    var bytes = original
    for _ in 0...random.below(3) {
      let at = random.below(bytes.count)
      switch random.below(6) {
      case 0: bytes[at] = random.byte()
      case 1: bytes[at] ^= 1 << UInt8(random.below(8))
      case 2: for i in at..<min(at + 8, bytes.count) { bytes[i] = extremes[random.below(extremes.count)] }
      case 3: bytes.removeSubrange(at..<min(at + 1 + random.below(16), bytes.count))
      case 4: bytes.insert(contentsOf: (0..<1 + random.below(16)).map { _ in random.byte() }, at: at)
      default: bytes = Array(bytes.prefix(max(1, at)))
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }

  private func message<Result>(_ body: () throws -> Result) -> String {
    do {
      _ = try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }
}
