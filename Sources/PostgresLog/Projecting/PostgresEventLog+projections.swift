import EventLog
import FoundationEssentials
import Postgres
import Synchronization

// Projections on PostgreSQL: migration 0008_projections.sql.
extension PostgresEventLog: ProjectionStore {
  package func tokenCounts(at positions: [Position]) async throws(EventLogError) -> [Position: Int] {
    guard let first = positions.min()?.rawValue, let last = positions.max()?.rawValue else { return [:] }
    // A page's positions lie close together: one scan from the first to the last finds them ten times as quickly as one by one.
    let isDense = last - first < 8 * Int64(positions.count)
    let counts = try await perform("counting tokens") { connection throws(PostgresError) in
      try connection.query(
        "select position, octet_length(tokens) / 4 from log.generations where position "
          + (isDense ? "between $1 and $2" : "= any($1)"),
        isDense ? [.int64(first), .int64(last)] : [.int64Array(positions.map(\.rawValue))]
      ).decoded { row throws(PostgresError) in (Position(try row.int64(0)), Int(try row.int32(1))) }
    }
    return Dictionary(counts) { first, _ in first }
  }

  package func projectionVersions() async throws(EventLogError) -> [ProjectionVersion] {
    try await perform("listing projections") { connection throws(PostgresError) in
      try connection.query(
        "select name, version, is_current from projection.versions order by name collate \"C\", version"
      ).decoded { row throws(PostgresError) in
        ProjectionVersion(
          identity: ProjectionIdentity(name: try row.text(0), version: Int(try row.int32(1))),
          isCurrent: try row.bool(2))
      }
    }
  }

  package func prepare(_ identity: ProjectionIdentity) async throws(EventLogError) {
    _ = try await perform("preparing a projection") { connection throws(PostgresError) in
      try connection.query(
        "select projection.prepare($1, $2)", [.text(identity.name), .int32(Int32(identity.version))])
    }
  }

  package func write(
    _ changes: RowChanges, of identity: ProjectionIdentity, for experiment: ExperimentID,
    _ acknowledgement: Acknowledgement
  ) async throws(EventLogError) {
    guard let to = acknowledgement.to else {
      preconditionFailure("an acknowledgement of projected events says where to")
    }
    let number = try await number(of: experiment)
    let statements = changes.tables.map { RowStatements($0, version: identity.version, experiment: number) }
    let consumer = acknowledgement.consumer
    let context = ErrorContext(acknowledgement: acknowledgement)
    try await perform("writing rows of \(identity)", context: context) { connection throws(PostgresError) in
      try connection.transaction { connection throws(PostgresError) in
        // Rows and acknowledgement are lost together or not at all, and folding them again costs little.
        try connection.execute("set local synchronous_commit = off")
        let isNew = try connection.query(
          "select r_stored from log.acknowledge($1, $2, $3, $4, $5)",
          [
            .text(consumer.name), .int32(Int32(consumer.version)), .uuid(experiment.rawValue),
            .int64(acknowledgement.from.rawValue), .int64(to.rawValue),
          ]
        ).decoded { row throws(PostgresError) in try row.bool(0) }.first
        // The answer to an earlier try was lost: the rows came with it.
        guard isNew == true else { return }
        for (statements, changes) in zip(statements, changes.changes) {
          try statements.insert(changes.inserted, on: connection)
          try statements.update(changes.updated, on: connection)
        }
      }
    }
  }

  package func storedRows(
    of definition: ProjectionDefinition, for experiment: ExperimentID
  ) async throws(EventLogError) -> StoredRows {
    let identity = definition.identity
    let consumer = identity.consumer(of: experiment)
    let number = try await number(of: experiment)
    var rows = try await perform("reading rows of \(identity)") { connection throws(PostgresError) in
      try connection.transaction { connection throws(PostgresError) in
        try connection.execute("set transaction isolation level repeatable read, read only")
        let position = try connection.query(
          "select position from log.consumers where name = $1 and version = $2 and experiment = $3",
          [.text(consumer.name), .int32(Int32(consumer.version)), .int32(number)]
        ).decoded { row throws(PostgresError) in Position(try row.int64(0)) }.first
        var tables: [[EncodedRow]] = []
        for table in definition.tables {
          tables.append(
            try RowStatements(table, version: identity.version, experiment: number).read(on: connection))
        }
        return StoredRows(position: position ?? .start, tables: tables)
      }
    }
    for index in rows.tables.indices { rows.tables[index].sort(by: precedes) }
    return rows
  }

  package func reset(_ identity: ProjectionIdentity, for experiment: ExperimentID) async throws(EventLogError) {
    _ = try await perform("resetting \(identity)", context: ErrorContext(experiment: experiment)) {
      connection throws(PostgresError) in
      try connection.query(
        "select projection.reset($1, $2, $3)",
        [.text(identity.name), .int32(Int32(identity.version)), .uuid(experiment.rawValue)])
    }
  }

  package func makeCurrent(_ identity: ProjectionIdentity) async throws(EventLogError) {
    _ = try await perform("switching to \(identity)") { connection throws(PostgresError) in
      try connection.query(
        "select projection.make_current($1, $2)", [.text(identity.name), .int32(Int32(identity.version))])
    }
  }

  package func projectionStatuses() async throws(EventLogError) -> [ProjectionStatus] {
    try await perform("reading how far projections are") { connection throws(PostgresError) in
      try connection.query(
        """
        select p.projection, p.version, p.current, x.id, p.experiment, p.state, p.failure, p.position, p.lag::bigint,
               (p.lag_seconds * 1000000)::bigint
        from read.projections p join log.experiments x on x.name = p.experiment
        order by x.number, p.projection collate "C", p.version
        """
      ).decoded(ProjectionStatus.init(row:))
    }
  }

  /// The number of an experiment never changes; it is looked up once a process.
  private func number(of experiment: ExperimentID) async throws(EventLogError) -> Int32 {
    if let known = numbers.withLock({ $0[experiment] }) { return known }
    let found = try await perform("looking up an experiment") { connection throws(PostgresError) in
      try connection.query("select number from log.experiments where id = $1", [.uuid(experiment.rawValue)])
        .decoded { row throws(PostgresError) in try row.int32(0) }.first
    }
    guard let found else { throw .unknownExperiment(experiment) }
    numbers.withLock { $0[experiment] = found }
    return found
  }
}

extension ProjectionStatus {
  init(row: Row) throws(PostgresError) {
    let word = try row.text(5)
    guard let state = ConsumerState(rawValue: word) else {
      throw PostgresError(.decoding, message: "a projection's state is \"\(word)\"")
    }
    self.init(
      identity: ProjectionIdentity(name: try row.text(0), version: Int(try row.int32(1))),
      isCurrent: try row.bool(2), experiment: ExperimentID(try row.uuid(3)), experimentName: try row.text(4),
      state: state, failure: try row.optionalText(6), position: Position(try row.int64(7)), lag: try row.int64(8),
      lagSeconds: Double(try row.int64(9)) / 1_000_000)
  }
}
