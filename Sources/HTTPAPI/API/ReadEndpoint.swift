import Postgres

/// A GET of the API that is one query: its address, its parameters, its SQL. All of them are in `ReadEndpoint.all`.
struct ReadEndpoint: Sendable {
  /// How the rows are put.
  enum Shape: Sendable {
    /// `{"KEY": [...], "next": …}`: at most `limit` rows, the last parameter; the next page is `after=next`.
    case page(key: String, cursor: String)
    /// `{"KEY": [...], "truncated": …}`: at most `rowsMax`.
    case list(key: String)
    /// The row itself, or 404 with this message.
    case one(missing: String)
  }

  /// Rows of a list.
  static let rowsMax = 10_000
  /// Code points of a part of the path: no name and no id is longer.
  static let partLengthMax = 200

  /// After `/api/v1/`; `{…}` takes one part. `{name}` is an experiment, which must be there.
  var path: String
  var parameters: [QueryParameter] = []
  var shape: Shape
  /// Its `$1 …` are the path's parts in order, then the parameters in order.
  var sql: String

  var fullPath: String { "/api/v1/\(path)" }

  /// - Parameter parts: what the path's `{…}` stand for, in order.
  func answer(_ call: Call, parts: [(name: String, value: String)], _ reading: Reading) async throws(WebError) -> Answer
  {
    // A list of what hangs on a thing that cannot be is not empty, it is not there.
    if let part = parts.first(where: { $0.value.unicodeScalars.count > Self.partLengthMax }) {
      throw WebError(.notFound, "no \(part.name) is longer than \(Self.partLengthMax) characters")
    }
    let values = parts.map { Parameter.text($0.value) } + (try QueryParameter.values(parameters, of: call.query))
    if let name = parts.first(where: { $0.name == "name" }) { try await reading.requireExperiment(name.value) }
    switch shape {
    case .page(let key, let cursor):
      let lines = try await reading.lines(sql, values, cursor: cursor)
      // The query asks for one row more than the limit, to know whether there is a next page.
      let limit = limit(of: call)
      let shown = lines.prefix(limit)
      let next = lines.count > limit ? shown.last?.cursor : nil
      return .json(200, Self.object(key, shown.map(\.json), "next", next.map(JSONText.of) ?? "null"))
    case .list(let key):
      let lines = try await reading.lines("\(sql) limit \(Self.rowsMax + 1)", values)
      return .json(
        200, Self.object(key, lines.prefix(Self.rowsMax).map(\.json), "truncated", "\(lines.count > Self.rowsMax)"))
    case .one(let missing):
      guard let line = try await reading.lines(sql, values).first else { throw WebError(.notFound, missing) }
      return .json(200, line.json)
    }
  }

  private func limit(of call: Call) -> Int {
    if let given = call.query.first(where: { $0.name == "limit" }).flatMap({ Int($0.value) }) { return given }
    if case .integer(_, let standard?) = parameters.last?.form { return Int(standard) }
    preconditionFailure("\(path) is a page without a limit")
  }

  private static func object(_ key: String, _ rows: [String], _ second: String, _ value: String) -> String {
    "{\"\(key)\":[\(rows.joined(separator: ","))],\"\(second)\":\(value)}"
  }
}

extension ReadEndpoint {
  /// Columns of an experiment, without its settings.
  private static let experiment = """
    experiment, number, id, state, created_at, last_event_at, events, seeding_rounds, iterations, iterations_planned,
    policy_version, checkpoint_version, model, seed, parent, epoch, tags, note, priority
    """
  private static let experimentTables = "read.experiments join read.annotations using (experiment)"

  /// `$1` an experiment's name, `$2` and `$3` iterations.
  private static func byIteration(_ path: String, _ key: String, _ view: String, order: String) -> ReadEndpoint {
    ReadEndpoint(
      path: "experiments/{name}/\(path)", parameters: QueryParameter.iterations, shape: .list(key: key),
      sql: "select * from \(view) where experiment = $1 and iteration between $2 and $3 order by \(order)")
  }

  static let all: [ReadEndpoint] = [
    ReadEndpoint(
      path: "experiments",
      parameters: [
        .text("state", lengthMax: 64), .text("parent"), .text("tag", lengthMax: 64),
        .integer("after", 0...Int64(Int32.max), 0), .limit(500, 100),
      ],
      shape: .page(key: "experiments", cursor: "q.number"),
      sql: """
        select \(experiment) from \(experimentTables)
        where ($1::text is null or state = $1) and ($2::text is null or parent = $2) and ($3::text is null or $3 = any (tags))
          and number > $4
        order by number limit $5 + 1
        """),
    ReadEndpoint(
      path: "experiments/{name}", shape: .one(missing: "no such experiment"),
      sql: "select \(experiment), settings from \(experimentTables) where experiment = $1"),
    byIteration("learning-curve", "learning_curve", "analytics.learning_curve", order: "iteration"),
    byIteration("refusals", "refusals", "analytics.refusals", order: "iteration, kind, refusal"),
    byIteration("phases", "phases", "analytics.throughput", order: "iteration, phase"),
    byIteration(
      "learnability", "learnability", "analytics.learnability", order: "iteration, kind, probes_correct, probes"),
    difficulty,
    byIteration("conditions", "conditions", "read.conditions", order: "position"),
    byIteration("updates", "updates", "read.updates", order: "position"),
    ReadEndpoint(
      path: "experiments/{name}/evaluations", shape: .list(key: "evaluations"),
      sql: "select * from read.evaluations where experiment = $1 order by position"),
    events, problems, problem, attempts,
    ReadEndpoint(
      path: "projections", parameters: [.text("experiment")], shape: .list(key: "projections"),
      sql: """
        select * from read.projections where ($1::text is null or experiment = $1) and experiment not like 'evaluation/%'
        order by experiment, projection, version
        """),
  ]

  /// Policy and problems on one scale, and the cells; every list is there, empty where nothing is stored yet.
  private static let difficulty = ReadEndpoint(
    path: "experiments/{name}/difficulty", parameters: QueryParameter.iterations,
    shape: .one(missing: "no such experiment"),
    sql: """
      select $1::text as experiment, (select max(fitted_version) from read.policy_ratings where experiment = $1) as fitted_version,
             (select coalesce(json_agg(p), '[]') from (
                select policy_version, rating, rating_low, rating_high, attempts, correct, first_version, last_version, links, converged
                from read.policy_ratings where experiment = $1 order by policy_version limit \(rowsMax)) as p) as policy,
             (select coalesce(json_agg(b), '[]') from (
                select iteration, kind, count(*) as problems, sum(attempts)::bigint as attempts, avg(rating) as rating,
                       coalesce(stddev_samp(rating), 0) as rating_deviation
                from read.problem_ratings where experiment = $1 and iteration between $2 and $3
                group by iteration, kind order by iteration, kind limit \(rowsMax)) as b) as problems,
             (select coalesce(json_agg(c), '[]') from (
                select kind, size, problems, attempts, correct, effective_attempts, solve_rate, wilson_low, wilson_high, learnability,
                       progress, progress_deviation, progress_excess, progress_outcomes, policy_version
                from read.difficulty_cells where experiment = $1 order by kind, size limit \(rowsMax)) as c) as cells
      """)

  /// A fork's history begins with what it shares.
  private static let events = ReadEndpoint(
    path: "experiments/{name}/events",
    parameters: [
      .text("type", lengthMax: 64), .integer("iteration", 0...Int64(Int32.max)), .integer("after", 0...Int64.max, 0),
      .limit(500, 100),
    ],
    shape: .page(key: "events", cursor: "q.position"),
    sql: """
      select e.position, e.version, a.name as recorded_by, e.type, e.schema_version, e.iteration, e.policy_version, e.cause,
             e.recorded_at, e.body
      from log.experiments x
      join log.lineage l on l.experiment = x.number
      join log.experiments a on a.number = l.ancestor
      join log.events e on e.experiment = l.ancestor and e.position > $4
        and (l.last_position is null or e.position <= l.last_position)
      where x.name = $1 and ($2::text is null or e.type = $2) and ($3::bigint is null or e.iteration = $3)
      order by e.position limit $5 + 1
      """)

  private static let problemColumns = """
    x.name as experiment, p.problem, p.kind, p.iteration, p.policy_version, p.given, p.inherited,
    p.admitted_position is not null or p.given as admitted, p.probes, p.probes_correct, p.attempts, p.correct,
    case when p.probes > 0 then case when p.probes_correct > 0 and p.probes_correct < p.probes
         then 1 - p.probes_correct::float8 / p.probes else 0 end end as learnability,
    p.first_solved_version, p.last_solved_version, p.last_attempted_version, r.rating, r.rating_low, r.rating_high,
    case when not p.given then p.position end as position
    """

  private static let problemTables = """
    log.experiments x join projection.problems p on p.experiment = x.number
    left join projection.problem_ratings r on r.experiment = x.number and r.problem = p.problem
    """

  private static let problems = ReadEndpoint(
    path: "experiments/{name}/problems",
    parameters: [.kind, .integer("iteration", 0...Int64(Int32.max)), .text("after"), .limit(500, 100)],
    shape: .page(key: "problems", cursor: "q.problem"),
    sql: """
      select \(problemColumns)
      from \(problemTables)
      where x.name = $1 and ($2::text is null or p.kind = $2) and ($3::bigint is null or p.iteration = $3)
        and ($4::text is null or (p.position, p.problem) >
          (select b.position, b.problem from projection.problems b where b.experiment = x.number and b.problem = $4))
      order by p.position, p.problem limit $5 + 1
      """)

  private static let problem = ReadEndpoint(
    path: "experiments/{name}/problems/{problem}", shape: .one(missing: "the experiment has no such problem (yet)"),
    sql: """
      select \(problemColumns), v.body #>> '{problem,program}' as program, v.body #> '{problem,pairs}' as pairs,
             v.body #>> '{problem,message}' as message
      from \(problemTables)
      left join log.events v on v.position = p.verified_position
      where x.name = $1 and p.problem = $2
      """)

  private static let attempts = ReadEndpoint(
    path: "experiments/{name}/problems/{problem}/attempts",
    parameters: [.integer("after", 0...Int64.max, 0), .limit(500, 100)],
    shape: .page(key: "attempts", cursor: "q.position"),
    sql: """
      select x.name as experiment, \(attemptID("t")) as attempt, t.purpose, t.kind, t.problem, t.iteration,
             t.policy_version, t.verdict, t.tokens, t.position, t.verified_position, t.made_at
      from log.experiments x join projection.attempts t on t.experiment = x.number
      where x.name = $1 and t.problem = $2 and t.position > $3
      order by t.position limit $4 + 1
      """)

  /// The id of an attempt from its parts.
  static func attemptID(_ table: String) -> String {
    "concat_ws('.', \(table).iteration, \(table).purpose, \(table).kind, \(table).slot, \(table).sample)"
  }
}
