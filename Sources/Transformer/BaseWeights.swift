import Tensor

/// Where the tensors of a base model can be read, as often as they are wanted: a mapped model file, or a buffer.
///
/// A decoder with adapters holds no second copy of its frozen weights: it reads each adapted matrix again at each merge.
package protocol BaseWeights {
  /// Expands a tensor to float32, row-major; `output` has as many values as the tensor. What was read once can be read
  /// again. Throws for a tensor that is missing or has another shape.
  func read(_ tensor: ParameterView, into output: UnsafeMutableBufferPointer<Float>) throws(ModelFileError)
}

extension GGUFFile: BaseWeights {
  package func read(
    _ view: ParameterView, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ModelFileError) {
    _ = try tensor(view.name, shape: view.shape)
    try read(view.name, into: output)
  }
}

extension Parameters: BaseWeights {
  package func read(
    _ tensor: ParameterView, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ModelFileError) {
    guard let view = layout.views.first(where: { $0.name == tensor.name && $0.shape == tensor.shape }) else {
      throw ModelFileError(
        .missing, file: "memory", place: "tensor \"\(tensor.name)\"", "none of shape \(tensor.shape)")
    }
    _ = output.update(fromContentsOf: elements(view))
  }

  /// Reads every tensor of the layout. Throws what `base` throws; what was read before stays.
  package func fill(from base: any BaseWeights) throws(ModelFileError) {
    for view in layout.views { try base.read(view, into: elements(view)) }
  }
}
