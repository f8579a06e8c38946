/// What the syntax tree of a proposed program measures; made by the verifier in an interpreter that runs nothing, and recorded
/// with the proposal, because Python decides it. Whole numbers, so that it is the same on every machine.
package struct ProgramMeasures: Hashable, Codable, Sendable {
  /// Cognitive complexity: breaks of the linear flow, each weighed by how deep it is nested.
  package var cognitive: Int
  /// Cyclomatic complexity: 1 and one more for every branch.
  package var cyclomatic: Int
  /// Halstead's volume and effort, in thousandths.
  package var volume: Int
  package var effort: Int
  /// Mean distance from the references, in millionths; absent where the proposer was shown none.
  package var distance: Int?

  package init(cognitive: Int, cyclomatic: Int, volume: Int, effort: Int, distance: Int?) {
    self.cognitive = cognitive
    self.cyclomatic = cyclomatic
    self.volume = volume
    self.effort = effort
    self.distance = distance
  }
}

extension ProgramMeasures {
  /// Cognitive complexity as the published code counts it: 15 is 1.
  var complexity: Double { Double(cognitive) / 15 }

  /// The published code's mix: half effort, three tenths cyclomatic complexity, two tenths volume, each 1 at most.
  var halstead: Double {
    let effort = min(Double(effort) / 1000 / 10_000, 1)
    let cyclomatic = min(Double(cyclomatic) / 10, 1)
    let volume = min(Double(volume) / 1000 / 500, 1)
    return 0.5 * effort + 0.3 * cyclomatic + 0.2 * volume
  }
}

/// One intrinsic reward of one proposal.
package struct IntrinsicReward: Hashable, Codable, Sendable {
  package var part: IntrinsicPart
  /// min(coefficient · measure, max).
  package var value: Double

  package init(part: IntrinsicPart, value: Double) {
    self.part = part
    self.value = value
  }
}

extension IntrinsicSettings {
  /// The intrinsic rewards of an accepted proposal, in their order: those that are on and that its kind has. An induction
  /// proposal wrote no program, the others chose one value.
  package func rewards(of verified: ProposalVerified) -> [IntrinsicReward] {
    IntrinsicPart.allCases.compactMap { part in
      guard pays(part), let measure = verified.measure(part) else { return nil }
      return IntrinsicReward(part: part, value: min(self[part].coefficient * measure, self[part].max))
    }
  }

  /// Learnability with them; learnability alone where there are none.
  package func combined(_ learnability: Double, _ rewards: [IntrinsicReward]) -> Double {
    guard !rewards.isEmpty else { return learnability }
    let sum = rewards.reduce(0) { $0 + $1.value }
    let product = rewards.reduce(1) { $0 * $1.value }
    return switch combination {
    case .sum: learnability + sum
    case .multiply: learnability * product
    case .sumMultiply: learnability + product
    case .multiplySum: learnability * sum
    }
  }
}

extension ProposalVerified {
  /// What an intrinsic reward is a multiple of; nil where the kind does not have it, or where it was not recorded.
  fileprivate func measure(_ part: IntrinsicPart) -> Double? {
    let kind = proposal.kind
    switch part {
    case .complexity: return measures?.complexity
    case .editDistance: return measures.flatMap { $0.distance.map { Double($0) / 1_000_000 } }
    case .halstead: return measures?.halstead
    case .answerDiversity:
      switch kind {
      case .deduction: return earlier?.outputs?.surprise
      case .abduction: return earlier?.inputs?.surprise
      case .induction: return nil
      }
    case .inputDiversity: return kind == .induction ? earlier?.inputs?.surprise : nil
    case .outputDiversity: return kind == .induction ? earlier?.outputs?.surprise : nil
    }
  }

  /// Whether intrinsic rewards are paid for it: accepted, of the form asked for, and learnable.
  package func earnsIntrinsic(_ probes: SolveCount) -> Bool {
    refusal == nil && unformatted != true && learnability(probes) > 0
  }
}
