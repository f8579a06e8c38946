import Postgres

/// The policy in a bucket of iterations, on the scale of the problems: means over the versions that attempted in them.
struct PolicyRatingRow: Decodable, Sendable {
  let iteration: Int
  let versionFirst: Int
  let versionLast: Int
  let rating: Double
  let low: Double
  let high: Double
  let attempts: Int
  let links: Int
  let fittedVersion: Int

  /// Iterations whose policy has no rating yet have no row.
  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select i.iteration / $4 * $4 as iteration, min(i.version) as version_first, max(i.version) as version_last, avg(r.rating) as rating,
             avg(r.rating_low) as low, avg(r.rating_high) as high, sum(r.attempts)::bigint as attempts, max(r.links) as links,
             max(r.fitted_version) as fitted_version
      from (
        select iteration, coalesce(max(policy_version_after) over (
                 order by iteration rows between unbounded preceding and 1 preceding), 0) as version
        from projection.iterations where experiment = $1
      ) as i
      join projection.policy_ratings r on r.experiment = $1 and r.policy_version = i.version
      where i.iteration between $2 and $3
      group by 1 order by 1 limit 2000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// Problems of one kind that were proposed in a bucket of iterations, on the scale of the policy.
struct ProblemRatingRow: Decodable, Sendable {
  let iteration: Int
  let kind: String
  let problems: Int
  let attempts: Int
  /// Of the ratings: their sum and the sum of their squares, so that rows can be pooled.
  let sum: Double
  let squares: Double

  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select iteration / $4 * $4 as iteration, kind, count(*) as problems, sum(attempts)::bigint as attempts, sum(rating) as sum,
             sum(rating * rating) as squares
      from projection.problem_ratings where experiment = $1 and iteration between $2 and $3
      group by 1, 2 order by 1, 2 limit 6000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// How hard one problem is, beside the newest rated policy.
struct RatingRow: Decodable, Sendable {
  let rating: Double
  let low: Double
  let high: Double
  let attempts: Int
  let versions: Int
  let fittedVersion: Int
  let policy: Double?

  static func of(problem: String, _ number: Int32) -> Question {
    Question(
      """
      select r.rating, r.rating_low as low, r.rating_high as high, r.attempts, r.versions, r.fitted_version,
             (select p.rating from projection.policy_ratings p where p.experiment = $1 order by p.policy_version desc limit 1) as policy
      from projection.problem_ratings r where r.experiment = $1 and r.problem = $2
      """, .int32(number), .text(problem))
  }
}

/// A kind and size of program: how well its problems are solved, and whether that changes.
struct CellRow: Decodable, Sendable {
  let kind: String
  let size: String
  let problems: Int
  let attempts: Int
  let effectiveAttempts: Double
  let solveRate: Double
  let wilsonLow: Double
  let wilsonHigh: Double
  let learnability: Double
  let progress: Double
  let progressDeviation: Double
  let progressOutcomes: Int

  static func of(_ number: Int32) -> Question {
    Question(
      """
      select kind, size, problems, attempts, effective_attempts, solve_rate, wilson_low, wilson_high, learnability, progress,
             progress_deviation, progress_outcomes
      from projection.difficulty_cells where experiment = $1
      order by array_position(array['deduction', 'abduction', 'induction'], kind), kind, split_part(replace(size, '+', '-'), '-', 1)::integer limit 200
      """, .int32(number))
  }
}
