import Domain
import Transformer

extension PolicyWeights {
  /// The formats other programs read.
  package enum Format: String, CaseIterable, Sendable {
    /// One file, for llama.cpp and its kin.
    case gguf
    /// A Hugging Face folder, for transformers and its kin.
    case safetensors
  }

  /// How the numbers of an export are stored.
  package enum Precision: String, CaseIterable, Sendable {
    /// Exact.
    case f32
    case f16
    case bf16

    var type: TensorType {
      switch self {
      case .f32: .f32
      case .f16: .f16
      case .bf16: .bf16
      }
    }
  }

  /// Writes the weights for other programs. They appear at `path` whole and durable, or not at all.
  ///
  /// - Parameters:
  ///   - name: of the model, for people.
  ///   - experiment: whose weights they are, for the metadata; nil for a published model.
  ///   - replacing: whether what is at `path` may be replaced.
  /// - Throws: `ModelFileError`.
  package func write(
    _ format: Format, as precision: Precision, to path: String, name: String, experiment: String?, replacing: Bool
  ) throws {
    let export = try export(
      as: precision.type, name: name, origin: experiment.map { [("experiment", $0)] } ?? [])
    switch format {
    case .gguf: try export.writeGGUF(path, replacing: replacing)
    case .safetensors: try export.writeFolder(path, replacing: replacing)
    }
  }

  /// A prompt as it is written to the model.
  package enum Prompt: Sendable {
    /// The text itself, as experiments prompt.
    case plain(String)
    /// The text as a user's message in the model's chat template.
    case chat(String)
  }

  /// A generator and the prompt's token ids.
  ///
  /// - Throws: `ModelFileError` for an unfit tokenizer, or no or another chat template where one is needed.
  package func prepare(_ prompt: Prompt, threads: Int) throws -> (generator: TextGenerator, ids: [Int32]) {
    let generator = try TextGenerator(self, threads: threads)
    switch prompt {
    case .plain(let text): return (generator, generator.encode(text))
    case .chat(let text): return (generator, generator.encode(message: text, template: try ChatTemplate(base)))
    }
  }
}
