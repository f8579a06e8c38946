import Domain
import Tensor
import Transformer

/// What an engine trains: settings of an experiment that decide which weights and moments are in memory at all.
package enum TrainingMethod: Hashable, Sendable {
  /// Every parameter.
  case full
  /// Adapters of low rank beside frozen weights. The seed is the experiment's: it decides the first values of A.
  case lora(rank: Int, alpha: Double, targets: Set<LearnerSettings.LoRATarget>, seed: UInt64)

  /// The method of an experiment.
  package init(_ settings: ExperimentSettings) {
    let learner = settings.learner
    self =
      switch learner.method {
      case .full: .full
      case .lora:
        .lora(
          rank: learner.loraRank, alpha: learner.loraAlpha, targets: Set(learner.loraTargets),
          seed: settings.seed.value)
      }
  }

  /// A decoder that is trained this way. Throws what reading `base` throws.
  package func decoder(
    _ configuration: ModelConfiguration, base: any BaseWeights, pool: ThreadPool
  ) throws(ModelFileError) -> Decoder {
    switch self {
    case .full:
      let parameters = Parameters(layout: ParameterLayout(configuration))
      try parameters.fill(from: base)
      return Decoder(configuration: configuration, parameters: parameters, pool: pool)
    case .lora(let rank, let alpha, let targets, let seed):
      let shape = AdapterShape(
        rank: rank, alpha: alpha, targets: Set(targets.map { AdapterTarget($0) }))
      let adapters = Adapters(shape, configuration: configuration) { layer, target, element in
        Self.initial(seed: seed, layer: layer, target: target, element: element)
      }
      return try Decoder(configuration: configuration, base: base, adapters: adapters, pool: pool)
    }
  }

  /// An element of the beginning of an A matrix, in −1..<1: word `element` mod 4 of draw `element`/4 of the matrix's key.
  /// The key names layer and target, so that other targets change nothing.
  private static func initial(seed: UInt64, layer: Int, target: AdapterTarget, element: Int) -> Float {
    let key = RandomKey(
      seed: seed, purpose: .adapters, iteration: 0, slot: layer * AdapterTarget.allCases.count + target.number)
    return Float(key.block(UInt32(element / 4))[element % 4] >> 8) / Float(1 << 23) - 1
  }
}

extension AdapterTarget {
  fileprivate init(_ target: LearnerSettings.LoRATarget) {
    self =
      switch target {
      case .query: .query
      case .key: .key
      case .value: .value
      case .attentionOutput: .attentionOutput
      case .gate: .gate
      case .up: .up
      case .down: .down
      }
  }

  /// Part of a random key: never renumber.
  fileprivate var number: Int {
    switch self {
    case .query: 0
    case .key: 1
    case .value: 2
    case .attentionOutput: 3
    case .gate: 4
    case .up: 5
    case .down: 6
    }
  }
}
