import Testing
import Transformer

/// Digests made by `Tests/Reference/dequantize_digests.py` with the PyPI package `gguf` 0.19.0.
@Suite("Expanding tensor encodings")
struct DequantizeTests {
  static let cases: [(type: TensorType, halves: [Int], digest: String)] = [
    (.f32, [2], "c9c3f817cc5bcaa8188dcc78faba196e13e4e1b47cbfb539a34599cfb90010b1"),
    (.f16, [0], "690316deacd36481f874bc85abf3ecbc7ce73cda9582d563453ea6e8db588efd"),
    (.bf16, [0], "c140067a6d393d5b12e4a6a369821c32d9e4a3538eb2493c1b73b53fe99de131"),
    (.q4_0, [0], "7a6ac86e2abb687653a1a6bc8ccb614ea65bdee175aefa86cca54966c60bc61c"),
    (.q4_1, [0, 2], "93f2b1cf868011a8c6f95dacee0b654e761408667af2bd2b4e47100adc023faa"),
    (.q5_0, [0], "0f24497104d07b93d21f24e71566b60e0002f7bea025da31c51d99b44e35a077"),
    (.q5_1, [0, 2], "6d8ce366d23896cbd4282685041005ca795326b5d2223e85c7028948eca602a7"),
    (.q8_0, [0], "269ab92447e033c4d2c30bed8c4340c20e8fc0be8485ea7e17a8388128174fdc"),
    (.q4_K, [0, 2], "639411908240a8b48d859cde6546efdc843f98bd2e552341962d2a74451791b0"),
    (.q5_K, [0, 2], "29e1729637a59674f6939a2646de708006706b0206db0113f0ebe1fa6837ceba"),
    (.q6_K, [208], "ce5711f92f8de654c8e1b6f18217cfcbcd997e56240e14cca7347c5de2020a2b"),
  ]

  @Test("64 pseudo-random blocks expand to the bits ggml's definition gives", arguments: cases)
  func blocksExpandExactly(type: TensorType, halves: [Int], digest: String) throws {
    var random = SeededBytes(state: 20)
    var bytes = (0..<64 * type.blockBytes).map { _ in random.byte() }
    for block in 0..<64 {
      for half in halves { bytes[block * type.blockBytes + half + 1] &= 0xBF }
    }
    var builder = GGUFBuilder()
    builder.addTensor("t", shape: [64, type.blockElements], type: type, data: bytes)
    try withTemporaryFolder { folder in
      let file = try builder.open(in: folder)
      let values = try file.values("t")
      #expect(values.withUnsafeBufferPointer { ContentDigest.hexadecimal(of: $0) } == digest)
    }
  }

  static let smolLM2: [(tensor: String, shape: [Int], digest: String)] = [
    ("token_embd.weight", [49152, 576], "3fd491c8066dd9dc1a2bf6796701526c82817d95c0ecabacdef3013c2b8bbbaa"),
    ("blk.0.ffn_down.weight", [576, 1536], "0b78b2226f740ed5594510ed990ea6c2846a6a889ab07cf251e4a489df1d75b0"),
    ("blk.29.attn_k.weight", [192, 576], "d04be5749e5dec2b8fc937f672e6bfd5c67a10bbd4d15c98f0d6b5f221791a62"),
    ("output_norm.weight", [576], "3b87f8e27335e67fc08f159cabfd2d18f205d6c5b225a6f978153552bf01d559"),
  ]

  @Test(
    "Tensors of SmolLM2 expand to the reference's bits",
    .enabled(if: ReferenceFiles.smolLM2.isUsable, ReferenceFiles.smolLM2.reason), arguments: smolLM2)
  func smolLM2ExpandsExactly(tensor: String, shape: [Int], digest: String) throws {
    let file = try GGUFFile(path: ReferenceFiles.smolLM2.path)
    #expect(try file.tensor(tensor, shape: shape).shape == shape)
    let values = try file.values(tensor)
    #expect(values.withUnsafeBufferPointer { ContentDigest.hexadecimal(of: $0) } == digest)
  }
}
