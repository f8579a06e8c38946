import Tensor

/// The frozen base of a decoder, and how it becomes, with its adapters if it has any, the packed weights of the forward pass.
final class MergedWeights {
  let adapters: Adapters?
  private let base: any BaseWeights
  private let layout: DecoderLayout
  private let packed: PackedWeights
  private let pool: ThreadPool
  /// (N,K) of the largest block matrix, and (N,r).
  private let weight: FloatBuffer
  private let scaled: FloatBuffer

  /// Reads the tensors that stay in the flat buffer into `parameters` and packs the matrices without an adapter, which no
  /// update changes. Throws what `base` throws.
  init(
    base: any BaseWeights, adapters: Adapters?, layout: DecoderLayout, parameters: Parameters, packed: PackedWeights,
    pool: ThreadPool
  ) throws(ModelFileError) {
    (self.base, self.adapters, self.layout, self.packed, self.pool) = (base, adapters, layout, packed, pool)
    weight = FloatBuffer(count: layout.blocks.flatMap(\.matrices).map(\.count).max() ?? 0)
    scaled = FloatBuffer(count: adapters?.all.map(\.b.count).max() ?? 0)
    for view in layout.resident.views { try base.read(view, into: parameters.elements(view)) }
    for view in layout.blocks.flatMap(\.matrices) where adapters?.adapter(of: view) == nil {
      try base.read(view, into: elements(view))
      packed[view].pack(from: weight.pointer, pool: pool)
    }
    if layout.output.offset == nil {
      // Larger than any other tensor and read once: its buffer is not kept.
      let output = FloatBuffer(count: layout.output.count)
      try base.read(layout.output, into: output.elements)
      packed[layout.output].pack(from: output.pointer, pool: pool)
    } else {
      packed[layout.output].pack(from: parameters[layout.output], pool: pool)
    }
    for adapter in adapters?.all ?? [] { try merge(adapter) }
  }

  /// Packs the adapted matrices again: base + alpha/rank · B·A.
  func adaptersChanged() {
    for adapter in adapters?.all ?? [] {
      do {
        try merge(adapter)
      } catch {
        preconditionFailure("\(adapter.matrix.name) could be read when the model was opened, and now not: \(error)")
      }
    }
  }

  private func merge(_ adapter: Adapters.Adapter) throws(ModelFileError) {
    try base.read(adapter.matrix, into: elements(adapter.matrix))
    adapters?.merge(adapter, into: weight.pointer, scaled: scaled.pointer, pool: pool)
    packed[adapter.matrix].pack(from: weight.pointer, pool: pool)
  }

  private func elements(_ view: ParameterView) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: weight.pointer, count: view.count)
  }
}
