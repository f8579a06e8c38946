/// Draws without replacement, each proportional to its weight among what is left: successive sampling. Weights are given
/// once; many draws share the sums.
package struct WeightedDraw: Sendable {
  private let weights: [Double]
  /// Sums of the weights up to and with each.
  private let sums: [Double]
  private let lastPositive: Int?

  /// Repeats after which a draw looks at what is left one by one instead.
  private static let repeatsMax = 16

  /// - Precondition: weights are finite and not negative.
  package init(_ weights: [Double]) {
    precondition(weights.allSatisfy { $0 >= 0 && $0.isFinite }, "a weight is negative or not finite")
    self.weights = weights
    var sum = 0.0
    sums = weights.map { weight in
      sum += weight
      return sum
    }
    lastPositive = weights.lastIndex { $0 > 0 }
  }

  /// `count` distinct indices in the order drawn; all of them if `count` is larger. Those of weight 0 come last, uniformly.
  package func distinct(_ count: Int, stream: inout RandomStream) -> [Int] {
    var taken: Set<Int> = []
    return (0..<min(count, weights.count)).map { _ in
      let index = draw(taken, &stream)
      taken.insert(index)
      return index
    }
  }

  /// A draw that repeats what is taken already is thrown away, which leaves the proportions among the others as they are.
  private func draw(_ taken: Set<Int>, _ stream: inout RandomStream) -> Int {
    if let lastPositive, let total = sums.last {
      for _ in 0..<Self.repeatsMax {
        let index = min(place(of: stream.uniform() * total), lastPositive)
        if !taken.contains(index) { return index }
      }
    }
    return drawFromRest(taken, &stream)
  }

  private func drawFromRest(_ taken: Set<Int>, _ stream: inout RandomStream) -> Int {
    let rest = weights.indices.filter { !taken.contains($0) }
    let total = rest.reduce(0) { $0 + weights[$1] }
    guard total > 0 else { return rest[stream.below(rest.count)] }
    var left = stream.uniform() * total
    var last = rest[0]
    for index in rest where weights[index] > 0 {
      last = index
      left -= weights[index]
      if left < 0 { break }
    }
    return last
  }

  /// The first index whose sum exceeds a value: never one of weight 0.
  private func place(of value: Double) -> Int {
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension RandomStream {
  /// A uniform number in [0, 1) with 53 bits.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
