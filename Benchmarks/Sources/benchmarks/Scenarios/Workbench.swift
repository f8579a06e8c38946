import Tensor
import Transformer

/// A real model in memory, and the cost of its tokens.
struct Workbench {
  let decoder: Decoder
  let tokenizer: Tokenizer
  /// Token ids of no meaning, in the vocabulary of any model.
  let tokens = (0..<4096).map { Int32(1000 + $0 % 9_001) }

  /// Reads a GGUF file. The rows of the end-of-text tokens in the output matrix are set to zero when `endless`: their
  /// logits are 0, some fifteen below the likely tokens', so that every sample goes on to its limit of tokens.
  init(_ bench: Bench, endless: Bool = false) throws {
    let stored = try StoredModel(path: bench.model)
    let (configuration, parameters) = (stored.configuration, try Parameters(stored))
    tokenizer = try Tokenizer(stored.tokenizerDefinition())
    if endless {
      let output = parameters[Self.output(parameters.layout.views)]
      for token in tokenizer.endOfTextTokens {
        (output + Int(token) * configuration.hidden).update(repeating: 0, count: configuration.hidden)
      }
    }
    decoder = Decoder(
      configuration: configuration, parameters: parameters, pool: ThreadPool(threads: bench.threads))
  }

  /// Multiply-adds of one token in the matrices of all blocks, times two.
  var blockFlops: Double {
    let matrices = decoder.tensors.filter { $0.name.hasPrefix("blk.") && $0.shape.count == 2 }
    return 2 * Double(matrices.reduce(0) { $0 + $1.count })
  }

  /// The same of one row of logits.
  var headFlops: Double { 2 * Double(Self.output(decoder.tensors).count) }

  /// The output matrix: the embedding where it is tied.
  private static func output(_ views: [ParameterView]) -> ParameterView {
    views.first { $0.name == "output.weight" } ?? views[0]
  }

  /// Bytes of the weights a decode step reads.
  var weightBytes: Double { (blockFlops + headFlops) / 2 * Double(MemoryLayout<Float>.stride) }

  /// A program of at least `count` tokens, cut after a line.
  func prompt(tokens count: Int) -> String {
    var text = "# Small functions and what they return.\n"
    var number = 0
    while tokenizer.encode(text, allowSpecial: false).count < count {
      text += "def f\(number)(x):\n    return x + \(number)\n"
      number += 1
    }
    return text
  }
}
