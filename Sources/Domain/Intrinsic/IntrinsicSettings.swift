/// A reward of a proposal beside its learnability (paper App. D.4). The order is that in which they are added and multiplied.
package enum IntrinsicPart: String, Codable, Sendable, CaseIterable {
  /// Cognitive complexity of the proposed program, in fifteenths.
  case complexity
  /// Mean distance of its syntax tree from those of the references.
  case editDistance = "edit_distance"
  /// A mix of Halstead's effort and volume and of the cyclomatic complexity.
  case halstead
  /// How surprising the answer is: a deduction's output, an abduction's input.
  case answerDiversity = "answer_diversity"
  /// Induction: how surprising the inputs are, on average.
  case inputDiversity = "input_diversity"
  /// Induction: how surprising the outputs are, on average.
  case outputDiversity = "output_diversity"
}

/// Which intrinsic rewards a proposer is paid, how much, and how they join its learnability. All are off by default, as in
/// everything the paper reports but its appendix.
///
/// Each is min(coefficient · measure, max). They are paid only where the proposal is well-formed and its problem learnable.
package struct IntrinsicSettings: Hashable, Codable, Sendable {
  /// 0 is off, here and below (code: coefficients off, every max 0.5).
  package var complexityCoefficient = 0.0
  package var complexityMax = 0.5
  package var editDistanceCoefficient = 0.0
  package var editDistanceMax = 0.5
  package var halsteadCoefficient = 0.0
  package var halsteadMax = 0.5
  package var answerDiversityCoefficient = 0.0
  package var answerDiversityMax = 0.5
  package var inputDiversityCoefficient = 0.0
  package var inputDiversityMax = 0.5
  package var outputDiversityCoefficient = 0.0
  package var outputDiversityMax = 0.5
  /// How they join learnability r (paper App. D.4: `sum` is the most stable).
  package var combination: Combination = .sum

  package init() {}

  package enum Combination: String, Codable, Sendable, CaseIterable {
    /// r + Σ
    case sum
    /// r · Π
    case multiply
    /// r + Π
    case sumMultiply = "sum_multiply"
    /// r · Σ
    case multiplySum = "multiply_sum"
  }

  package subscript(part: IntrinsicPart) -> (coefficient: Double, max: Double) {
    switch part {
    case .complexity: (complexityCoefficient, complexityMax)
    case .editDistance: (editDistanceCoefficient, editDistanceMax)
    case .halstead: (halsteadCoefficient, halsteadMax)
    case .answerDiversity: (answerDiversityCoefficient, answerDiversityMax)
    case .inputDiversity: (inputDiversityCoefficient, inputDiversityMax)
    case .outputDiversity: (outputDiversityCoefficient, outputDiversityMax)
    }
  }

  /// Whether a part is paid at all.
  package func pays(_ part: IntrinsicPart) -> Bool { self[part].coefficient > 0 }
  /// Whether proposed programs are to be measured.
  package var needsMeasures: Bool { [.complexity, .editDistance, .halstead].contains(where: pays) }
  /// Whether earlier values are to be remembered.
  package var needsHistory: Bool { [.answerDiversity, .inputDiversity, .outputDiversity].contains(where: pays) }
}

// As with the curriculum: settings that do not use it keep the bytes, and an experiment the digest, that they had before.
extension KeyedEncodingContainer {
  mutating func encode(_ value: IntrinsicSettings, forKey key: Key) throws {
    if value != IntrinsicSettings() { try encodeIfPresent(value, forKey: key) }
  }
}

extension KeyedDecodingContainer {
  func decode(_ type: IntrinsicSettings.Type, forKey key: Key) throws -> IntrinsicSettings {
    try decodeIfPresent(type, forKey: key) ?? IntrinsicSettings()
  }
}
