import Foundation
import Testing
import Transformer

/// Whatever the bytes, a reader returns or throws `ModelFileError`; a trap would end the test process.
@Suite("Damaged model files")
struct FuzzTests {
  @Test(
    "Thousands of damaged GGUF models are opened with configuration, tokenizer and weights, or refused",
    arguments: [UInt64(1), 2])
  func gguf(seed: UInt64) throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel(seed == 1 ? .llama : .qwen2).write(.gguf, in: folder, type: .f16)
      let original = try fileBytes(path)
      // The weights are most of the file and say nothing wrong whatever they are: half of the cases spare them.
      let header = original.count - (try weightsSize(path))
      let parts = [(original, []), (Array(original[..<header]), Array(original[header...]))]
      for (part, rest) in parts {
        let refused = try fuzz(part, rest: rest, at: path, cases: 600, seed: seed) { try load(path) }
        #expect(refused > 120 && refused < 600, "\(refused) of 600 refused")
      }
    }
  }

  @Test(
    "Thousands of damages to one file of a folder are read or refused",
    arguments: ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"], [UInt64(3), 4])
  func folder(name: String, seed: UInt64) throws {
    try withTemporaryFolder { folder in
      let path = try SmallModel(seed == 3 ? .llama : .qwen2).write(.folder, in: folder)
      let refused = try fuzz(try fileBytes(path + "/" + name), at: path + "/" + name, cases: 500, seed: seed) {
        try load(path)
      }
      #expect(refused > 75 && refused < 500, "\(refused) of 500 refused")
    }
  }

  @Test("Thousands of damages to the header of a safetensors file are read or refused", arguments: [UInt64(5), 6])
  func safetensors(seed: UInt64) throws {
    let header =
      #"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]}}"#
    let original = GGUFBuilder.bytes(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 1, count: 32)
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let refused = try fuzz(original, at: path, cases: 8_000, seed: seed) {
        let file = try SafetensorsFile(path: path)
        for tensor in file.tensors {
          var values = [Float](repeating: 0, count: tensor.elementCount)
          values.withUnsafeMutableBufferPointer { file.read(tensor, into: $0) }
        }
      }
      #expect(refused > 4_000 && refused < 8_000, "\(refused) of 8000 refused")
    }
  }

  @Test("A damaged index of shards is read or refused", arguments: [UInt64(7)])
  func shardIndex(seed: UInt64) throws {
    try withTemporaryFolder { folder in
      let model = SmallModel(.qwen2)
      let path = try model.write(.folder, in: folder)
      let names = try SafetensorsFile(path: path + "/model.safetensors").tensors.map {
        "\"\($0.name)\":\"model.safetensors\""
      }
      let index = Array(#"{"metadata":{"total_size":1},"weight_map":{\#(names.joined(separator: ","))}}"#.utf8)
      let refused = try fuzz(index, at: path + "/model.safetensors.index.json", cases: 1_000, seed: seed) {
        _ = try StoredModel(path: path)
      }
      #expect(refused > 500 && refused < 1_000, "\(refused) of 1000 refused")
    }
  }

  @Test("No damage to a checkpoint goes unnoticed", arguments: [UInt64(8), 9])
  func checkpoint(seed: UInt64) throws {
    let header = CheckpointHeader(
      experiment: "0198c0de-0000-7000-8000-000000000001", policyVersion: 3, optimizerStep: 3, modelDigest: "ab12",
      tensors: [.init(name: "token_embd.weight", shape: [2, 3]), .init(name: "output_norm.weight", shape: [3])],
      logHead: .init(position: 120, hash: "c0ffee"))
    try withTemporaryFolder { folder in
      let values = [Float](repeating: 0.5, count: 9)
      let written = try values.withUnsafeBufferPointer {
        try CheckpointFile.write(header, weights: $0, firstMoment: $0, secondMoment: $0, folder: folder)
      }
      let original = try fileBytes(written.path)
      let path = folder + "/damaged.checkpoint"
      var same = 0
      let refused = try fuzz(original, at: path, cases: 2_500, seed: seed) {
        if try fileBytes(path) == original { same += 1 }
        try readCheckpoint(path)
      }
      // A damage may restore what another did, or write a byte that was there.
      #expect(refused + same == 2_500 && same < 250, "\(refused) refused, \(same) unchanged")
    }
  }

  private func readCheckpoint(_ path: String) throws {
    let file = try CheckpointFile(path: path)
    var values = [Float](repeating: 0, count: file.parameterCount)
    var others = values
    try values.withUnsafeMutableBufferPointer { (buffer) throws in
      try file.readWeights(into: buffer)
      try others.withUnsafeMutableBufferPointer { try file.readMoments(first: buffer, second: $0) }
    }
  }

  private func weightsSize(_ path: String) throws -> Int {
    let file = try GGUFFile(path: path)
    return try fileBytes(path).count - (file.tensors.map(\.offset).min() ?? 0)
  }

  /// All that happens to a model before it is used.
  private func load(_ path: String) throws {
    let stored = try StoredModel(path: path)
    let tokenizer = try Tokenizer(stored.tokenizerDefinition())
    _ = tokenizer.encode("abc <|im_end|> é 12\n", allowSpecial: true)
    if let text = try stored.chatTemplateText(), text.contains("<|im_start|>"), text.contains("<|im_end|>") {
      _ = try ChatTemplate(stored)
    }
    _ = try Parameters(stored)
  }
}
