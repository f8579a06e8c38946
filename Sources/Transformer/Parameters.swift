import Tensor

/// Where one tensor lies in a flat parameter buffer.
package struct ParameterView: Equatable, Sendable {
  /// The name in GGUF files.
  package let name: String
  /// [rows, columns] of a matrix, [elements] of a vector.
  package let shape: [Int]
  /// Elements from the start of the buffer; nil for a matrix that is kept in packed form only.
  package let offset: Int?

  package init(name: String, shape: [Int], offset: Int?) {
    (self.name, self.shape, self.offset) = (name, shape, offset)
  }

  package var count: Int { shape.reduce(1, *) }
}

/// The tensors of a flat buffer: a model in checkpoint order, or the adapters of one.
package struct ParameterLayout: Equatable, Sendable {
  /// Each tensor once, in the order of the buffer.
  package private(set) var views: [ParameterView] = []
  /// Elements of the buffer.
  package private(set) var count = 0

  package init() {}

  /// Every tensor of a model.
  package init(_ configuration: ModelConfiguration) { self = DecoderLayout(configuration).resident }

  /// Appends a tensor.
  mutating func add(_ name: String, _ shape: [Int]) -> ParameterView {
    let view = ParameterView(name: name, shape: shape, offset: count)
    views.append(view)
    count += view.count
    return view
  }
}

/// One flat float32 buffer with the layout of a model or of its adapters: weights, their gradients, or a moment of the
/// optimizer.
package final class Parameters {
  package let layout: ParameterLayout
  package let buffer: FloatBuffer

  /// All zeros.
  package init(layout: ParameterLayout) {
    self.layout = layout
    buffer = FloatBuffer(count: layout.count)
  }

  package subscript(view: ParameterView) -> UnsafeMutablePointer<Float> {
    guard let offset = view.offset else { preconditionFailure("\(view.name) is kept in packed form only") }
    return buffer.pointer + offset
  }

  /// A tensor's elements, for digests, files and tests.
  package func elements(_ view: ParameterView) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: self[view], count: view.count)
  }

  /// Small random weights for tiny test models: uniform with the variance 1/columns, norms near 1. The same seed gives
  /// the same weights everywhere (SplitMix64).
  package func fillRandom(seed: UInt64) {
    var state = seed
    func uniform() -> Float {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Float((z ^ (z >> 31)) >> 40) / Float(1 << 23) - 1
    }
    for view in layout.views {
      let spread = view.shape.count == 2 ? (3 / Float(view.shape[1])).squareRoot() : 0.2
      let center: Float = view.name.hasSuffix("norm.weight") ? 1 : 0
      for index in 0..<view.count { self[view][index] = center + spread * uniform() }
    }
  }
}
