import Foundation

/// Problems of one bucket of iterations, pooled over kinds.
struct RatedProblems: Sendable {
  var problems = 0
  var attempts = 0
  var sum = 0.0
  var squares = 0.0

  init(_ rows: some Sequence<ProblemRatingRow> = []) {
    for row in rows {
      problems += row.problems
      attempts += row.attempts
      sum += row.sum
      squares += row.squares
    }
  }

  var mean: Double? { problems > 0 ? sum / Double(problems) : nil }
  /// Standard deviation of the ratings among the problems.
  var deviation: Double? {
    guard let mean, problems > 1 else { return nil }
    return max(0, (squares - Double(problems) * mean * mean) / Double(problems - 1)).squareRoot()
  }
  /// Of the mean.
  var error: Double? { deviation.map { $0 / Double(problems).squareRoot() } }
}

/// The charts about difficulty: the policy and the problems on one scale.
struct RatingCharts: Sendable {
  private let x: [Int]
  private let policy: [Int: PolicyRatingRow]
  private let problems: [Int: [ProblemRatingRow]]
  let story: RatingStory

  init(_ policy: [PolicyRatingRow], _ problems: [ProblemRatingRow]) {
    self.policy = Dictionary(policy.map { ($0.iteration, $0) }, uniquingKeysWith: { first, _ in first })
    self.problems = Dictionary(grouping: problems, by: \.iteration)
    x = Set(policy.map(\.iteration) + problems.map(\.iteration)).sorted()
    story = RatingStory(policy, problems)
  }

  var isEmpty: Bool { x.isEmpty }

  /// Is the policy getting better, or are the problems getting harder?
  var abilities: Chart {
    let pooled = x.map { RatedProblems(problems[$0] ?? []) }
    func bound(_ sign: Double) -> [Double?] {
      pooled.map { bucket in bucket.mean.map { $0 + sign * (bucket.deviation ?? 0) } }
    }
    return Chart(
      name: "ratings", title: "Policy and problems on one scale",
      note:
        "Elo points: at its own rating a policy solves half, 400 points below it ten of eleven. Bands: its 95 % interval; two thirds of "
        + "the new problems.",
      unit: .points, x: x,
      series: [
        Chart.Series(
          name: "policy", color: 5, values: x.map { policy[$0]?.rating }, low: x.map { policy[$0]?.low },
          high: x.map { policy[$0]?.high }),
        Chart.Series(name: "new problems", color: 6, values: pooled.map(\.mean), low: bound(-1), high: bound(1)),
      ])
  }

  /// Which kind of problem is the hard one?
  var kinds: Chart {
    let found = Set(problems.values.flatMap { $0.map(\.kind) })
    let kinds = Parts.kinds.filter(found.contains) + found.subtracting(Parts.kinds).sorted()
    return Chart(
      name: "ratings-by-kind", title: "Rating of new problems",
      note: "Mean rating of the problems an iteration proposed, by kind; above the policy’s are those it mostly fails.",
      unit: .points, x: x,
      series: kinds.map { kind in
        Chart.Series(
          name: kind, color: Parts.color(ofKind: kind),
          values: x.map { RatedProblems((problems[$0] ?? []).filter { $0.kind == kind }).mean })
      } + [Chart.Series(name: "policy", color: 8, dashed: true, values: x.map { policy[$0]?.rating })])
  }
}

/// What the ratings say, in words: of the iterations shown, how far the policy and its problems have come from where they were.
struct RatingStory: Sendable {
  /// A change in Elo points with its 95 % interval.
  struct Change: Sendable {
    let points: Double
    let low: Double
    let high: Double

    var isTold: Bool { low > 0 || high < 0 }
  }

  let policy: Change?
  let problems: Change?
  /// Share of right answers that the ratings expect of the policy at its own new problems, at first and at last.
  let expected: (first: Double, last: Double)?
  let isLinkedLittle: Bool
  let links: Int
  let fittedVersion: Int
  let rated: RatedProblems

  init(_ policy: [PolicyRatingRow], _ problems: [ProblemRatingRow]) {
    rated = RatedProblems(problems)
    links = policy.map(\.links).max() ?? 0
    // As `autodidact difficulty` judges: fewer than a tenth of the problems, and the priors decide.
    isLinkedLittle = links * 10 < rated.problems
    fittedVersion = policy.last?.fittedVersion ?? 0
    let iterations = Array(Set(problems.map(\.iteration)).sorted())
    guard let begin = policy.first, let end = policy.last, iterations.count > 1 else {
      (self.policy, self.problems, expected) = (nil, nil, nil)
      return
    }
    let few = max(1, iterations.count / 10)
    let first = RatedProblems(problems.filter { iterations.prefix(few).contains($0.iteration) })
    let last = RatedProblems(problems.filter { iterations.suffix(few).contains($0.iteration) })
    // The scale's zero is the first version, so that an interval is already one of a change since it; of a later begin the wider
    // of both is taken, which errs on the side of "cannot be told".
    let half = max((end.high - end.low) / 2, begin.versionFirst > 0 ? (begin.high - begin.low) / 2 : 0)
    let change = end.rating - begin.rating
    self.policy = Change(points: change, low: change - half, high: change + half)
    guard let from = first.mean, let to = last.mean else {
      (self.problems, expected) = (nil, nil)
      return
    }
    // The problems of late iterations share the error of the policy that attempted them.
    let sampling = 1.96 * ((first.error ?? 0) * (first.error ?? 0) + (last.error ?? 0) * (last.error ?? 0)).squareRoot()
    let width = (half * half + sampling * sampling).squareRoot()
    self.problems = Change(points: to - from, low: to - from - width, high: to - from + width)
    expected = (Elo.expected(begin.rating - from), Elo.expected(end.rating - to))
  }

  var html: HTML {
    let little: HTML =
      isLinkedLittle
      ? """
      <p class="notice">Only \(Format.count(links)) problems were attempted by several versions. With so few, the fit cannot tell a \
      better policy from easier problems: the priors decide.</p>
      """ : .nothing
    guard let policy, let problems, let expected else { return little }
    return """
      \(little)<ul class="story"><li>\(Self.words("The policy", policy, up: "is better", down: "is worse"))</li>\
      <li>\(Self.words("New problems", problems, up: "are harder", down: "are easier"))</li>\
      <li>By these ratings it should solve <b>\(Format.percent(expected.first))</b> of its new problems at first, \
      <b>\(Format.percent(expected.last))</b> at last.</li></ul>
      """
  }

  private static func words(_ what: String, _ change: Change, up: String, down: String) -> HTML {
    let range = "95 % interval \(Format.decimal(change.low, 0)) to \(Format.decimal(change.high, 0))"
    guard change.isTold else {
      return
        "\(what): <b>no change that the fit can tell</b>, \(change.points > 0 ? "+" : "")\(Format.decimal(change.points, 0)) points (\(range))."
    }
    return """
      \(what) <b>\(change.points > 0 ? up : down)</b> than at first by \(Format.decimal(change.points.magnitude, 0)) points (\(range)).
      """
  }
}

/// What a difference of ratings means.
enum Elo {
  /// Probability that a policy so many points above a problem solves it.
  static func expected(_ difference: Double) -> Double { 1 / (1 + pow(10, -difference / 400)) }
}
