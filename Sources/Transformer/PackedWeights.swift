import Tensor

/// The matrices of a model in the layout of the forward kernels, packed once after loading and after each update.
final class PackedWeights {
  struct Block {
    let query, key, value, attentionOutput, gate, up, down: PackedMatrix
  }

  let blocks: [Block]
  let output: PackedMatrix
  private let layout: ParameterLayout
  private let buffer: FloatBuffer

  init(layout: ParameterLayout) {
    self.layout = layout
    let matrices = layout.blocks.flatMap(Self.matrices) + [layout.output]
    let buffer = FloatBuffer(
      count: matrices.reduce(0) { $0 + PackedMatrix.count(outputs: $1.shape[0], inputs: $1.shape[1]) })
    self.buffer = buffer
    var offset = 0
    func place(_ view: ParameterView) -> PackedMatrix {
      let matrix = PackedMatrix(pointer: buffer.pointer + offset, outputs: view.shape[0], inputs: view.shape[1])
      offset += PackedMatrix.count(outputs: view.shape[0], inputs: view.shape[1])
      return matrix
    }
    blocks = layout.blocks.map { block in
      Block(
        query: place(block.query), key: place(block.key), value: place(block.value),
        attentionOutput: place(block.attentionOutput), gate: place(block.gate), up: place(block.up),
        down: place(block.down))
    }
    output = place(layout.output)
  }

  func pack(from parameters: Parameters, pool: ThreadPool) {
    for (block, views) in zip(blocks, layout.blocks) {
      let packed = [block.query, block.key, block.value, block.attentionOutput, block.gate, block.up, block.down]
      for (matrix, view) in zip(packed, Self.matrices(views)) { matrix.pack(from: parameters[view], pool: pool) }
    }
    output.pack(from: parameters[layout.output], pool: pool)
  }

  private static func matrices(_ block: ParameterLayout.Block) -> [ParameterView] {
    [block.query, block.key, block.value, block.attentionOutput, block.gate, block.up, block.down]
  }
}
