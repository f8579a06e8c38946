import Foundation
import Postgres

/// One attempt whole: prompt, tokens with their log-probabilities, verdict. Found by the id of its place in the experiment
/// (`3.solve.deduction.5.0`) or by its position (`@1412`), which is quicker.
enum AttemptEndpoint {
  static let path = "/api/v1/experiments/{name}/attempts/{attempt}"

  static func answer(
    _ call: Call, name: String, attempt: String, _ reading: Reading
  ) async throws(WebError) -> Answer {
    _ = try QueryParameter.values([], of: call.query)
    try await reading.requireExperiment(name)
    guard let place = Place(attempt) else { throw missing }
    let found = try await reading.run { (connection: isolated Connection) throws(PostgresError) in
      try find(place, name, connection)
    }
    guard let found else { throw missing }
    return .json(200, found)
  }

  private static let missing = WebError(.notFound, "the experiment has no such attempt (yet)")

  private enum Place: Sendable {
    case position(Int64)
    case id(iteration: Int64, purpose: String, kind: String, slot: Int64, sample: Int64)

    init?(_ text: String) {
      if text.hasPrefix("@") {
        guard let position = Int64(text.dropFirst()), position > 0 else { return nil }
        self = .position(position)
        return
      }
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 5, let iteration = Int32(parts[0]), let slot = Int32(parts[3]), let sample = Int32(parts[4])
      else { return nil }
      self = .id(
        iteration: Int64(iteration), purpose: String(parts[1]), kind: String(parts[2]), slot: Int64(slot),
        sample: Int64(sample))
    }

    var condition: String {
      switch self {
      case .position: "t.position = $2"
      case .id: "t.iteration = $2 and t.purpose = $3 and t.kind = $4 and t.slot = $5 and t.sample = $6"
      }
    }

    var values: [Parameter] {
      switch self {
      case .position(let position): [.int64(position)]
      case .id(let iteration, let purpose, let kind, let slot, let sample):
        [.int64(iteration), .text(purpose), .text(kind), .int64(slot), .int64(sample)]
      }
    }
  }

  private static func find(
    _ place: Place, _ name: String, _ connection: isolated Connection
  ) throws(PostgresError) -> String? {
    let rows = try connection.query(
      """
      select row_to_json(q)::text, g.tokens, g.log_probabilities
      from (
        select x.name as experiment, \(ReadEndpoint.attemptID("t")) as attempt, t.purpose, t.kind, t.problem, t.iteration,
               t.policy_version, t.verdict, v.body ->> 'answer' as answer, v.body ->> 'detail' as detail, r.prompt,
               r.completion, r.finish, r.sampling, t.position, t.verified_position, t.made_at
        from log.experiments x join projection.attempts t on t.experiment = x.number
        left join log.events v on v.position = t.verified_position
        left join read.generations r on r.position = t.position
        where x.name = $1 and \(place.condition)
        limit 1
      ) as q
      left join log.generations g on g.position = q.position
      """, [.text(name)] + place.values)
    guard let row = rows.first else { return nil }
    let tokens = row.isNull(1) ? [] : words(try row.bytes(1)).map { "\(Int32(bitPattern: $0))" }
    let values = row.isNull(2) ? [] : words(try row.bytes(2)).map { number(Float(bitPattern: $0)) }
    let lists =
      ",\"tokens\":[\(tokens.joined(separator: ","))],\"log_probabilities\":[\(values.joined(separator: ","))]}"
    return String(try row.text(0).dropLast()) + lists
  }

  /// Little-endian words of four bytes, as the log keeps them.
  private static func words(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
    stride(from: bytes.startIndex, to: bytes.endIndex - 3, by: 4).map { start in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
  }

  /// JSON has no infinity: a token that could not be drawn has null.
  private static func number(_ value: Float) -> String { value.isFinite ? "\(value)" : "null" }
}
