import Domain
import Engine
import Foundation
import Testing
import Transformer

/// SmolLM2 written as this engine exports it, and read again.
@Suite("Loading models", .enabled(if: ReferenceFiles.smolLM2.isUsable, ReferenceFiles.smolLM2.reason))
struct LoadingTests {
  @Test("The GGUF file and the folder we export hold the weights and the tokenizer of the model, to the bit")
  func exports() throws {
    try withTemporaryFolder { folder in
      let weights = try PolicyWeights(model: ReferenceFiles.smolLM2.path, digest: "")
      let tokenizer = try Tokenizer(weights.base.tokenizerDefinition())
      let texts = ["def f(x):\n    return x², 12345 — naïve 元", "<|im_start|>user\nhi<|im_end|>\n", " \t\n  x"]
      for format in PolicyWeights.Format.allCases {
        let path = folder + "/" + format.rawValue
        try weights.write(format, as: .f32, to: path, name: "copy", experiment: nil, replacing: false)
        let copy = try PolicyWeights(model: path, digest: Model.digest(of: path))
        #expect(copy.digest == weights.digest)
        #expect(copy.base.configuration == weights.base.configuration)
        #expect(try copy.base.chatTemplateText() == weights.base.chatTemplateText())
        let other = try Tokenizer(copy.base.tokenizerDefinition())
        for text in texts {
          for allowSpecial in [false, true] {
            #expect(
              other.encode(text, allowSpecial: allowSpecial) == tokenizer.encode(text, allowSpecial: allowSpecial))
          }
        }
        #expect(other.endOfTextTokens == tokenizer.endOfTextTokens)
        try FileManager.default.removeItem(atPath: path)
      }
    }
  }

  @Test("Another model than recorded is refused with both digests")
  func wrongModel() throws {
    let wrong = String(repeating: "0", count: 64)
    do {
      _ = try PolicyWeights(model: ReferenceFiles.smolLM2.path, digest: wrong)
      Issue.record("accepted")
    } catch let error as EngineError {
      guard case .wrongModel(_, let found, let expected) = error else { throw error }
      #expect(expected == wrong && found.count == 64 && found != wrong)
    }
  }
}
