import MachineLimits

/// A line of the table: a figure beside its goal, the machine's limits and the peer of the same run.
struct Row: Codable {
  var scenario: Scenario
  var figure: Figure
  /// The fastest first.
  var peers: [PeerFigure] = []
  /// nil where nothing is promised.
  var goal: String?
  var isMet: Bool?
  /// Of the scenario's process.
  var peakBytes: Int
}

/// What the project wants of a row, and whether the row has it.
struct Goal {
  var text: String
  var isMet: Bool
}

extension Goal {
  /// - Parameter sgemm: GFLOP/s of the yardstick with as many threads; nil when it was not measured.
  static func of(_ scenario: Scenario, _ figure: Figure, peer: PeerFigure?, sgemm: Double?) -> Goal? {
    if let limit = figure.limit {
      let isShare = figure.unit == "of alone"
      return Goal(
        text: isShare ? "≥ \(percent(limit))" : "≤ \(fixed(limit, 1))",
        isMet: isShare ? figure.value >= limit : figure.value <= limit)
    }
    switch scenario {
    case .prefill: return share(0.8, figure, sgemm)
    case .training where figure.gigaflops != nil:
      return both(share(0.75, figure, sgemm), twice("PyTorch", peer, figure, published: nil))
    case .decode32: return twice("llama.cpp", peer, figure, published: 500)
    case .qwenDecode32: return twice("llama.cpp", peer, figure, published: 134)
    default: return nil
    }
  }

  private static func share(_ share: Double, _ figure: Figure, _ sgemm: Double?) -> Goal? {
    guard let sgemm, let speed = figure.gigaflops else { return nil }
    return Goal(text: "≥ \(percent(share)) of sgemm", isMet: speed >= share * sgemm)
  }

  /// Twice the peer; where it is not there, twice what it did on the machine the goal was written on.
  private static func twice(_ name: String, _ peer: PeerFigure?, _ figure: Figure, published: Double?) -> Goal? {
    if let peer {
      return Goal(text: "≥ 2 × \(name)", isMet: figure.value >= 2 * peer.tokensPerSecond)
    }
    return published.map { Goal(text: "≥ \(fixed($0, 0))", isMet: figure.value >= $0) }
  }

  private static func both(_ first: Goal?, _ second: Goal?) -> Goal? {
    guard let first, let second else { return first ?? second }
    return Goal(text: "\(first.text), \(second.text)", isMet: first.isMet && second.isMet)
  }

  /// Full training in memory: SmolLM2 ≤ 4 GiB, Qwen 0.5B ≤ 14 GiB.
  static func memory(_ scenario: Scenario, peakBytes: Int) -> Goal? {
    let limits: [Scenario: Double] = [.round: 4, .qwenRound: 14]
    return limits[scenario].map { Goal(text: "≤ \(fixed($0, 0)) GiB", isMet: gibibytes(peakBytes) <= $0) }
  }
}

/// Bytes in GiB.
func gibibytes(_ bytes: Int) -> Double { Double(bytes) / Double(1 << 30) }
