import Foundation

/// What is known of a solve rate p after successes and failures, beginning with the uniform prior: Beta(k + 1, n − k + 1).
/// Counts need not be whole: attempts of older policies may count less.
package struct BetaPosterior: Hashable, Sendable {
  /// Successes and failures, each plus 1.
  package let a: Double
  package let b: Double

  /// - Precondition: `0 ≤ correct ≤ attempts`.
  package init(correct: Double, attempts: Double) {
    precondition(correct >= 0 && correct <= attempts, "\(correct) of \(attempts)")
    a = correct + 1
    b = attempts - correct + 1
  }

  package var mean: Double { a / (a + b) }

  /// The expected p(1 − p): ab / ((a+b)(a+b+1)). Without attempts 1/6.
  package var learnability: Double { a * b / ((a + b) * (a + b + 1)) }

  /// The probability that p lies between two rates.
  package func mass(from low: Double, to high: Double) -> Double {
    max(0, incompleteBeta(high, a, b) - incompleteBeta(low, a, b))
  }

  /// Mean with the central 95 % of the distribution.
  package var estimate: Estimate {
    Estimate(value: mean, low: quantile(0.025), high: quantile(0.975))
  }

  /// The rate below which p lies with a probability, by bisection to 2⁻⁵⁰.
  package func quantile(_ probability: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if incompleteBeta(middle, a, b) < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

/// The regularised incomplete beta function I_x(a, b): the distribution function of Beta(a, b), by its continued fraction
/// (Abramowitz & Stegun 26.5.8, evaluated after Lentz).
///
/// - Precondition: `a, b > 0`.
package func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  precondition(a > 0 && b > 0, "Beta(\(a), \(b))")
  if x <= 0 { return 0 }
  if x >= 1 { return 1 }
  // The fraction converges quickly on this side of the mean only.
  if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
  let normaliser: Double = lgamma(a + b) - lgamma(a) - lgamma(b)
  let exponent: Double = normaliser + a * log(x) + b * log(1 - x)
  return exp(exponent) / a * betaFraction(x, a, b)
}

private func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
  let tiny = 1e-300
  func away(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
  var c = 1.0
  var d = 1 / away(1 - (a + b) * x / (a + 1))
  var result = d
  for step in 1...500 {
    let m = Double(step)
    let end: Double = a + 2 * m
    let even: Double = m * (b - m) * x / ((end - 1) * end)
    let odd: Double = -(a + m) * (a + b + m) * x / (end * (end + 1))
    for numerator in [even, odd] {
      d = 1 / away(1 + numerator * d)
      c = away(1 + numerator / c)
      result *= c * d
    }
    if abs(c * d - 1) < 1e-15 { break }
  }
  return result
}

extension Estimate {
  /// Wilson's score interval of a share of `attempts` that need not be whole: where older attempts count less, the effective
  /// number. Everything from 0 to 1 without attempts.
  package static func wilson(correct: Double, of attempts: Double) -> Estimate {
    precondition(correct >= 0 && correct <= attempts, "\(correct) of \(attempts)")
    guard attempts > 0 else { return Estimate(value: 0.5, low: 0, high: 1) }
    let share = correct / attempts
    let squared = z * z
    let centre = (share + squared / (2 * attempts)) / (1 + squared / attempts)
    let spread: Double = share * (1 - share) / attempts + squared / (4 * attempts * attempts)
    let half = z / (1 + squared / attempts) * spread.squareRoot()
    return Estimate(value: share, low: min(share, max(0, centre - half)), high: max(share, min(1, centre + half)))
  }
}
