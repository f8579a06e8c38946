import ArgumentParser
import Daemon
import Engine
import Foundation

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write weights for other programs: a GGUF file or a Hugging Face folder.",
    discussion: """
      f32, the default, is exact: other programs compute the same logits up to the order of their sums. The weights of an \
      older version come from its checkpoint or, without one, are trained again from the log. The output appears whole \
      or not at all.

      EXAMPLE
        autodidact export first --format gguf first.gguf
        autodidact export first --version 3 --format safetensors --type bf16 first-3
        autodidact export smollm2-135m-instruct --format safetensors smollm2
      """)
  @OptionGroup var source: WeightsOptions
  @Option(help: ArgumentHelp("gguf (a file) or safetensors (a folder).", valueName: "format"))
  var format: PolicyWeights.Format
  @Option(help: ArgumentHelp("f32 (exact), f16 or bf16.", valueName: "type")) var type: PolicyWeights.Precision = .f32
  @Flag(help: "Replace what is there: a file, or a folder that holds only a model.") var force = false
  @Argument(help: "The file or folder to write.") var output: String

  func run() async throws {
    // Before weights are read or trained.
    if !force, FileManager.default.fileExists(atPath: output) {
      throw Failure.usage("\(output) exists already; --force replaces it")
    }
    let found = try await source.find()
    try found.weights.write(
      format, as: type, to: output, name: found.name, experiment: found.experiment, replacing: force)
    print(
      "wrote \(found.name) as \(format.rawValue) \(type.rawValue) to \(output); weights sha256 \(found.weights.digest)")
  }
}

extension PolicyWeights.Format: ExpressibleByArgument {}
extension PolicyWeights.Precision: ExpressibleByArgument {}
