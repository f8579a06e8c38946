import EventLog
import Postgres

// Consumers' progress on PostgreSQL: `log.consumers` through its functions.
extension PostgresEventLog {
  package func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord {
    let found = try await perform("reading a consumer") { connection throws(PostgresError) in
      let rows = try connection.query(
        ConsumerRecord.sql + " where c.name = $1 and c.version = $2 and x.id is not distinct from $3",
        [.text(consumer.name), .int32(Int32(consumer.version)), .uuid(consumer.experiment?.rawValue)])
      return try rows.decoded(ConsumerRecord.init(row:)).first
    }
    return found ?? ConsumerRecord(consumer: consumer, position: .start, state: .running, failure: nil)
  }

  package func consumers() async throws(EventLogError) -> [ConsumerRecord] {
    try await perform("listing consumers") { connection throws(PostgresError) in
      let rows = try connection.query(
        ConsumerRecord.sql + " order by c.name collate \"C\", c.version, c.experiment nulls first")
      return try rows.decoded(ConsumerRecord.init(row:))
    }
  }

  package func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged {
    guard let to = acknowledgement.to else {
      preconditionFailure("an acknowledgement outside an append says where to")
    }
    precondition(acknowledgement.from <= to, "acknowledging backwards, from \(acknowledgement.from) to \(to)")
    let consumer = acknowledgement.consumer
    let context = ErrorContext(acknowledgement: acknowledgement)
    return try await perform("acknowledging", context: context) { connection throws(PostgresError) in
      let rows = try connection.query(
        "select r_stored from log.acknowledge($1, $2, $3, $4, $5)",
        [
          .text(consumer.name), .int32(Int32(consumer.version)), .uuid(consumer.experiment?.rawValue),
          .int64(acknowledgement.from.rawValue), .int64(to.rawValue),
        ])
      return try rows.decoded { row throws(PostgresError) in try row.bool(0) }.first == true ? .stored : .alreadyThere
    }
  }

  package func setState(
    _ state: ConsumerState, of consumer: Consumer, failure: String?
  ) async throws(EventLogError) {
    let context = ErrorContext(experiment: consumer.experiment)
    _ = try await perform("setting a consumer's state", context: context) { connection throws(PostgresError) in
      try connection.query(
        "select log.set_consumer_state($1, $2, $3, $4, $5)",
        [
          .text(consumer.name), .int32(Int32(consumer.version)), .uuid(consumer.experiment?.rawValue),
          .text(state.rawValue), .text(failure?.replacing("\0", with: "\u{FFFD}")),
        ])
    }
  }
}
