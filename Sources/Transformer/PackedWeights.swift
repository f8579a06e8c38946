import Tensor

/// The matrices of a model in the layout of the forward kernels, packed once after loading and after each update.
final class PackedWeights {
  struct Block {
    let query, key, value, attentionOutput, gate, up, down: PackedMatrix
  }

  let blocks: [Block]
  let output: PackedMatrix
  private let matrices: [String: PackedMatrix]
  private let buffer: FloatBuffer

  init(layout: DecoderLayout) {
    let views = layout.blocks.flatMap(\.matrices) + [layout.output]
    let buffer = FloatBuffer(
      count: views.reduce(0) { $0 + PackedMatrix.count(outputs: $1.shape[0], inputs: $1.shape[1]) })
    self.buffer = buffer
    var offset = 0
    var matrices: [String: PackedMatrix] = [:]
    func place(_ view: ParameterView) -> PackedMatrix {
      let matrix = PackedMatrix(pointer: buffer.pointer + offset, outputs: view.shape[0], inputs: view.shape[1])
      offset += PackedMatrix.count(outputs: view.shape[0], inputs: view.shape[1])
      matrices[view.name] = matrix
      return matrix
    }
    blocks = layout.blocks.map { block in
      Block(
        query: place(block.query), key: place(block.key), value: place(block.value),
        attentionOutput: place(block.attentionOutput), gate: place(block.gate), up: place(block.up),
        down: place(block.down))
    }
    output = place(layout.output)
    self.matrices = matrices
  }

  /// The packed form of a matrix of the blocks or of the output.
  subscript(view: ParameterView) -> PackedMatrix {
    guard let matrix = matrices[view.name] else { preconditionFailure("\(view.name) is not packed") }
    return matrix
  }

  /// Packs everything from a flat buffer that has it.
  func pack(_ layout: DecoderLayout, from parameters: Parameters, pool: ThreadPool) {
    for view in layout.blocks.flatMap(\.matrices) + [layout.output] {
      self[view].pack(from: parameters[view], pool: pool)
    }
  }
}
