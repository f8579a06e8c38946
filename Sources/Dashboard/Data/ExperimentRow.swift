import Postgres

/// An experiment in the list and at the head of its pages.
struct ExperimentRow: Decodable, Sendable {
  let number: Int32
  let name: String
  /// The word its last event left.
  let state: String
  let events: Int64
  let createdAt: Double
  let activeAt: Double
  let parent: String?
  let parentVersion: Int64?
  let model: String
  let planned: Int
  let iterations: Int
  let policyVersion: Int
  let tags: [String]
  let note: String?
  let priority: Int

  /// Whether something plays it, or is about to.
  var isLive: Bool { ["running", "pausing", "stopping", "created", "resuming"].contains(state) }
  var isOver: Bool { ["stopped", "finished"].contains(state) }

  private static let columns = """
    select x.number, x.name, x.state, x.version as events, extract(epoch from x.created_at)::float8 as created_at,
           extract(epoch from l.recorded_at)::float8 as active_at, p.name as parent, x.parent_version,
           coalesce(c.body #>> '{settings,model,name}', '') as model,
           coalesce((c.body #>> '{settings,iterations}')::integer, 0) as planned,
           coalesce(i.iterations, 0) as iterations, coalesce(i.policy_version, 0) as policy_version,
           coalesce(a.tags, '{}') as tags, a.note, coalesce(a.priority, 0) as priority
    from log.experiments x
    left join log.experiments p on p.number = x.parent
    join log.events c on c.experiment = x.number and c.version = coalesce(x.parent_version, 0) + 1
    join log.events l on l.position = x.last_position
    left join lateral (
      select count(*) filter (where ended_position is not null) as iterations, max(policy_version_after) as policy_version
      from projection.iterations where experiment = x.number
    ) as i on true
    left join read.annotations a on a.experiment = x.name
    """

  static func named(_ name: String) -> Question { Question(columns + " where x.name = $1", .text(name)) }

  /// The most recently active first.
  static func page(offset: Int, limit: Int) -> Question {
    Question(
      columns + " where x.name not like 'evaluation/%' order by x.last_position desc limit $1 offset $2",
      .int64(Int64(limit)), .int64(Int64(offset)))
  }

  /// Everything that decides what it does, flattened by path.
  static func settings(_ number: Int32) -> Question {
    Question(
      """
      with recursive leaves (key, value) as (
        select ''::text, c.body -> 'settings'
        from log.experiments x join log.events c on c.experiment = x.number and c.version = coalesce(x.parent_version, 0) + 1
        where x.number = $1
        union all
        select case when leaves.key = '' then m.key else leaves.key || '.' || m.key end, m.value
        from leaves cross join lateral json_each(case json_typeof(leaves.value) when 'object' then leaves.value end) as m
      )
      select key, coalesce(value #>> '{}', 'null') as value from leaves where json_typeof(value) <> 'object' order by key limit 500
      """, .int32(number))
  }
}

/// One setting.
struct SettingRow: Decodable, Sendable {
  let key: String
  let value: String
}

/// How far the stored projections are, which most of the page is read from.
struct ProjectionRow: Decodable, Sendable {
  let projection: String
  let state: String
  let failure: String?
  let lag: Int64

  static func of(_ name: String) -> Question {
    Question(
      "select projection, state, failure, lag from read.projections where experiment = $1 and current order by projection limit 20",
      .text(name))
  }
}

/// A point of the small curve beside an experiment in the list.
struct SparkRow: Decodable, Sendable {
  let number: Int32
  let iteration: Int
  let rate: Double?

  /// Each experiment's iterations in at most 60 buckets.
  static func of(_ numbers: [Int32]) -> Question {
    Question(
      """
      select k.experiment as number, min(k.iteration) as iteration,
             sum(k.probes_correct + k.solves_correct)::float8 / nullif(sum(k.probes + k.solves), 0) as rate
      from projection.iteration_kinds k
      join (select experiment, max(iteration) / 60 + 1 as width from projection.iterations
            where experiment = any($1) group by experiment) as w on w.experiment = k.experiment
      where k.experiment = any($1) and k.iteration > 0
      group by k.experiment, k.iteration / w.width order by 1, 2
      """, .int32Array(numbers))
  }
}
