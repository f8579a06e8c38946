import Tensor

/// The sizes and constants of a decoder of the Llama family: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
package struct ModelConfiguration: Equatable, Sendable {
  /// Families we know. Both share one decoder; they differ in biases and in the order of rotary pairs.
  package enum Architecture: String, Sendable {
    case llama
    case qwen2
  }

  package var architecture: Architecture
  package var layers: Int
  /// C, the width of the residual stream.
  package var hidden: Int
  /// F, the width inside the feed-forward block.
  package var feedForward: Int
  package var attention: AttentionShape
  /// V.
  package var vocabulary: Int
  package var normEpsilon: Float
  package var ropeTheta: Double
  package var rotaryOrder: RotaryOrder
  /// The longest sequence the model was made for.
  package var contextLength: Int
  /// Whether the output matrix is the token embedding.
  package var tiedOutput: Bool
  /// Whether query, key and value projections have biases (Qwen2).
  package var attentionBias: Bool

  package init(
    architecture: Architecture, layers: Int, hidden: Int, feedForward: Int, attention: AttentionShape, vocabulary: Int,
    normEpsilon: Float, ropeTheta: Double, rotaryOrder: RotaryOrder, contextLength: Int, tiedOutput: Bool,
    attentionBias: Bool
  ) {
    self.architecture = architecture
    (self.layers, self.hidden, self.feedForward, self.attention) = (layers, hidden, feedForward, attention)
    (self.vocabulary, self.normEpsilon, self.ropeTheta) = (vocabulary, normEpsilon, ropeTheta)
    (self.rotaryOrder, self.contextLength) = (rotaryOrder, contextLength)
    (self.tiedOutput, self.attentionBias) = (tiedOutput, attentionBias)
  }
}
