/// A weight matrix (N,K) stored for `linearForward`: panels of 16 outputs, each (K,16), the last one padded with zeros.
///
/// A view: the memory belongs to the owner of the model's packed buffer. Packed once after loading and after each
/// update; a product that packs at every call spends most of a decode step doing so.
package struct PackedMatrix {
  package let pointer: Out
  /// N, the rows of the weight.
  package let outputs: Int
  /// K, the columns of the weight, over which products sum.
  package let inputs: Int

  package init(pointer: Out, outputs: Int, inputs: Int) {
    (self.pointer, self.outputs, self.inputs) = (pointer, outputs, inputs)
  }

  static let panelWidth = 16

  var panels: Int { (outputs + Self.panelWidth - 1) / Self.panelWidth }

  /// Floats a packed (outputs, inputs) matrix takes.
  package static func count(outputs: Int, inputs: Int) -> Int {
    (outputs + panelWidth - 1) / panelWidth * panelWidth * inputs
  }

  /// Fills the panels from `weight` (N,K), row-major.
  package func pack(from weight: In, pool: ThreadPool) {
    pool.runChunks(panels, chunk: 8) { range, _ in
      for panel in range { packPanel(panel, from: weight) }
    }
  }

  private func packPanel(_ panel: Int, from weight: In) {
    let first = panel * Self.panelWidth
    let width = min(Self.panelWidth, outputs - first)
    let target = pointer + panel * Self.panelWidth * inputs
    if width < Self.panelWidth { target.update(repeating: 0, count: Self.panelWidth * inputs) }
    // Blocks of 16 columns keep both the 16 source lines and the target lines in the first-level cache.
    for block in stride(from: 0, to: inputs, by: 16) {
      let end = min(inputs, block + 16)
      for lane in 0..<width {
        let source = weight + (first + lane) * inputs
        var column = block
        while column < end {
          target[column * Self.panelWidth + lane] = source[column]
          column += 1
        }
      }
    }
  }
}
