import EventLog
import FoundationEssentials
import Postgres

// The statements that read the log's tables, each beside the decoding of its columns.

extension ExperimentRecord {
  static let sql = """
    select x.id, x.name, x.version, x.epoch, x.state, x.created_at, x.last_position, p.id, x.parent_version,
           x.parent_position
    from log.experiments x left join log.experiments p on p.number = x.parent
    """

  init(row: Row) throws(PostgresError) {
    self.init(
      id: ExperimentID(try row.uuid(0)), name: try row.text(1), version: try row.int64(2), epoch: try row.int64(3),
      state: try row.text(4), createdAt: Timestamp(microseconds: try row.microseconds(5)),
      lastPosition: Position(try row.int64(6)), parent: try Self.parent(row))
  }

  private static func parent(_ row: Row) throws(PostgresError) -> ParentLink? {
    guard !row.isNull(7) else { return nil }
    return ParentLink(
      experiment: ExperimentID(try row.uuid(7)), version: try row.int64(8), position: Position(try row.int64(9)))
  }
}

extension RecordedEvent {
  private static let columns = """
    select e.position, x.id, e.version::bigint, e.type, e.schema_version, e.iteration, e.policy_version, e.cause, e.recorded_at,
           e.body
    from log.events e join log.experiments x on x.number = e.experiment
    """

  static let singleSQL = columns + " where e.position = $1"

  static let globalSQL =
    columns + """
       where e.position > $1 and ($2::text[] is null or e.type = any($2))
         and (select log.require_attached(
               $1, case when $2::text[] is null then least($1, 9000000000000000000) + $3 else 9223372036854775807 end, null))
       order by e.position limit $3
      """

  /// One experiment's events in order of version, which is their order of position. Where to begin is worked out from
  /// the append at or before the position: within an append, positions and versions advance together. The position itself
  /// leaves out the partitions before it.
  static let experimentSQL =
    columns + """
       where e.experiment = (select number from log.experiments where id = $4)
         and e.version > coalesce((
           select a.first_version - 1 + least($1, a.last_position) - a.first_position + 1
           from log.appends a
           where a.experiment = (select number from log.experiments where id = $4) and a.first_position <= $1
           order by a.first_position desc limit 1), 0)
         and e.position > $1
         and ($2::text[] is null or e.type = any($2))
         and (select log.require_attached($1, 9223372036854775807, $4))
       order by e.version limit $3
      """

  init(row: Row) throws(PostgresError) {
    self.init(
      position: Position(try row.int64(0)), experiment: ExperimentID(try row.uuid(1)), version: try row.int64(2),
      type: try row.text(3), schemaVersion: Int(try row.int16(4)), iteration: try row.optionalInt32(5).map(Int.init),
      policyVersion: try row.optionalInt32(6).map(Int.init), cause: try row.optionalInt64(7).map { Position($0) },
      recordedAt: Timestamp(microseconds: try row.microseconds(8)), body: try row.data(9))
  }
}

extension AppendRecord {
  static let sql = """
    select a.key, x.id, a.first_position, a.last_position, a.first_version, a.epoch, a.recorded_at, a.digest,
           a.previous_hash, a.hash, a.measure::text
    from log.appends a join log.experiments x on x.number = a.experiment
    where a.first_position >= coalesce(
            (select first_position from log.appends where first_position <= $1 order by first_position desc limit 1), 0)
      and a.last_position > $1
    order by a.first_position limit $2
    """

  init(row: Row) throws(PostgresError) {
    self.init(
      key: try row.text(0), experiment: ExperimentID(try row.uuid(1)), first: Position(try row.int64(2)),
      last: Position(try row.int64(3)), firstVersion: try row.int64(4), epoch: try row.optionalInt64(5),
      recordedAt: Timestamp(microseconds: try row.microseconds(6)), digest: try row.data(7),
      previousHash: try row.data(8), hash: try row.data(9),
      measure: try row.optionalText(10).map { Data($0.utf8) })
  }
}

extension GenerationRecord {
  static let sql = """
    select g.position, g.tokens, g.log_probabilities, p.text, g.completion, s.text, g.random_key, g.finish
    from log.generations g
    left join log.texts p on p.number = g.prompt
    left join log.texts s on s.number = g.sampling
    where g.position = any($1)
    """

  static func decode(_ row: Row) throws(EventLogError) -> (Position, GenerationRecord) {
    do {
      let tokens = try [Int32](littleEndianBytes: row.bytes(1))
      let logProbabilities = try [Float](littleEndianBytes: row.bytes(2))
      let position = Position(try row.int64(0))
      guard tokens.count == logProbabilities.count else {
        throw EventLogError.corrupt(
          "\(tokens.count) tokens, \(logProbabilities.count) log-probabilities at \(position)")
      }
      return (
        position,
        GenerationRecord(
          tokens: tokens, logProbabilities: logProbabilities, prompt: try row.text(3), completion: try row.text(4),
          sampling: try row.data(5), randomKey: try row.data(6), finish: try row.text(7))
      )
    } catch let error as EventLogError {
      throw error
    } catch {
      throw .corrupt("\(error)")
    }
  }
}

extension ConsumerRecord {
  static let sql = """
    select c.name, c.version, x.id, c.position, c.state, c.failure
    from log.consumers c left join log.experiments x on x.number = c.experiment
    """

  init(row: Row) throws(PostgresError) {
    let experiment = row.isNull(2) ? nil : ExperimentID(try row.uuid(2))
    let state = try row.text(4)
    guard let known = ConsumerState(rawValue: state) else {
      throw PostgresError(.decoding, message: "a consumer's state is \"\(state)\"")
    }
    self.init(
      consumer: Consumer(name: try row.text(0), version: Int(try row.int32(1)), experiment: experiment),
      position: Position(try row.int64(3)), state: known, failure: try row.optionalText(5))
  }
}
