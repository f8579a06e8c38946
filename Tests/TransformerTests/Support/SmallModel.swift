import Foundation
import Tensor
import Transformer

/// A whole small model, tokenizer and template included, as an experiment would export it.
struct SmallModel {
  var configuration: ModelConfiguration
  let parameters: Parameters
  var tokenizer: TokenizerDefinition

  static let template =
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"

  /// 256 bytes, two merges, control tokens, one of the user's and an unused one: 263 tokens.
  init(_ architecture: ModelConfiguration.Architecture = .llama, seed: UInt64 = 5) {
    let isQwen = architecture == .qwen2
    let tokens =
      SmallTokenizer.alphabet
      + ["ab", "abc", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "[PAD262]"]
    tokenizer = TokenizerDefinition(
      source: "small", preTokenizer: isQwen ? .qwen2 : .smolLM, tokens: tokens,
      kinds: Array(repeating: 1, count: 258) + [3, 3, 3, 4, 5], merges: ["a b", "ab c"], beginningToken: 259,
      endToken: 260, paddingToken: 258)
    configuration = ModelConfiguration(
      architecture: architecture, layers: 2, hidden: 48, feedForward: 40,
      attention: AttentionShape(heads: 4, keyValueHeads: 2, headSize: 16), vocabulary: tokens.count, normEpsilon: 1e-5,
      ropeTheta: 10_000, rotaryOrder: isQwen ? .halves : .interleavedPairs, contextLength: 256, tiedOutput: !isQwen,
      attentionBias: isQwen)
    parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.fillRandom(seed: seed)
  }

  /// The weights of the tensor of this name, which the model has.
  func elements(_ name: String) -> UnsafeMutableBufferPointer<Float> {
    guard let view = parameters.layout.views.first(where: { $0.name == name }) else {
      preconditionFailure("no tensor \(name)")
    }
    return parameters.elements(view)
  }

  func export(_ type: TensorType = .f32) -> ModelExport {
    ModelExport(
      configuration: configuration, parameters: parameters, tokenizer: tokenizer, chatTemplate: Self.template,
      name: "small", type: type, provenance: [("policy_version", "3")])
  }

  /// Writes the model in one of the two formats; the path of the file or folder.
  func write(_ format: Format, in folder: String, type: TensorType = .f32) throws -> String {
    switch format {
    case .gguf:
      try export(type).writeGGUF(folder + "/small.gguf", replacing: false)
      return folder + "/small.gguf"
    case .folder:
      try export(type).writeFolder(folder + "/small", replacing: false)
      return folder + "/small"
    }
  }

  enum Format: String, CaseIterable { case gguf, folder }
}

extension Parameters {
  var bits: [UInt32] { UnsafeBufferPointer(start: buffer.pointer, count: buffer.count).map(\.bitPattern) }
}

/// The bytes of a file.
func fileBytes(_ path: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) }

/// Replaces the text of a file; `old` must be in it.
func editFile(_ path: String, _ old: String, _ new: String) throws {
  let text = try String(contentsOfFile: path, encoding: .utf8)
  precondition(text.contains(old), "\(path) has no \(old)")
  try text.replacing(old, with: new, maxReplacements: 1).write(toFile: path, atomically: false, encoding: .utf8)
}
