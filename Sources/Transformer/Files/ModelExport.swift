import Tensor

/// A model to be written for other programs: weights in memory and everything a file says about them.
///
/// `export` makes one; `writeGGUF` and `writeFolder` write it. Both stream: besides the weights themselves no more than
/// one row of a tensor is copied.
package struct ModelExport {
  package let configuration: ModelConfiguration
  package let parameters: Parameters
  package let tokenizer: TokenizerDefinition
  /// Jinja, as the model's own files have it.
  package let chatTemplate: String?
  /// For `general.name`.
  package let name: String
  /// F32, F16 or BF16.
  package let type: TensorType
  /// Where the weights come from, in words of ours; written into the files' metadata under `autodidact.`.
  package let provenance: [(key: String, value: String)]

  /// Encodings an export can have; the first is exact.
  package static let types: [TensorType] = [.f32, .f16, .bf16]

  package init(
    configuration: ModelConfiguration, parameters: Parameters, tokenizer: TokenizerDefinition, chatTemplate: String?,
    name: String, type: TensorType, provenance: [(key: String, value: String)] = []
  ) {
    precondition(Self.types.contains(type), "an export as \(type.name)")
    precondition(parameters.layout == ParameterLayout(configuration), "parameters of another model")
    precondition(tokenizer.tokens.count == configuration.vocabulary, "a tokenizer of another model")
    (self.configuration, self.parameters, self.tokenizer) = (configuration, parameters, tokenizer)
    (self.chatTemplate, self.name, self.type, self.provenance) = (chatTemplate, name, type, provenance)
  }

  /// Writes the rows of a tensor, encoded, in the order `source` says: row r of the file is row `source(r)` in memory.
  /// Throws `.value` for a weight that the encoding cannot hold.
  func writeRows(
    of view: ParameterView, as type: TensorType, to file: borrowing FileWriter, path: String,
    source: (Int) -> Int = { $0 }
  ) throws(ModelFileError) {
    let columns = view.shape[view.shape.count - 1]
    let elements = UnsafeBufferPointer(parameters.elements(view))
    var piece: [UInt8] = []
    for row in 0..<view.count / columns {
      let start = source(row) * columns
      if let index = encode(UnsafeBufferPointer(rebasing: elements[start..<start + columns]), as: type, into: &piece) {
        throw ModelFileError(
          .value, file: path, place: "tensor \"\(view.name)\"",
          "the weight \(elements[start + index]) does not fit \(type.name); F32 and BF16 hold it")
      }
      if piece.count >= Self.pieceSize {
        try file.write(piece)
        piece.removeAll(keepingCapacity: true)
      }
    }
    try file.write(piece)
  }

  private static var pieceSize: Int { 1 << 20 }
}
