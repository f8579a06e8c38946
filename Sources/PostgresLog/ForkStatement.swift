import EventLog
import FoundationEssentials
import Postgres

/// One call of `log.fork`: the first append of a fork, which has one event and no generation.
struct ForkStatement: Sendable {
  private static let sql = """
    select r_first, r_last, r_version, r_replayed
    from log.fork($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    """

  private let parameters: [Parameter]

  init(_ append: Append, name: String, parent: ExperimentID) {
    let event = append.events[0]
    let digest = AppendDigest.of(
      append.events, experiment: append.experiment, firstVersion: append.expectedVersion + 1)
    let consumer = append.acknowledgement?.consumer
    parameters = [
      .text(append.key), .uuid(append.experiment.rawValue), .text(name), .uuid(parent.rawValue),
      .int64(append.expectedVersion), .text(append.state), .bytes(digest), .text(event.type),
      .int32(Int32(event.schemaVersion)), .int32(event.iteration.map(Int32.init)),
      .int32(event.policyVersion.map(Int32.init)), .text(String(decoding: event.body, as: UTF8.self)),
      .text(consumer?.name), .int32(consumer.map { Int32($0.version) }),
      .int64(append.acknowledgement?.from.rawValue), .int64(append.acknowledgement?.to?.rawValue),
      .int32(RowChecksum.of(event: event)),
    ]
  }

  func run(on connection: isolated Connection) throws(PostgresError) -> Appended {
    try Appended(connection.query(Self.sql, parameters), of: "log.fork")
  }
}
