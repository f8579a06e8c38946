import Foundation

/// An estimate with a confidence interval; 95 % unless said otherwise.
package struct Estimate: Hashable, Codable, Sendable {
  package var value: Double
  package var low: Double
  package var high: Double

  package init(value: Double, low: Double, high: Double) {
    self.value = value
    self.low = low
    self.high = high
  }

  /// Whether the interval lies on one side of zero.
  package var excludesZero: Bool { low > 0 || high < 0 }

  /// The 97.5 % point of the standard normal distribution.
  package static let z = 1.959_963_984_540_054

  /// A share of successes with Wilson's score interval, which stays inside 0 to 1 and has a width at 0 and 1 too
  /// (Wilson 1927; Brown, Cai, DasGupta 2001).
  ///
  /// - Precondition: `0 ≤ correct ≤ total`, `total > 0`.
  package static func share(_ correct: Int, of total: Int) -> Estimate {
    precondition(total > 0 && (0...total).contains(correct), "\(correct) of \(total)")
    let n = Double(total)
    let share = Double(correct) / n
    let squared = z * z
    let centre = (share + squared / (2 * n)) / (1 + squared / n)
    let half = z / (1 + squared / n) * (share * (1 - share) / n + squared / (4 * n * n)).squareRoot()
    // At the ends the exact bound is the share itself; rounding must not pass it.
    return Estimate(value: share, low: min(share, max(0, centre - half)), high: max(share, min(1, centre + half)))
  }

  /// The mean of values with a percentile bootstrap interval (Efron 1979) over `resamples` resamples. For paired
  /// differences the values are the differences: the pairs are resampled whole.
  ///
  /// - Parameter stream: decides the resamples: the same stream gives the same interval.
  /// - Precondition: there are values.
  package static func mean(
    _ values: [Double], stream: RandomStream, resamples: Int = 10_000
  ) -> Estimate {
    precondition(!values.isEmpty && resamples >= 40, "\(values.count) values, \(resamples) resamples")
    var stream = stream
    let n = values.count
    let mean = values.reduce(0, +) / Double(n)
    guard let first = values.first, values.contains(where: { $0 != first }) else {
      return Estimate(value: mean, low: mean, high: mean)
    }
    var means: [Double] = []
    means.reserveCapacity(resamples)
    for _ in 0..<resamples {
      var sum = 0.0
      for _ in 0..<n { sum += values[stream.below(n)] }
      means.append(sum / Double(n))
    }
    means.sort()
    let tail = Int((Double(resamples) * 0.025).rounded(.down))
    return Estimate(value: mean, low: means[tail], high: means[resamples - 1 - tail])
  }
}

/// The unbiased estimate of pass@k from `correct` right answers of `samples`: 1 − C(n−c, k) / C(n, k)
/// (Chen et al. 2021, "Evaluating large language models trained on code").
///
/// - Precondition: `0 ≤ correct ≤ samples`, `1 ≤ k ≤ samples`.
package func passAtK(correct: Int, samples: Int, k: Int) -> Double {
  precondition((0...samples).contains(correct) && (1...samples).contains(k), "pass@\(k) of \(correct)/\(samples)")
  guard samples - correct >= k else { return 1 }
  var allWrong = 1.0
  for count in samples - correct + 1..<samples + 1 { allWrong *= 1 - Double(k) / Double(count) }
  return 1 - allWrong
}

/// The two-sided exact test of McNemar (1947) on paired outcomes: how likely a split of the pairs that differ is, as uneven as
/// this one or more, if either side wins such a pair by the toss of a coin.
///
/// - Parameters:
///   - gained: pairs that only the second side has right.
///   - lost: pairs that only the first side has right.
package func mcNemar(gained: Int, lost: Int) -> Double {
  precondition(gained >= 0 && lost >= 0, "\(gained) gained, \(lost) lost")
  let n = gained + lost
  guard n > 0 else { return 1 }
  let pairs = Double(n)
  var tail = 0.0
  for wins in 0...min(gained, lost) {
    let ways = lgamma(pairs + 1) - lgamma(Double(wins) + 1) - lgamma(Double(n - wins) + 1)
    tail += exp(ways - pairs * log(2.0))
  }
  return min(1, 2 * tail)
}
