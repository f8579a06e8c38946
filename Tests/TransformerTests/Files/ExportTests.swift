import Foundation
import Tensor
import Testing
import Transformer

@Suite("Exports")
struct ExportTests {
  typealias Architecture = ModelConfiguration.Architecture

  @Test(
    "What is written as F32 is read back: configuration, weights to the bit, tokenizer, template",
    arguments: [Architecture.llama, .qwen2], SmallModel.Format.allCases)
  func roundTrip(architecture: Architecture, format: SmallModel.Format) throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(architecture)
      let stored = try StoredModel(path: try model.write(format, in: folder))
      #expect(stored.configuration == model.configuration)
      #expect(try Parameters(stored).bits == model.parameters.bits)
      let tokenizer = try stored.tokenizerDefinition()
      #expect(tokenizer.preTokenizer == model.tokenizer.preTokenizer)
      #expect(tokenizer.tokens == model.tokenizer.tokens)
      #expect(tokenizer.kinds == model.tokenizer.kinds)
      #expect(tokenizer.merges == model.tokenizer.merges)
      #expect(tokenizer.beginningToken == 259 && tokenizer.endToken == 260 && tokenizer.paddingToken == 258)
      #expect(try stored.chatTemplateText() == SmallModel.template)
    }
  }

  @Test(
    "The rows of Llama's queries and keys in a folder are in transformers' order, one half of a head after the other")
  func rowOrder() throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.llama)
      let query = try #require(model.parameters.layout.views.first { $0.name == "blk.0.attn_q.weight" })
      for index in 0..<query.count { model.parameters.elements(query)[index] = Float(index / 48) }
      let path = try model.write(.folder, in: folder)
      let file = try SafetensorsFile(path: path + "/model.safetensors")
      let info = try #require(file.tensor("model.layers.0.self_attn.q_proj.weight"))
      var values = [Float](repeating: .nan, count: info.elementCount)
      values.withUnsafeMutableBufferPointer { file.read(info, into: $0) }
      let rows = (0..<64).map { Int(values[$0 * 48]) }
      #expect(Array(rows[..<16]) == [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15])
      #expect(Array(rows[16..<20]) == [16, 18, 20, 22])
    }
  }

  @Test(
    "F16 and BF16 exports hold the nearest numbers; vectors of a GGUF file stay F32",
    arguments: [TensorType.f16, .bf16])
  func narrow(type: TensorType) throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.qwen2)
      let file = try GGUFFile(path: try model.write(.gguf, in: folder, type: type))
      let stored = try StoredModel(path: try model.write(.folder, in: folder, type: type))
      let read = try Parameters(stored)
      for view in model.parameters.layout.views {
        #expect(try file.tensor(view.name).type == (view.shape.count == 1 ? .f32 : type))
        for (exact, found) in zip(model.parameters.elements(view), read.elements(view)) {
          #expect(found == (type == .f16 ? Float(Float16(exact)) : Self.nearestBrainFloat(exact)))
        }
      }
    }
  }

  /// By search among the two neighbours, not by the rounding trick of the encoder.
  private static func nearestBrainFloat(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let above = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
    let (low, high) = ((value - below).magnitude, (above - value).magnitude)
    if low == high { return below.bitPattern >> 16 & 1 == 0 ? below : above }
    return low < high ? below : above
  }

  @Test(
    "A weight beyond F16 is refused with its tensor, and nothing is left behind", arguments: SmallModel.Format.allCases)
  func overflow(format: SmallModel.Format) throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.llama)
      model.elements("blk.1.ffn_gate.weight")[7] = 70_000
      let error = #expect(throws: ModelFileError.self) { try model.write(format, in: folder, type: .f16) }
      #expect(
        error?.description.contains("tensor \"blk.1.ffn_gate.weight\": the weight 70000.0 does not fit F16") == true)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }

  @Test("What is there is replaced only when asked for, and then whole", arguments: SmallModel.Format.allCases)
  func replacing(format: SmallModel.Format) throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel(seed: 1).write(format, in: folder)
      let digest = try StoredModel.digest(path: path)
      let error = #expect(throws: ModelFileError.self) { try SmallModel(seed: 2).write(format, in: folder) }
      #expect(error?.code == .conflict)
      #expect(try StoredModel.digest(path: path) == digest)
      let other = SmallModel(seed: 2)
      switch format {
      case .gguf: try other.export().writeGGUF(path, replacing: true)
      case .folder: try other.export().writeFolder(path, replacing: true)
      }
      #expect(try Parameters(StoredModel(path: path)).bits == other.parameters.bits)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
    }
  }

  @Test("A folder that holds something else is not replaced")
  func foreignFolder() throws {
    try withTemporaryFolder { folder in
      try Data("mine".utf8).write(to: URL(fileURLWithPath: folder + "/thesis.txt"))
      let error = #expect(throws: ModelFileError.self) {
        try SmallModel().export().writeFolder(folder, replacing: true)
      }
      #expect(error?.description.contains("thesis.txt") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["thesis.txt"])
    }
  }

  @Test("What a killed export left half written is no obstacle", arguments: SmallModel.Format.allCases)
  func leftovers(format: SmallModel.Format) throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/small.temporary", withIntermediateDirectories: false)
      for name in ["small.temporary/model.safetensors.temporary", "small.gguf.temporary"] {
        try Data("half".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
      }
      _ = try StoredModel(path: try SmallModel().write(format, in: folder))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }
  }

  @Test("The digest of a folder is that of what sha256sum prints for the files that are read")
  func folderDigest() throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel().write(.folder, in: folder)
      let digest = try StoredModel.digest(path: path)
      let names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
      let lines = try names.map { name in
        try fileBytes(path + "/" + name).withUnsafeBytes { ContentDigest.hexadecimal(of: $0) } + "  \(name)\n"
      }
      #expect(digest == Array(lines.joined().utf8).withUnsafeBytes { ContentDigest.hexadecimal(of: $0) })
      try Data("other".utf8).write(to: URL(fileURLWithPath: path + "/README.md"))
      #expect(try StoredModel.digest(path: path) == digest)
      try editFile(path + "/config.json", "\"rope_theta\": 10000.0", "\"rope_theta\": 20000.0")
      #expect(try StoredModel.digest(path: path) != digest)
    }
  }

  @Test("float16: every number, and what lies halfway to its neighbour, is rounded to nearest, ties to even")
  func halves() throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.llama)
      let embedding = model.elements("token_embd.weight")
      // 0x7BFF is the largest; neighbours of subnormal and normal numbers are both among these.
      let patterns = stride(from: UInt16(0), through: 0x7BFE, by: 7)
      let exact = patterns.flatMap { bits -> [Float] in
        let (low, high) = (Float(Float16(bitPattern: bits)), Float(Float16(bitPattern: bits + 1)))
        return [low, (low + high) / 2, ((low + high) / 2).nextDown, -((low + high) / 2).nextUp]
      }
      for start in stride(from: 0, to: exact.count, by: embedding.count) {
        let piece = exact[start..<min(exact.count, start + embedding.count)]
        for (index, value) in piece.enumerated() { embedding[index] = value }
        let path = folder + "/half.gguf"
        try model.export(.f16).writeGGUF(path, replacing: true)
        let read = try GGUFFile(path: path).values("token_embd.weight")
        #expect(zip(piece, read).allSatisfy { Float(Float16($0)).bitPattern == $1.bitPattern })
      }
    }
  }
}
