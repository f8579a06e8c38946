import Foundation

/// Ratings of problems and policy versions on one scale (Rasch 1960): a policy of rating θ solves a problem of rating b with
/// probability σ(θ − b). Fitted to all attempts at once and not in their order, by Newton's method on the posterior with
/// normal priors: problems b ~ N(0, 2²), the first policy θ ~ N(0, 2²), and from one version to the next θ ~ N(θ', 0.2²).
///
/// The trap: problems that only one version attempted tell nothing about how that version compares with others. What links
/// versions are problems that several of them attempted (`links`); where there are few, the priors decide, and intervals
/// are wide. Inside, ratings are in nats; `points` turns them into Elo points, 400 / ln 10 a nat.
package struct RaschFit: Sendable {
  /// Versions that were attempted with, in groups of `width` neighbours where there are more than `groupsMax`.
  package struct Group: Hashable, Sendable {
    package var firstVersion: PolicyVersion
    package var lastVersion: PolicyVersion
    package var attempts: Int
  }

  package private(set) var groups: [Group] = []
  package let width: Int
  /// Problems attempted, those of them by more than one group, and their attempts.
  package var problems: Int { observed.count }
  package var links: Int { observed.count { $0.cells.count > 1 } }
  package private(set) var attempts = 0
  /// Newton steps taken, and whether the last one was small enough.
  package private(set) var steps = 0
  package private(set) var hasConverged = false

  var abilities: [Double] = []
  var observed: [Observed] = []
  private var places: [ProposalID: Int] = [:]
  /// Inverse of the abilities' information, row by row.
  private var covariance: [Double] = []

  struct Observed {
    var id: ProposalID
    var rating = 0.0
    /// One per group that attempted it.
    var cells: [(group: Int, attempts: Double, correct: Double)]
    /// Information of the rating, and −∂²/∂rating∂ability of each cell, at the end of the fit.
    var information = 1.0
    var weights: [Double] = []
  }

  package static let groupsMax = 256
  static let problemVariance = 4.0
  static let firstVariance = 4.0
  static let stepVariance = 0.04
  private static let stepsMax = 60
  private static let tolerance = 1e-9

  /// Elo points a nat.
  package static let points = 400 / log(10.0)

  package init(_ problems: some Sequence<ProblemRecord>) {
    let problems = problems.filter { !$0.counts.isEmpty }
    let newest = problems.reduce(0) { max($0, $1.counts.last?.version ?? 0) }
    var width = 1
    while newest / width >= Self.groupsMax { width *= 2 }
    self.width = width
    observe(problems)
    abilities = [Double](repeating: 0, count: groups.count)
    fit()
  }

  private mutating func observe(_ problems: [ProblemRecord]) {
    let numbers = Set(problems.flatMap { $0.counts.map { $0.version / width } }).sorted()
    let index = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, $0) })
    groups = numbers.map { Group(firstVersion: $0 * width, lastVersion: ($0 + 1) * width - 1, attempts: 0) }
    for problem in problems {
      var seen = Observed(id: problem.id, cells: [])
      for count in problem.counts {
        guard let group = index[count.version / width] else { continue }
        if seen.cells.last?.group != group { seen.cells.append((group, 0, 0)) }
        seen.cells[seen.cells.count - 1].attempts += Double(count.solves.attempts)
        seen.cells[seen.cells.count - 1].correct += Double(count.solves.correct)
        groups[group].attempts += count.solves.attempts
        attempts += count.solves.attempts
      }
      places[problem.id] = observed.count
      observed.append(seen)
    }
  }
}

// MARK: - Ratings

extension RaschFit {
  /// The rating of a problem in points; nil if it was not attempted.
  package func rating(of problem: ProposalID) -> Estimate? {
    guard let place = places[problem] else { return nil }
    return meanRating(of: CollectionOfOne(place))
  }

  /// The mean rating of some problems in points; nil if none was attempted.
  package func meanRating(of problems: some Sequence<ProposalID>) -> Estimate? {
    let places = problems.compactMap { self.places[$0] }
    return places.isEmpty ? nil : meanRating(of: places)
  }

  /// The rating of a group of versions in points.
  package func rating(ofGroup group: Int) -> Estimate {
    precondition(groups.indices.contains(group), "group \(group) of \(groups.count)")
    return Self.estimate(abilities[group], variance: covariance[group * groups.count + group])
  }

  /// The rating of the newest version that attempted anything up to a version, in nats; 0 before the first.
  func ability(at version: PolicyVersion) -> Double {
    groups.lastIndex { $0.firstVersion <= version }.map { abilities[$0] } ?? 0
  }

  /// The rating of a problem in nats; the prior's 0 if it was not attempted.
  func difficulty(of problem: ProposalID) -> Double { places[problem].map { observed[$0].rating } ?? 0 }

  /// How much the last group's rating is above the first's, and the mean of some problems above that of others; both in
  /// points, with what the fit knows of how their errors go together.
  package var abilityChange: Estimate? {
    let last = groups.count - 1
    guard last > 0 else { return nil }
    let count = groups.count
    let variance = covariance[0] + covariance[last * count + last] - 2 * covariance[last]
    return Self.estimate(abilities[last] - abilities[0], variance: variance)
  }

  /// See `abilityChange`.
  package func difficultyChange(from old: [ProposalID], to new: [ProposalID]) -> Estimate? {
    let (old, new) = (old.compactMap { places[$0] }, new.compactMap { places[$0] })
    guard !old.isEmpty, !new.isEmpty else { return nil }
    return contrast(
      new.map { ($0, 1 / Double(new.count)) } + old.map { ($0, -1 / Double(old.count)) })
  }

  private func meanRating(of places: some Collection<Int>) -> Estimate {
    contrast(places.map { ($0, 1 / Double(places.count)) })
  }

  /// A weighted sum of problems' ratings. Given the abilities, problems are independent; what they share goes through those.
  private func contrast(_ parts: [(place: Int, share: Double)]) -> Estimate {
    var (value, variance) = (0.0, 0.0)
    var through = [Double](repeating: 0, count: groups.count)
    for (place, share) in parts {
      let problem = observed[place]
      value += share * problem.rating
      variance += share * share / problem.information
      for (cell, weight) in zip(problem.cells, problem.weights) {
        through[cell.group] += share * weight / problem.information
      }
    }
    for row in groups.indices where through[row] != 0 {
      for column in groups.indices {
        variance += through[row] * through[column] * covariance[row * groups.count + column]
      }
    }
    return Self.estimate(value, variance: variance)
  }

  /// 95 % of a normal distribution, in points.
  private static func estimate(_ value: Double, variance: Double) -> Estimate {
    let half = Estimate.z * max(0, variance).squareRoot()
    return Estimate(value: points * value, low: points * (value - half), high: points * (value + half))
  }
}

// MARK: - Newton's method

extension RaschFit {
  private mutating func fit() {
    guard !groups.isEmpty else {
      hasConverged = true
      return
    }
    var value = logPosterior(abilities, observed.map(\.rating))
    while steps < Self.stepsMax {
      steps += 1
      let (abilityStep, ratingSteps) = newtonStep()
      var scale = 1.0
      // The posterior is concave: a step that does not climb is too long.
      while true {
        let abilities = zip(self.abilities, abilityStep).map { $0 + scale * $1 }
        let ratings = zip(observed, ratingSteps).map { $0.rating + scale * $1 }
        let next = logPosterior(abilities, ratings)
        if next >= value || scale < 1e-6 {
          self.abilities = abilities
          for place in observed.indices { observed[place].rating = ratings[place] }
          value = next
          break
        }
        scale /= 2
      }
      let largest = (abilityStep + ratingSteps).reduce(0) { max($0, abs($1)) }
      if largest < Self.tolerance {
        hasConverged = true
        break
      }
    }
    _ = newtonStep()
  }

  /// 1 / variance between a group and the one before.
  private func tie(_ group: Int) -> Double {
    1 / (Self.stepVariance * Double(groups[group].firstVersion - groups[group - 1].firstVersion))
  }

  private func logPosterior(_ abilities: [Double], _ ratings: [Double]) -> Double {
    var sum = -abilities[0] * abilities[0] / (2 * Self.firstVariance)
    for group in groups.indices.dropFirst() {
      let step = abilities[group] - abilities[group - 1]
      sum -= step * step * tie(group) / 2
    }
    for (problem, rating) in zip(observed, ratings) {
      sum -= rating * rating / (2 * Self.problemVariance)
      for cell in problem.cells {
        let distance = abilities[cell.group] - rating
        // log σ(x) = −log(1 + e^−x), without overflow on either side.
        let both = log1p(exp(-abs(distance)))
        sum -= cell.correct * (both + max(0, -distance))
        sum -= (cell.attempts - cell.correct) * (both + max(0, distance))
      }
    }
    return sum
  }

  /// The step from the present ratings. Problems do not meet each other, so they are eliminated one by one; what is left is
  /// a system in the abilities alone. Leaves the information of problems and abilities behind.
  private mutating func newtonStep() -> (abilities: [Double], ratings: [Double]) {
    let count = groups.count
    var matrix = [Double](repeating: 0, count: count * count)
    var gradient = [Double](repeating: 0, count: count)
    addPriors(&matrix, &gradient)
    var slopes = [Double](repeating: 0, count: observed.count)
    for place in observed.indices { slopes[place] = eliminate(place, &matrix, &gradient) }
    covariance = inverse(matrix, count)
    let abilityStep = (0..<count).map { row in
      (0..<count).reduce(0.0) { $0 + covariance[row * count + $1] * gradient[$1] }
    }
    let ratingSteps = zip(observed, slopes).map { problem, slope in
      let through = zip(problem.cells, problem.weights).reduce(0.0) { $0 + $1.1 * abilityStep[$1.0.group] }
      return (slope + through) / problem.information
    }
    return (abilityStep, ratingSteps)
  }

  private func addPriors(_ matrix: inout [Double], _ gradient: inout [Double]) {
    let count = groups.count
    matrix[0] += 1 / Self.firstVariance
    gradient[0] -= abilities[0] / Self.firstVariance
    for group in 1..<max(count, 1) {
      let (tie, step) = (tie(group), abilities[group] - abilities[group - 1])
      matrix[group * count + group] += tie
      matrix[(group - 1) * count + group - 1] += tie
      matrix[group * count + group - 1] -= tie
      matrix[(group - 1) * count + group] -= tie
      gradient[group] -= tie * step
      gradient[group - 1] += tie * step
    }
  }

  /// Adds a problem's attempts to the system of the abilities, without its rating. Returns the posterior's slope in that.
  private mutating func eliminate(_ place: Int, _ matrix: inout [Double], _ gradient: inout [Double]) -> Double {
    let count = groups.count
    var problem = observed[place]
    problem.information = 1 / Self.problemVariance
    var slope = -problem.rating / Self.problemVariance
    problem.weights = problem.cells.map { cell in
      let chance = 1 / (1 + exp(problem.rating - abilities[cell.group]))
      let weight = cell.attempts * chance * (1 - chance)
      let surplus = cell.correct - cell.attempts * chance
      problem.information += weight
      slope -= surplus
      gradient[cell.group] += surplus
      matrix[cell.group * count + cell.group] += weight
      return weight
    }
    for (cell, weight) in zip(problem.cells, problem.weights) {
      gradient[cell.group] += weight * slope / problem.information
      for (other, otherWeight) in zip(problem.cells, problem.weights) {
        matrix[cell.group * count + other.group] -= weight * otherWeight / problem.information
      }
    }
    observed[place] = problem
    return slope
  }
}

/// The inverse of a symmetric positive definite matrix, row by row, through its Cholesky factor.
private func inverse(_ matrix: [Double], _ count: Int) -> [Double] {
  var factor = matrix
  for column in 0..<count {
    for row in column..<count {
      var sum = factor[row * count + column]
      for k in 0..<column { sum -= factor[row * count + k] * factor[column * count + k] }
      // The priors keep every pivot above zero; rounding must not pass it.
      factor[row * count + column] =
        row == column ? max(sum, 1e-12).squareRoot() : sum / factor[column * count + column]
    }
  }
  var result = [Double](repeating: 0, count: count * count)
  var column = [Double](repeating: 0, count: count)
  for unit in 0..<count {
    for row in 0..<count {
      var sum = row == unit ? 1.0 : 0.0
      for k in 0..<row { sum -= factor[row * count + k] * column[k] }
      column[row] = sum / factor[row * count + row]
    }
    for row in stride(from: count - 1, through: 0, by: -1) {
      var sum = column[row]
      for k in row + 1..<max(count, row + 1) { sum -= factor[k * count + row] * column[k] }
      column[row] = sum / factor[row * count + row]
    }
    for row in 0..<count { result[row * count + unit] = column[row] }
  }
  return result
}
