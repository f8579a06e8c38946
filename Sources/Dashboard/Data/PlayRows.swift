import Postgres

/// Which iterations a chart shows, and how many of them make a point.
struct Span: Sendable, Hashable {
  var from: Int
  var to: Int
  /// Iterations a bucket; 1 shows each by itself.
  var width: Int

  /// A series has at most so many points, two for a bucket of more than one iteration.
  static let pointsMax = 1000

  init(from: Int, to: Int, pointsMax: Int = Span.pointsMax) {
    self.from = from
    self.to = max(from, to)
    let count = self.to - from + 1
    width = count <= pointsMax ? 1 : (count + pointsMax / 2 - 1) / (pointsMax / 2)
  }

  var values: [Parameter] {
    [.int32(Int32(clamping: from)), .int32(Int32(clamping: to)), .int32(Int32(clamping: width))]
  }
}

/// What was counted in a bucket of iterations, by kind of problem.
struct KindRow: Decodable, Sendable {
  let iteration: Int
  let kind: String
  let proposals: Int
  let accepted: Int
  let probed: Int
  let learnable: Int
  let probes: Int
  let probesCorrect: Int
  let solves: Int
  let solvesCorrect: Int
  let tokens: Int64

  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select k.iteration / $4 * $4 as iteration, k.kind, sum(k.proposals)::bigint as proposals, sum(k.accepted)::bigint as accepted,
             sum(k.probed)::bigint as probed,
             sum(k.learnable)::bigint as learnable, sum(k.probes)::bigint as probes, sum(k.probes_correct)::bigint as probes_correct,
             sum(k.solves)::bigint as solves, sum(k.solves_correct)::bigint as solves_correct,
             sum(k.tokens_proposed + k.tokens_probed + k.tokens_solved)::bigint as tokens
      from projection.iteration_kinds k
      where k.experiment = $1 and k.iteration between $2 and $3
      group by 1, 2 order by 1, 2 limit 6000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// The updates of a bucket of iterations: of each figure the smallest and the largest, so that no spike is lost.
struct UpdateRow: Decodable, Sendable {
  let iteration: Int
  let lossMin, lossMax: Double?
  let entropyMin, entropyMax: Double?
  let gradientMin, gradientMax: Double?
  let ratioDistance: Double?
  let clippedShare: Double?
  let mismatches: Int64
  let proposerMin, proposerMax: Double?
  let solverMin, solverMax: Double?
  let groups: Int64
  let groupsMixed: Int64

  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select iteration / $4 * $4 as iteration, min(loss) as loss_min, max(loss) as loss_max, min(entropy) as entropy_min,
             max(entropy) as entropy_max, min(gradient_norm) as gradient_min, max(gradient_norm) as gradient_max,
             max(ratio_distance_max) as ratio_distance, max(clipped_share) as clipped_share,
             sum(log_probability_mismatches)::bigint as mismatches, min(proposer_reward) as proposer_min,
             max(proposer_reward) as proposer_max, min(solver_reward) as solver_min, max(solver_reward) as solver_max,
             sum(groups)::bigint as groups, sum(groups_mixed)::bigint as groups_mixed
      from projection.updates where experiment = $1 and iteration between $2 and $3
      group by 1 order by 1 limit 2000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// Refused proposals of a bucket of iterations by reason.
struct RefusalRow: Decodable, Sendable {
  let iteration: Int
  let refusal: String
  let proposals: Int

  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select iteration / $4 * $4 as iteration, refusal, sum(proposals)::bigint as proposals
      from projection.refusals where experiment = $1 and iteration between $2 and $3
      group by 1, 2 order by 1, 2 limit 14000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// Problems of a bucket of iterations by how many of their probes were right.
struct ProbeRow: Decodable, Sendable {
  let iteration: Int
  let correct: Int
  let probes: Int
  let problems: Int

  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select iteration / $4 * $4 as iteration, probes_correct as correct, probes, count(*) as problems
      from projection.problems where experiment = $1 and iteration between $2 and $3 and probes > 0
      group by 1, 2, 3 order by 1, 2, 3 limit 20000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// Seconds and tokens of a bucket of iterations by phase.
struct PhaseRow: Decodable, Sendable {
  let iteration: Int
  let phase: String
  let seconds: Double
  let tokens: Int64

  static func of(_ number: Int32, _ span: Span) -> Question {
    Question(
      """
      select i.iteration / $4 * $4 as iteration,
             case when a.step in ('verify proposals', 'verify attempts') then 'verify'
                  when a.step in ('propose', 'probe', 'solve', 'update', 'checkpoint') then a.step else 'other' end as phase,
             sum(a.seconds) as seconds, coalesce(sum(a.tokens), 0)::bigint as tokens
      from (
        select iteration, position, lead(position) over (order by iteration) as next
        from projection.iterations where experiment = $1 and not inherited and iteration between $2 and $3 + 1
      ) as i
      cross join lateral (
        select measure ->> 'step' as step, (measure ->> 'seconds')::float8 as seconds, (measure ->> 'tokens')::bigint as tokens
        from log.appends
        where experiment = $1 and first_position >= i.position and first_position < coalesce(i.next, 9223372036854775807)
          and measure is not null
      ) as a
      where i.iteration <= $3
      group by 1, 2 order by 1, 2 limit 7000
      """, .int32(number), span.values[0], span.values[1], span.values[2])
  }
}

/// A condition of an experiment's health, held or over.
struct ConditionRow: Decodable, Sendable {
  let condition: String
  let iteration: Int?
  let iterationEnded: Int?
  let value: Double?
  let threshold: Double?
  let recordedAt: Double

  static func of(_ name: String) -> Question {
    Question(
      """
      select condition, iteration, iteration_ended, value, threshold, extract(epoch from recorded_at)::float8 as recorded_at
      from read.conditions where experiment = $1 order by position desc limit 30
      """, .text(name))
  }
}
