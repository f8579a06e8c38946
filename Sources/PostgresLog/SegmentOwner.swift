import EventLog
import FoundationEssentials
import Postgres

/// What only the owner of the log's tables may do with segments: detach one, bring one back, set their size.
///
/// It works on a session of its own that takes no role; `autodidact archive` makes one for the length of a command.
package struct SegmentOwner: Sendable {
  private let connection: Connection

  /// - Parameter settings: of a login that owns the tables.
  package init(_ settings: ConnectionSettings) async throws(PostgresError) {
    var settings = settings
    settings.role = nil
    settings.statementTimeout = .zero
    settings.replyTimeout = .seconds(24 * 3600)
    connection = try await Connection.open(settings)
  }

  package func close() async { await connection.close() }

  /// Removes the rows of an exported segment. The caller has checked its file.
  package func detach(_ segment: Int) async throws(PostgresError) {
    _ = try await connection.query("select log.detach_segment($1)", [.int32(Int32(segment))])
  }

  /// How many positions the segments have that nothing is in yet.
  package func setSize(_ positions: Int64) async throws(PostgresError) {
    _ = try await connection.query("select log.set_segment_size($1)", [.int64(positions)])
  }

  /// Brings a detached segment's rows back, all or none, and makes them part of the log again.
  ///
  /// - Parameter next: gives the rows in batches of at most a few thousand; nil at the end.
  package func restore(
    _ segment: SegmentRecord, next: @escaping @Sendable () throws -> [(RecordedEvent, GenerationRecord?)]?
  ) async throws {
    do {
      try await connection.execute("begin")
      _ = try await connection.query(
        "select log.make_partition(t, $1, $2, $3) from unnest(array['events', 'generations']) as t", bounds(segment))
      while let rows = try next() { try await insert(rows, into: segment) }
      _ = try await connection.query(
        "select log.attach_partition(t, $1, $2, $3) from unnest(array['events', 'generations']) as t", bounds(segment))
      _ = try await connection.query(
        "update log.segments set state = 'exported', detached_at = null where number = $1",
        [.int32(Int32(segment.number))])
      try await connection.execute("commit")
    } catch {
      // What was begun goes with the session if this fails too.
      do { try await connection.execute("rollback") } catch { await connection.close() }
      throw error
    }
  }

  private func bounds(_ segment: SegmentRecord) -> [Parameter] {
    [.int32(Int32(segment.number)), .int64(segment.first.rawValue), .int64(segment.last.rawValue)]
  }

  private func insert(
    _ rows: [(RecordedEvent, GenerationRecord?)], into segment: SegmentRecord
  ) async throws(PostgresError) {
    let events = rows.map(\.0)
    // The writer's own checksums would need its appends' bounds; these say the same of the row as it is.
    _ = try await connection.query(
      """
      insert into log_segments.events_\(segment.number)
        (position, cause, recorded_at, experiment, version, iteration, policy_version, schema_version, type, body)
      select e.position, e.cause, timestamptz 'epoch' + e.time * interval '1 microsecond', x.number, e.version,
             e.iteration, e.policy_version, e.schema_version, e.type, e.body::json
      from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::integer[], $7::integer[],
                  $8::integer[], $9::text[], $10::text[])
           as e (position, cause, time, experiment, version, iteration, policy_version, schema_version, type, body)
      join log.experiments x on x.id = e.experiment::uuid
      """,
      [
        .int64Array(events.map(\.position.rawValue)), .int64Array(events.map { $0.cause?.rawValue }),
        .int64Array(events.map(\.recordedAt.rawValue)), .textArray(events.map { "\($0.experiment)" }),
        .int64Array(events.map(\.version)), .int32Array(events.map { $0.iteration.map(Int32.init) }),
        .int32Array(events.map { $0.policyVersion.map(Int32.init) }),
        .int32Array(events.map { Int32($0.schemaVersion) }),
        .textArray(events.map(\.type)), .textArray(utf8: events.map(\.body)),
      ])
    let generations = rows.compactMap { event, generation in generation.map { (event.position, $0) } }
    if !generations.isEmpty { try await insert(generations, into: segment) }
  }

  private func insert(
    _ generations: [(Position, GenerationRecord)], into segment: SegmentRecord
  ) async throws(PostgresError) {
    let records = generations.map(\.1)
    let (prompts, samplings) = (records.map(\.prompt), records.map { String(decoding: $0.sampling, as: UTF8.self) })
    _ = try await connection.query("select log.keep_texts($1)", [.textArray(prompts + samplings)])
    _ = try await connection.query(
      """
      insert into log_segments.generations_\(segment.number)
        (position, prompt, sampling, checksum, finish, random_key, tokens, log_probabilities, completion)
      select g.position, p.number, s.number, g.checksum, g.finish, g.random_key, g.tokens, g.log_probabilities,
             g.completion
      from unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[],
                  $9::text[])
           as g (position, prompt, sampling, checksum, finish, random_key, tokens, log_probabilities, completion)
      join log.texts p on p.digest = sha256(convert_to(g.prompt, 'UTF8'))
      join log.texts s on s.digest = sha256(convert_to(g.sampling, 'UTF8'))
      """,
      [
        .int64Array(generations.map(\.0.rawValue)), .textArray(prompts), .textArray(samplings),
        .int32Array(records.map { RowChecksum.of(generation: $0) }), .textArray(records.map(\.finish)),
        .bytesArray(records.map { Array($0.randomKey) }), .bytesArray(records.map(\.tokens.littleEndianBytes)),
        .bytesArray(records.map(\.logProbabilities.littleEndianBytes)), .textArray(records.map(\.completion)),
      ])
  }
}
