import Domain
import Engine
import Transformer

/// Tokens that each row samples in a measured call.
private let tokensPerRow = 33

/// Decoding as experiments do it: `BatchSampler` with one shared prompt of about 128 tokens, temperature 1, a random key
/// for each row, log-probabilities recorded.
func measureDecode(_ bench: Bench, _ name: String, rows: Int) throws -> Outcome {
  let workbench = try Workbench(bench, endless: true)
  let speeds = try decodeSpeeds(workbench, rows: rows, runs: bench.runs(rows == 1 ? 9 : 5))
  let steps = median(speeds) / Double(rows)
  return Outcome(figures: [
    Figure(
      name: name, unit: "tok/s", runs: speeds,
      gigaflops: median(speeds) * (workbench.blockFlops + workbench.headFlops) / 1e9,
      gigabytes: steps * workbench.weightBytes / 1e9)
  ])
}

/// The same beside a process that keeps every core busy.
func measureDecodeBesideNeighbour(_ bench: Bench) throws -> Outcome {
  let workbench = try Workbench(bench, endless: true)
  let runs = bench.runs(3)
  let alone = try decodeSpeeds(workbench, rows: 32, runs: runs)
  let beside = try Neighbour.during(threads: bench.threads) {
    try decodeSpeeds(workbench, rows: 32, runs: runs)
  }
  return Outcome(figures: [Figure.share("decode B=32 beside a busy neighbour", beside: beside, alone: alone)])
}

/// Tokens per second of `runs` calls of the sampler, prefill left out.
private func decodeSpeeds(_ workbench: Workbench, rows: Int, runs: Int) throws -> [Double] {
  let sampler = try BatchSampler(decoder: workbench.decoder, tokenizer: workbench.tokenizer)
  let prompt = workbench.prompt(tokens: 128)
  _ = try decodeSpeed(sampler, prompt: prompt, rows: rows, iteration: 0)
  return try (1...runs).map { try decodeSpeed(sampler, prompt: prompt, rows: rows, iteration: $0) }
}

/// The sampler reports after each token of all rows; the first report comes after the prefill. Only steps in which all
/// rows ran count.
private func decodeSpeed(_ sampler: BatchSampler, prompt: String, rows: Int, iteration: Int) throws -> Double {
  let requests = (0..<rows).map { row in
    GenerationRequest(
      prompt: prompt, sampling: Sampling(temperature: 1, tokensMax: tokensPerRow, stops: []),
      key: RandomKey(seed: 1, purpose: .solve, iteration: iteration, slot: row))
  }
  let clock = ContinuousClock()
  var last: (time: ContinuousClock.Instant, done: Int)?
  var (steps, time) = (0, Duration.zero)
  _ = try sampler.sample(requests) { progress in
    let now = clock.now
    if let last, last.done == 0 {
      steps += 1
      time += now - last.time
    }
    last = (now, progress.done)
  }
  guard steps >= tokensPerRow / 2 else {
    throw BenchmarkError("a sample ended after \(steps) tokens; decoding cannot be timed")
  }
  return Double(rows * steps) / (time / .seconds(1))
}

extension Figure {
  /// The part of its undisturbed speed that is left beside a neighbour. Two busy programs have half a machine each.
  static func share(_ name: String, beside: [Double], alone: [Double]) -> Figure {
    Figure(name: name, unit: "of alone", runs: beside.map { $0 / median(alone) }, limit: 0.45)
  }
}
