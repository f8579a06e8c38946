import Domain
import Engine
import Tensor
import Transformer

/// A trainer and its optimizer on a model.
private final class TrainingBench {
  let workbench: Workbench
  let trainer: Trainer
  let optimizer: Optimizer
  private let settings = Optimizer.Settings(
    learningRate: 1e-6, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, gradientNormMax: 1)

  init(_ bench: Bench) throws {
    workbench = try Workbench(bench)
    trainer = Trainer(decoder: workbench.decoder)
    optimizer = Optimizer(layout: workbench.decoder.parameters.layout)
  }

  /// A whole step: gradients of every completion token, norm, clipping, AdamW, packing.
  func step(_ families: [TrainingFamily]) throws {
    trainer.zeroGradients()
    try trainer.accumulateGradients(families, inverseTemperature: 1) { _, outcomes in
      outcomes.map { _ in TokenLoss(logProbability: -1e-3) }
    }
    let norm = optimizer.step(workbench.decoder, gradients: trainer.gradients, settings: settings)
    guard norm.isFinite, norm > 0 else { throw BenchmarkError("a gradient of norm \(norm)") }
  }

  /// `count` sequences of one token and 256 to learn.
  func sequences(_ count: Int) -> [TrainingFamily] {
    let tokens = workbench.tokens
    return (0..<count).map { index in
      TrainingFamily(prompt: [tokens[index]], completions: [Array(tokens[index * 256..<index * 256 + 256])])
    }
  }

  /// Seconds of steps as GFLOP/s of their products: forward once, backward twice, the head in every row.
  func gigaflops(tokens: Int, seconds: Double) -> Double {
    3 * Double(tokens) * (workbench.blockFlops + workbench.headFlops) / seconds / 1e9
  }
}

/// 8 sequences of 256 tokens, all parameters, AdamW included; and the digests that an update of an experiment adds.
func measureTraining(_ bench: Bench) throws -> Outcome {
  let training = try TrainingBench(bench)
  let families = training.sequences(8)
  let times = try seconds(runs: bench.runs(3)) { try training.step(families) }
  let tokens = 8 * 256
  let digest = seconds(runs: 1, warmups: 0) {
    for parameters in [
      training.workbench.decoder.parameters, training.optimizer.firstMoment, training.optimizer.secondMoment,
    ] {
      _ = ContentDigest.hexadecimal(of: UnsafeBufferPointer(parameters.buffer.elements))
    }
  }
  return Outcome(figures: [
    Figure(
      name: "training 8×256, all parameters", unit: "tok/s", runs: times.map { Double(tokens) / $0 },
      gigaflops: training.gigaflops(tokens: tokens, seconds: median(times))),
    Figure(name: "digests of weights and moments", unit: "s", runs: digest),
  ])
}

/// 4 groups of 8 answers of 16 tokens on prompts of 200: the prompts computed once against eight times. Time ratio over
/// ratio of tokens: 1 is a sharing that costs nothing.
func measureSharing(_ bench: Bench) throws -> Outcome {
  let training = try TrainingBench(bench)
  let tokens = training.workbench.tokens
  let groups = (0..<4).map { group in
    TrainingFamily(
      prompt: Array(tokens[group * 200..<group * 200 + 200]),
      completions: (0..<8).map { answer in Array(tokens[(group * 8 + answer) * 16..<(group * 8 + answer + 1) * 16]) })
  }
  let alone = groups.flatMap { group in
    group.completions.map { TrainingFamily(prompt: group.prompt, completions: [$0]) }
  }
  let shared = try seconds(runs: bench.runs(3)) { try training.step(groups) }
  let unshared = try seconds(runs: 1, warmups: 0) { try training.step(alone) }
  // The last token of a completion is predicted but never read.
  let unique = Double(4 * (200 + 8 * 15))
  let all = Double(4 * 8 * (200 + 15))
  return Outcome(
    figures: [
      Figure(
        name: "shared prompts: time ÷ tokens", unit: "×", runs: shared.map { $0 / median(unshared) / (unique / all) },
        limit: 1.2)
    ],
    notes: [
      "shared prompts: \(fixed(median(shared), 2)) s against \(fixed(median(unshared), 2)) s unshared is × "
        + "\(fixed(median(shared) / median(unshared), 3)); unique tokens are × \(fixed(unique / all, 3))"
    ])
}

/// 4×256 tokens beside a process that keeps every core busy.
func measureTrainingBesideNeighbour(_ bench: Bench) throws -> Outcome {
  let training = try TrainingBench(bench)
  let families = training.sequences(4)
  let runs = bench.runs(3)
  let alone = try seconds(runs: runs) { try training.step(families) }
  let beside = try Neighbour.during(threads: bench.threads) {
    try seconds(runs: runs, warmups: 0) { try training.step(families) }
  }
  return Outcome(figures: [
    Figure.share("training beside a busy neighbour", beside: beside.map { 1 / $0 }, alone: alone.map { 1 / $0 })
  ])
}
