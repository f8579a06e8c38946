import EventLog
import FoundationEssentials
import Postgres

// Segments, checksums and snapshots on PostgreSQL (migration 0003): what the daemon may do. Detaching and restoring are the
// owner's (`SegmentOwner`).
extension PostgresEventLog {
  package func segments() async throws(EventLogError) -> [SegmentRecord] {
    try await perform("reading segments") { connection throws(PostgresError) in
      try connection.query(SegmentRecord.sql + " order by number").decoded(SegmentRecord.init(row:))
    }
  }

  /// Records the root of a full segment, which the caller has computed over its events.
  /// - Throws: `.storage` naming the constraint if it is not full, or not open any more.
  package func seal(_ segment: Int, root: Data) async throws(EventLogError) {
    _ = try await perform("sealing a segment") { connection throws(PostgresError) in
      try connection.query("select log.seal_segment($1, $2)", [.int32(Int32(segment)), .bytes(root)])
    }
  }

  /// Records the file that a sealed segment was exported to.
  package func recordExport(
    of segment: Int, root: Data, file: String, digest: Data, bytes: Int64
  ) async throws(EventLogError) {
    _ = try await perform("recording an export") { connection throws(PostgresError) in
      try connection.query(
        "select log.record_export($1, $2, $3, $4, $5)",
        [.int32(Int32(segment)), .bytes(root), .text(file), .bytes(digest), .int64(bytes)])
    }
  }

  package func checksums(
    from first: Position, to last: Position
  ) async throws(EventLogError) -> [Position: RowChecksums] {
    let rows = try await perform("reading checksums") { connection throws(PostgresError) in
      try connection.query(
        """
        select e.position, e.checksum, g.checksum
        from log.events e left join log.generations g on g.position = e.position and g.position between $1 and $2
        where e.position between $1 and $2 and e.checksum is not null
        """, [.int64(first.rawValue), .int64(last.rawValue)]
      ).decoded { row throws(PostgresError) in
        (
          Position(try row.int64(0)),
          RowChecksums(event: try row.optionalInt32(1), generation: try row.optionalInt32(2))
        )
      }
    }
    return Dictionary(rows) { first, _ in first }
  }

  package func snapshot(
    of fold: String, experiment: ExperimentID, notAfter version: Int64
  ) async throws(EventLogError) -> FoldSnapshot? {
    try await perform("reading a snapshot") { connection throws(PostgresError) in
      try connection.query(
        FoldSnapshot.sql + " where x.id = $1 and s.fold = $2 and s.version <= $3 order by s.version desc limit 1",
        [.uuid(experiment.rawValue), .text(fold), .int64(version)]
      ).decoded(FoldSnapshot.init(row:)).first
    }
  }

  package func snapshots(of experiment: ExperimentID) async throws(EventLogError) -> [FoldSnapshot] {
    try await perform("reading snapshots") { connection throws(PostgresError) in
      try connection.query(
        FoldSnapshot.sql + " where x.id = $1 order by s.fold collate \"C\", s.version", [.uuid(experiment.rawValue)]
      ).decoded(FoldSnapshot.init(row:))
    }
  }

  package func save(_ snapshot: FoldSnapshot, of experiment: ExperimentID) async throws(EventLogError) {
    let context = ErrorContext(experiment: experiment)
    _ = try await perform("saving a snapshot", context: context) { connection throws(PostgresError) in
      try connection.query(
        "select read.save_snapshot($1, $2, $3, $4, $5, $6)",
        [
          .uuid(experiment.rawValue), .text(snapshot.fold), .int64(snapshot.version),
          .int64(snapshot.position.rawValue),
          .bytes(snapshot.bytes), .int32(Int32(snapshotsKept)),
        ])
    }
  }
}

extension FoldSnapshot {
  static let sql = """
    select s.fold, s.version, s.position, s.bytes, s.digest
    from read.snapshots s join log.experiments x on x.number = s.experiment
    """

  init(row: Row) throws(PostgresError) {
    self.init(
      fold: try row.text(0), version: try row.int64(1), position: Position(try row.int64(2)), bytes: try row.data(3),
      digest: try row.data(4))
  }
}

extension SegmentRecord {
  static let sql = """
    select number, first_position, last_position, state, root, file, file_digest, file_bytes from log.segments
    """

  init(row: Row) throws(PostgresError) {
    let word = try row.text(3)
    guard let state = SegmentState(rawValue: word) else {
      throw PostgresError(.decoding, message: "a segment's state is \"\(word)\"")
    }
    self.init(
      number: Int(try row.int32(0)), first: Position(try row.int64(1)), last: Position(try row.int64(2)), state: state,
      root: row.isNull(4) ? nil : try row.data(4), file: try row.optionalText(5),
      fileDigest: row.isNull(6) ? nil : try row.data(6), fileBytes: try row.optionalInt64(7))
  }
}
