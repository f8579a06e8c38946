import MachineLimits

/// One thing that is measured, in a process of its own, so that its peak of memory is its own.
enum Scenario: String, CaseIterable, Codable {
  case limits
  case prefill
  case decode1 = "decode-1"
  case decode8 = "decode-8"
  case decode32 = "decode-32"
  case training
  case sharing
  case round
  case decodeNeighbour = "decode-neighbour"
  case trainingNeighbour = "training-neighbour"
  case qwenDecode32 = "qwen-decode-32"
  case qwenRound = "qwen-round"

  var needsQwen: Bool { self == .qwenDecode32 || self == .qwenRound }
}

/// What a scenario needs to know.
struct Bench {
  var model: String
  var threads: Int
  var quick: Bool

  /// How often something is measured: `count`, or about a third of it in a hurry.
  func runs(_ count: Int) -> Int { quick ? max(1, count / 3) : count }
}

/// What a scenario's process tells the one that started it.
struct Outcome: Codable {
  var figures: [Figure] = []
  var limits: [MachineLimits] = []
  var peakBytes = 0
  /// Remarks for the reader of the table.
  var notes: [String] = []
}

/// A measured number: the median of its runs.
struct Figure: Codable {
  var name: String
  var unit: String
  /// In the order measured.
  var runs: [Double]
  /// GFLOP/s of the matrix products that were really computed, if that can be said.
  var gigaflops: Double?
  /// GB/s of weights that had to be read, if that can be said.
  var gigabytes: Double?
  /// What the figure must reach by its own nature; ratios have one, speeds are judged beside limits and peers.
  var limit: Double?

  var value: Double { median(runs) }
}

/// The middle of an odd number of values, the mean of the two in the middle of an even number.
func median(_ values: [Double]) -> Double {
  precondition(!values.isEmpty, "the median of nothing")
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// Seconds of each of `runs` calls, after `warmups` that do not count.
func seconds(runs: Int, warmups: Int = 1, _ body: () throws -> Void) rethrows -> [Double] {
  let clock = ContinuousClock()
  for _ in 0..<warmups { try body() }
  return try (0..<runs).map { _ in try clock.measure { try body() } / .seconds(1) }
}

extension Scenario {
  /// Measures. Called in the scenario's own process.
  func run(_ bench: Bench) async throws -> Outcome {
    switch self {
    case .limits:
      Outcome(limits: [1, bench.threads].map { MachineLimits.measure(threads: $0, rounds: bench.runs(6)) })
    case .prefill: try measurePrefill(bench)
    case .decode1: try measureDecode(bench, "decode B=1", rows: 1)
    case .decode8: try measureDecode(bench, "decode B=8", rows: 8)
    case .decode32: try measureDecode(bench, "decode B=32", rows: 32)
    case .qwenDecode32: try measureDecode(bench, "decode B=32, Qwen 0.5B", rows: 32)
    case .training: try measureTraining(bench)
    case .sharing: try measureSharing(bench)
    case .round, .qwenRound: try await measureRound(bench)
    case .decodeNeighbour: try measureDecodeBesideNeighbour(bench)
    case .trainingNeighbour: try measureTrainingBesideNeighbour(bench)
    }
  }
}
