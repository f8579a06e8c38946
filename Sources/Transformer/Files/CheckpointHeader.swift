/// What a checkpoint says about itself: enough to place its weights in an experiment's log and to check every byte.
///
/// Stored as JSON with sorted keys, so that equal content gives equal bytes and so the same file name.
package struct CheckpointHeader: Codable, Equatable, Sendable {
  /// A parameter tensor: its name and its shape, slowest-varying first. The weights are these tensors one after another.
  package struct Tensor: Codable, Equatable, Sendable {
    package let name: String
    package let shape: [Int]

    package init(name: String, shape: [Int]) {
      self.name = name
      self.shape = shape
    }
  }

  /// The end of the log when the weights were saved: they are the fold of all events up to here.
  package struct LogHead: Codable, Equatable, Sendable {
    package let position: Int64
    /// The chain hash at that position, in hexadecimal.
    package let hash: String

    package init(position: Int64, hash: String) {
      self.position = position
      self.hash = hash
    }
  }

  /// The experiment's id.
  package let experiment: String
  package let policyVersion: Int
  /// Optimizer steps taken, on which AdamW's bias correction depends.
  package let optimizerStep: Int
  /// Digest of the model's configuration, so that weights are never loaded into another architecture.
  package let modelDigest: String
  package let tensors: [Tensor]
  package let logHead: LogHead

  package init(
    experiment: String, policyVersion: Int, optimizerStep: Int, modelDigest: String, tensors: [Tensor], logHead: LogHead
  ) {
    self.experiment = experiment
    self.policyVersion = policyVersion
    self.optimizerStep = optimizerStep
    self.modelDigest = modelDigest
    self.tensors = tensors
    self.logHead = logHead
  }

  /// Number of weights, or nil when a size is negative or the sum overflows.
  var parameterCount: Int? {
    var total = 0
    for tensor in tensors {
      var product = 1
      for size in tensor.shape {
        let (next, overflow) = product.multipliedReportingOverflow(by: size)
        guard size >= 0, !overflow else { return nil }
        product = next
      }
      let (sum, overflow) = total.addingReportingOverflow(product)
      guard !overflow else { return nil }
      total = sum
    }
    return total
  }
}

/// SHA-256, in hexadecimal, of the three arrays of a checkpoint.
package struct CheckpointDigests: Codable, Equatable, Sendable {
  package let weights: String
  /// AdamW's running mean of the gradient (m).
  package let firstMoment: String
  /// AdamW's running mean of the squared gradient (v).
  package let secondMoment: String

  package init(weights: String, firstMoment: String, secondMoment: String) {
    self.weights = weights
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
  }
}
