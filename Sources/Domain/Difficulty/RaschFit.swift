import Foundation

/// Ratings of problems and policy versions on one scale (Rasch 1960): a policy of rating θ solves a problem of rating b with
/// probability σ(θ − b). Fitted to all attempts at once and not in their order, by Newton's method on the posterior.
///
/// Priors: the first policy is 0; from one version to the next θ changes by N(0, 0.2²). Problems of a cohort (an iteration)
/// are b ~ N(μ, 2²); the first μ ~ N(0, 2²), and from one iteration to the next μ changes by N(0, 0.2²). Policies and cohorts
/// have the same freedom, so that a change of solve rates which no problem's repeated attempts explain is given to neither;
/// with one mean for all cohorts it would go to the policy, and harder problems would be rated too easy (tried).
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

  /// What is left once problems are eliminated: the groups' ratings, then the cohorts' means.
  private var nodes: [Double] = []
  /// First iteration of each cohort.
  private var cohorts: [Int] = []
  private var observed: [Observed] = []
  private var places: [ProposalID: Int] = [:]
  /// Inverse of the nodes' information, row by row.
  private var covariance: [Double] = []

  private struct Observed {
    var rating = 0.0
    /// Node of its cohort.
    var cohort = 0
    /// One per group that attempted it.
    var cells: [(group: Int, attempts: Double, correct: Double)] = []
    /// Information of the rating, and −∂²/∂rating∂node of each node it touches, as of the last step.
    var information = 1.0
    var weights: [(node: Int, weight: Double)] = []
  }

  package static let groupsMax = 128
  private static let problemVariance = 4.0
  private static let firstVariance = 4.0
  private static let stepVariance = 0.04
  /// The first policy is the scale's 0.
  private static let anchorVariance = 1e-8
  private static let stepsMax = 60
  private static let tolerance = 1e-9
  private static let shortStep = 1e-3

  /// Elo points a nat.
  package static let points = 400 / log(10.0)

  package init(_ problems: some Sequence<ProblemRecord>) {
    let problems = problems.filter { !$0.counts.isEmpty }
    width = Self.width(for: problems.reduce(0) { max($0, $1.counts.last?.version ?? 0) })
    observe(problems)
    nodes = [Double](repeating: 0, count: groups.count + cohorts.count)
    fit()
  }

  /// Neighbours that are taken together so that there are no more than `groupsMax`: a power of two.
  private static func width(for last: Int) -> Int {
    var width = 1
    while last / width >= groupsMax { width *= 2 }
    return width
  }

  private mutating func observe(_ problems: [ProblemRecord]) {
    let numbers = Set(problems.flatMap { $0.counts.map { $0.version / width } }).sorted()
    let index = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, $0) })
    groups = numbers.map { Group(firstVersion: $0 * width, lastVersion: ($0 + 1) * width - 1, attempts: 0) }
    let cohortWidth = Self.width(for: problems.reduce(0) { max($0, $1.id.iteration) })
    let cohortNumbers = Set(problems.map { $0.id.iteration / cohortWidth }).sorted()
    let cohortIndex = Dictionary(uniqueKeysWithValues: cohortNumbers.enumerated().map { ($1, $0) })
    cohorts = cohortNumbers.map { $0 * cohortWidth }
    for problem in problems {
      var seen = Observed()
      seen.cohort = groups.count + (cohortIndex[problem.id.iteration / cohortWidth] ?? 0)
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
    return Self.estimate(nodes[group], variance: covariance[group * nodes.count + group])
  }

  /// The rating of the newest version that attempted anything up to a version, in nats; 0 before the first.
  func ability(at version: PolicyVersion) -> Double {
    groups.lastIndex { $0.firstVersion <= version }.map { nodes[$0] } ?? 0
  }

  /// The rating of a problem in nats; if it was not attempted, the mean of the newest cohort up to its own.
  func difficulty(of problem: ProposalID) -> Double {
    if let place = places[problem] { return observed[place].rating }
    return cohorts.lastIndex { $0 <= problem.iteration }.map { nodes[groups.count + $0] } ?? 0
  }

  /// How much the last group's rating is above the first's, and the mean of some problems above that of others; both in
  /// points, with what the fit knows of how their errors go together.
  package var abilityChange: Estimate? {
    let last = groups.count - 1
    guard last > 0 else { return nil }
    let variance = covariance[0] + covariance[last * nodes.count + last] - 2 * covariance[last]
    return Self.estimate(nodes[last] - nodes[0], variance: variance)
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

  /// A weighted sum of problems' ratings. Given the nodes, problems are independent; what they share goes through those.
  private func contrast(_ parts: [(place: Int, share: Double)]) -> Estimate {
    var (value, variance) = (0.0, 0.0)
    var through = [Double](repeating: 0, count: nodes.count)
    for (place, share) in parts {
      let problem = observed[place]
      value += share * problem.rating
      variance += share * share / problem.information
      for (node, weight) in problem.weights { through[node] += share * weight / problem.information }
    }
    let touched = nodes.indices.filter { through[$0] != 0 }
    for row in touched {
      for column in touched { variance += through[row] * through[column] * covariance[row * nodes.count + column] }
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
    var value = logPosterior(nodes, observed.map(\.rating))
    while steps < Self.stepsMax, !hasConverged {
      steps += 1
      let (nodeSteps, ratingSteps) = newtonStep()
      let longest = (nodeSteps + ratingSteps).reduce(0) { max($0, abs($1)) }
      var scale = 1.0
      // The posterior is concave: a long step that does not climb is too long. Of short ones, rounding decides that.
      while true {
        let moved = zip(nodes, nodeSteps).map { $0 + scale * $1 }
        let ratings = zip(observed, ratingSteps).map { $0.rating + scale * $1 }
        let next = logPosterior(moved, ratings)
        if next >= value || scale * longest < Self.shortStep {
          nodes = moved
          for place in observed.indices { observed[place].rating = ratings[place] }
          value = next
          break
        }
        scale /= 2
      }
      hasConverged = longest < Self.tolerance
    }
    var (matrix, _, _) = system()
    matrix.factorise()
    covariance = matrix.inverse()
  }

  /// Neighbours on the two chains, with 1 / variance of the change between them.
  private var ties: [(before: Int, after: Int, tie: Double)] {
    let ends = groups.map(\.firstVersion)
    func chain(_ places: [Int], from first: Int) -> [(Int, Int, Double)] {
      places.indices.dropFirst().map { place in
        let distance = Double(places[place] - places[place - 1])
        return (first + place - 1, first + place, 1 / (Self.stepVariance * distance))
      }
    }
    return chain(ends, from: 0) + chain(cohorts, from: groups.count)
  }

  private func logPosterior(_ nodes: [Double], _ ratings: [Double]) -> Double {
    let firstMean = nodes[groups.count]
    var sum = -nodes[0] * nodes[0] / (2 * Self.anchorVariance) - firstMean * firstMean / (2 * Self.firstVariance)
    for (before, after, tie) in ties {
      let step = nodes[after] - nodes[before]
      sum -= step * step * tie / 2
    }
    for (problem, rating) in zip(observed, ratings) {
      let distance = rating - nodes[problem.cohort]
      sum -= distance * distance / (2 * Self.problemVariance)
      for cell in problem.cells {
        let lead = nodes[cell.group] - rating
        // log σ(x) = −log(1 + e^−x), without overflow on either side.
        let both = log1p(exp(-abs(lead)))
        sum -= cell.correct * (both + max(0, -lead))
        sum -= (cell.attempts - cell.correct) * (both + max(0, lead))
      }
    }
    return sum
  }

  /// The step from the present ratings.
  private mutating func newtonStep() -> (nodes: [Double], ratings: [Double]) {
    var (matrix, gradient, slopes) = system()
    matrix.factorise()
    let nodeSteps = matrix.solve(gradient)
    let ratingSteps = zip(observed, slopes).map { problem, slope in
      let through = problem.weights.reduce(0.0) { $0 + $1.weight * nodeSteps[$1.node] }
      return (slope + through) / problem.information
    }
    return (nodeSteps, ratingSteps)
  }

  /// Information and gradient of the nodes. Problems do not meet each other, so they are eliminated one by one, which leaves
  /// their own information and slopes behind.
  private mutating func system() -> (SymmetricMatrix, gradient: [Double], slopes: [Double]) {
    var matrix = SymmetricMatrix(nodes.count)
    var gradient = [Double](repeating: 0, count: nodes.count)
    matrix[0, 0] += 1 / Self.anchorVariance
    gradient[0] -= nodes[0] / Self.anchorVariance
    matrix[groups.count, groups.count] += 1 / Self.firstVariance
    gradient[groups.count] -= nodes[groups.count] / Self.firstVariance
    for (before, after, tie) in ties {
      let pull = tie * (nodes[after] - nodes[before])
      matrix[before, before] += tie
      matrix[after, after] += tie
      matrix[after, before] -= tie
      gradient[before] += pull
      gradient[after] -= pull
    }
    let slopes = observed.indices.map { eliminate($0, &matrix, &gradient) }
    return (matrix, gradient, slopes)
  }

  /// Returns the posterior's slope in the problem's rating.
  private mutating func eliminate(_ place: Int, _ matrix: inout SymmetricMatrix, _ gradient: inout [Double]) -> Double {
    var problem = observed[place]
    problem.information = 0
    problem.weights.removeAll(keepingCapacity: true)
    var slope = 0.0
    func meet(_ node: Int, _ weight: Double, _ surplus: Double) {
      problem.weights.append((node, weight))
      problem.information += weight
      slope -= surplus
      gradient[node] += surplus
      matrix[node, node] += weight
    }
    for cell in problem.cells {
      let chance = 1 / (1 + exp(problem.rating - nodes[cell.group]))
      meet(cell.group, cell.attempts * chance * (1 - chance), cell.correct - cell.attempts * chance)
    }
    meet(
      problem.cohort, 1 / Self.problemVariance, (problem.rating - nodes[problem.cohort]) / Self.problemVariance)
    for (row, weight) in problem.weights {
      gradient[row] += weight * slope / problem.information
      for (column, other) in problem.weights where column <= row {
        matrix[row, column] -= weight * other / problem.information
      }
    }
    observed[place] = problem
    return slope
  }
}
