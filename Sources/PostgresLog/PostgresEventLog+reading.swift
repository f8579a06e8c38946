import EventLog
import FoundationEssentials
import Postgres
import Synchronization

// What the PostgreSQL log answers without appending.
extension PostgresEventLog {
  package func held() async throws(EventLogError) -> [ExperimentID: Int64] {
    let found = try await perform("looking for writers") { connection throws(PostgresError) in
      try connection.query("select id, epoch from read.writers where is_held").decoded { row throws(PostgresError) in
        (ExperimentID(try row.uuid(0)), try row.int64(1))
      }
    }
    return Dictionary(found) { first, _ in first }
  }

  package func experiments() async throws(EventLogError) -> [ExperimentRecord] {
    try await perform("listing experiments") { connection throws(PostgresError) in
      let rows = try connection.query(ExperimentRecord.sql + " order by x.number")
      return try rows.decoded(ExperimentRecord.init(row:))
    }
  }

  package func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord? {
    // A text without U+0000 is all that PostgreSQL can be asked about.
    guard !name.utf8.contains(0) else { return nil }
    return try await perform("looking up an experiment") { connection throws(PostgresError) in
      let rows = try connection.query(ExperimentRecord.sql + " where x.name = $1", [.text(name)])
      return try rows.decoded(ExperimentRecord.init(row:)).first
    }
  }

  package func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord? {
    try await perform("looking up an experiment") { connection throws(PostgresError) in
      let rows = try connection.query(ExperimentRecord.sql + " where x.id = $1", [.uuid(id.rawValue)])
      return try rows.decoded(ExperimentRecord.init(row:)).first
    }
  }

  package func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    precondition((1...LogLimits.readMax).contains(limit), "a read of \(limit) events")
    guard let experiment else { return try await readPart(nil, after: position, types: types, limit: limit) }
    var events: [RecordedEvent] = []
    for part in try await lineageOnce(experiment) where part.continues(after: position) {
      let page = try await readPart(part.experiment, after: position, types: types, limit: limit - events.count)
      events += part.last.map { last in page.prefix { $0.position <= last.position } } ?? page[...]
      if events.count == limit { break }
    }
    return events
  }

  /// A stream's parts never change once it exists; they are looked up once a process.
  private func lineageOnce(_ experiment: ExperimentID) async throws(EventLogError) -> [LineagePart] {
    if let known = lineages.withLock({ $0[experiment] }) { return known }
    let found = try await lineage(of: experiment)
    if !found.isEmpty { lineages.withLock { $0[experiment] = found } }
    return found
  }

  /// Events of one part of a stream, of what the experiment itself recorded; or of the whole log.
  private func readPart(
    _ experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    let sql = experiment == nil ? RecordedEvent.globalSQL : RecordedEvent.experimentSQL
    var parameters: [Parameter] = [.int64(position.rawValue), .textArray(types), .int64(Int64(limit))]
    if let experiment { parameters.append(.uuid(experiment.rawValue)) }
    let bound = parameters
    let events = try await perform("reading events") { connection throws(PostgresError) in
      try connection.query(sql, bound).decoded(RecordedEvent.init(row:))
    }
    if types == nil { try checkContiguous(events, of: experiment, after: position) }
    return events
  }

  /// A hole is corruption here, not weather: no reader may step over it.
  private func checkContiguous(
    _ events: [RecordedEvent], of experiment: ExperimentID?, after position: Position
  ) throws(EventLogError) {
    var previous = experiment == nil ? position.rawValue : (events.first?.version ?? 1) - 1
    for event in events {
      let number = experiment == nil ? event.position.rawValue : event.version
      guard number == previous + 1 else {
        throw .corrupt("event \(number) follows \(previous) \(experiment == nil ? "in the log" : "in its experiment")")
      }
      previous = number
    }
  }

  package func event(at position: Position) async throws(EventLogError) -> RecordedEvent? {
    guard position > .start else { return nil }
    return try await perform("reading an event") { connection throws(PostgresError) in
      let found = try connection.query(RecordedEvent.singleSQL, [.int64(position.rawValue)])
        .decoded(RecordedEvent.init(row:)).first
      // Without its partition the planner knows that there is none, and would ask no function.
      if found == nil {
        _ = try connection.query("select log.require_attached($1 - 1, $1, null)", [.int64(position.rawValue)])
      }
      return found
    }
  }

  package func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    precondition(positions.count <= LogLimits.readMax, "a read of \(positions.count) generations")
    let rows = try await perform("reading generations") { connection throws(PostgresError) in
      try connection.query(GenerationRecord.sql, [.int64Array(positions.map(\.rawValue))])
    }
    var generations: [Position: GenerationRecord] = [:]
    for row in rows {
      let (position, generation) = try GenerationRecord.decode(row)
      generations[position] = generation
    }
    return generations
  }

  package func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    precondition((1...LogLimits.readMax).contains(limit), "a read of \(limit) appends")
    return try await perform("reading appends") { connection throws(PostgresError) in
      let rows = try connection.query(AppendRecord.sql, [.int64(position.rawValue), .int64(Int64(limit))])
      return try rows.decoded(AppendRecord.init(row:))
    }
  }

  package func head() async throws(EventLogError) -> LogHead {
    let heads = try await perform("reading the head") { connection throws(PostgresError) in
      try connection.query("select position, hash from log.head").decoded { row throws(PostgresError) in
        LogHead(position: Position(try row.int64(0)), hash: try row.data(1))
      }
    }
    guard let head = heads.first else { throw .corrupt("log.head is empty") }
    return head
  }
}

extension Rows {
  func decoded<Value>(_ decode: (Row) throws(PostgresError) -> Value) throws(PostgresError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(count)
    for row in self { values.append(try decode(row)) }
    return values
  }
}
