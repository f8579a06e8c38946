import Postgres

/// A sample that an update consumed.
struct LessonRow: Decodable, Sendable {
  let sample: String
  let role: String
  let kind: String?
  let problem: String?
  let purpose: String?
  let policyVersion: Int
  let reward: Double?
  let baseline: Double?
  let deviation: Double?
  let advantage: Double?

  private static let columns =
    "sample, role, kind, problem, purpose, policy_version, reward, baseline, deviation, advantage from analytics.lessons"

  /// What an update did with one sample.
  static func of(sample: String, _ experiment: String, iteration: Int, _ number: Int32) -> Question {
    Question(
      """
      select \(columns)
      where experiment = $1 and policy_version = (
        select policy_version_after from projection.iterations where experiment = $2 and iteration = $3) and sample = $4
      limit 1
      """, .text(experiment), .int32(number), .int32(Int32(clamping: iteration)), .text(sample))
  }

  /// The samples that moved an update most.
  static func of(version: Int, _ experiment: String, limit: Int) -> Question {
    Question(
      """
      select \(columns) where experiment = $1 and policy_version = $2
      order by abs(advantage) desc nulls last, place limit $3
      """, .text(experiment), .int32(Int32(clamping: version)), .int64(Int64(limit)))
  }
}

/// One update of the weights.
struct OneUpdateRow: Decodable, Sendable {
  let iteration: Int?
  let fromVersion: Int
  let toVersion: Int
  let position: Int64
  let updatedAt: Double
  let loss, entropy, gradientNorm, ratioMean, ratioDistanceMax, clippedShare: Double
  let proposerReward, solverReward: Double?
  let logProbabilityMismatches: Int64
  let tokens: Int64
  let consumed, sequences, groups, groupsMixed: Int
  let weightsDigest: String

  static func of(version: Int, _ number: Int32) -> Question {
    Question(
      """
      select iteration, from_version, to_version, position, extract(epoch from updated_at)::float8 as updated_at, loss, entropy,
             gradient_norm, ratio_mean, ratio_distance_max, clipped_share, proposer_reward, solver_reward,
             log_probability_mismatches, tokens, consumed, sequences, groups, groups_mixed, weights_digest
      from projection.updates where experiment = $1 and to_version = $2 order by position desc limit 1
      """, .int32(number), .int32(Int32(clamping: version)))
  }
}

/// An evaluation's score: all together, or one kind of problem.
struct ScoreRow: Decodable, Sendable {
  let evaluation: String
  let suite: String
  let policyVersion: Int
  let temperature: Double
  let kind: String?
  let problems: Int
  let answers: Int
  let correct: Int
  let malformed: Int
  let passAt1: Double
  let passAt1Low: Double?
  let passAt1High: Double?
  let isComplete: Bool

  static func of(_ experiment: String) -> Question {
    Question(
      """
      select s.evaluation, s.suite, s.policy_version, s.temperature, s.kind, s.problems, s.answers, s.correct, s.malformed,
             s.pass_at_1, s.pass_at_1_low, s.pass_at_1_high, e.is_complete
      from analytics.evaluation_scores s
      join read.evaluations e on e.evaluation = s.evaluation
      where s.experiment = $1 and e.experiment = $1 and s.level is null
      order by s.suite, s.policy_version, s.temperature, s.evaluation, s.kind nulls first limit 400
      """, .text(experiment))
  }
}

/// One event of the log.
struct EventRow: Decodable, Sendable {
  let position: Int64
  let version: Int64
  let type: String
  let iteration: Int?
  let policyVersion: Int?
  let cause: Int64?
  let recordedAt: Double
  let body: String
  let isCut: Bool
  /// What it is about, where that has a page.
  let attempt: String?
  let proposal: String?
  let toVersion: Int?

  /// So much of a body is shown in the list.
  private static let bodyMax = 4000

  /// Events below a version, the newest first.
  static func page(_ number: Int32, below version: Int64, type: String?, iteration: Int?, limit: Int) -> Question {
    Question(
      """
      select position, version, type, iteration, policy_version, cause, extract(epoch from recorded_at)::float8 as recorded_at,
             left(body::text, \(bodyMax)) as body, octet_length(body::text) > \(bodyMax) as is_cut,
             body ->> 'attempt' as attempt, coalesce(body ->> 'proposal', body ->> 'problem') as proposal,
             case when type = 'WeightsUpdated' then (body ->> 'to_version')::integer end as to_version
      from log.events
      where experiment = $1 and version < $2 and ($3::text is null or type = $3) and ($4::integer is null or iteration = $4)
      order by version desc limit $5
      """, .int32(number), .int64(version), .text(type), .int32(iteration.map { Int32(clamping: $0) }),
      .int64(Int64(limit)))
  }
}
