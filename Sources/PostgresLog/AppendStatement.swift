import EventLog
import FoundationEssentials
import Postgres

/// One call of `log.append`: the arrays of an append as bound values, made once and sent at each try.
struct AppendStatement: Sendable {
  private static let sql = """
    select r_first, r_last, r_version, r_replayed
    from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                    $23, $24, $25, $26, $27, $28, $29)
    """

  private let parameters: [Parameter]

  init(_ append: Append, creating name: String?) {
    let digest = AppendDigest.of(
      append.events, experiment: append.experiment, firstVersion: append.expectedVersion + 1)
    let head: [Parameter] = [
      .text(append.key), .uuid(append.experiment.rawValue), .text(name), .int64(append.expectedVersion),
      .int64(append.epoch), .text(append.state), .bytes(digest),
    ]
    parameters =
      head + Self.columns(append.events) + Self.generationColumns(append.events)
      + Self.acknowledgement(append.acknowledgement)
      + [
        .text(append.measure.map { String(decoding: $0, as: UTF8.self) }),
        .int32Array(append.events.map { RowChecksum.of(event: $0) }),
        .int32Array(append.events.compactMap { $0.generation.map { RowChecksum.of(generation: $0) } }),
      ]
  }

  func run(on connection: isolated Connection) throws(PostgresError) -> Appended {
    try Appended(connection.query(Self.sql, parameters), of: "log.append")
  }

  private static func columns(_ events: [NewEvent]) -> [Parameter] {
    [
      .textArray(events.map(\.type)),
      .int32Array(events.map { Int32($0.schemaVersion) }),
      .int32Array(events.map { $0.iteration.map(Int32.init) }),
      .int32Array(events.map { $0.policyVersion.map(Int32.init) }),
      .int64Array(events.map { $0.cause.map(number) }),
      .textArray(utf8: events.map(\.body)),
    ]
  }

  /// A cause inside the append has no position yet: it is sent as -1, -2, -3 …
  private static func number(_ cause: NewEvent.Cause) -> Int64 {
    switch cause {
    case .recorded(let position): position.rawValue
    case .sibling(let index): -Int64(index) - 1
    }
  }

  private static func generationColumns(_ events: [NewEvent]) -> [Parameter] {
    let generations = events.enumerated().compactMap { index, event in event.generation.map { (index, $0) } }
    return [
      .int32Array(generations.map { Int32($0.0 + 1) }),
      .bytesArray(generations.map { $0.1.tokens.littleEndianBytes }),
      .bytesArray(generations.map { $0.1.logProbabilities.littleEndianBytes }),
      .textArray(generations.map { $0.1.prompt }),
      .textArray(generations.map { $0.1.completion }),
      .textArray(utf8: generations.map { $0.1.sampling }),
      .bytesArray(generations.map { Array($0.1.randomKey) }),
      .textArray(generations.map { $0.1.finish }),
    ]
  }

  private static func acknowledgement(_ acknowledgement: Acknowledgement?) -> [Parameter] {
    let consumer = acknowledgement?.consumer
    return [
      .text(consumer?.name), .int32(consumer.map { Int32($0.version) }),
      .bool(consumer.map { $0.experiment == nil }), .int64(acknowledgement?.from.rawValue),
      .int64(acknowledgement?.to?.rawValue),
    ]
  }
}

extension Appended {
  /// What `log.append` and `log.fork` return: one row of first and last position, version, and whether it was there already.
  init(_ rows: Rows, of function: String) throws(PostgresError) {
    guard let row = rows.first else { throw PostgresError(.decoding, message: "\(function) returned no row") }
    self.init(
      first: Position(try row.int64(0)), last: Position(try row.int64(1)), version: try row.int64(2),
      replayed: try row.bool(3))
  }
}
