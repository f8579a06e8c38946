/// A learner whose weights can be looked at: what `replay` asks when an update does not come out as recorded, in order to
/// name the sample or the tensor that differs.
///
/// Apart from `Learner`, because nothing that plays needs it.
package protocol LearnerInspector: Sendable {
  /// Log-probabilities of the samples' tokens under the present weights, tempered as recorded, in nats; one list a sample.
  /// The weights stay as they are.
  func logProbabilities(of samples: [TrainingSample]) async throws -> [[Float]]
  /// The first tensor in which the present weights differ from those of a file; nil if all bits are equal.
  ///
  /// - Throws: what `Learner.load` throws for a missing or damaged file. The present weights stay as they are.
  func difference(from checkpoint: Checkpoint, experiment: ExperimentID) async throws -> TensorDifference?
}

/// Where two sets of weights part.
package struct TensorDifference: Hashable, Codable, Sendable {
  /// Name of the first tensor that differs, in checkpoint order.
  package var tensor: String
  /// Index of its first element that differs.
  package var element: Int
  /// The element in memory and in the file.
  package var found: Float
  package var recorded: Float
  /// Elements of that tensor that differ.
  package var count: Int
  /// Tensors that differ in any bit.
  package var tensors: Int

  package init(tensor: String, element: Int, found: Float, recorded: Float, count: Int, tensors: Int) {
    self.tensor = tensor
    self.element = element
    self.found = found
    self.recorded = recorded
    self.count = count
    self.tensors = tensors
  }
}
