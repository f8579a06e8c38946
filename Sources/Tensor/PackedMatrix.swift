import CKernels

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
    let kernels = pool.kernels
    pool.runChunks(panels, chunk: 8) { range, _ in
      for panel in range {
        let first = panel * Self.panelWidth
        kernels.pointee.pack_panel(
          pointer + first * inputs, weight + first * inputs, min(Self.panelWidth, outputs - first), inputs)
      }
    }
  }
}
