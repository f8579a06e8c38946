import Postgres

/// Experiments beside each other: one row each, and in what their settings differ.
enum ComparisonEndpoint {
  static let path = "/api/v1/comparison"
  static let experimentsMax = 6

  /// `?experiment=A&experiment=B`, one to six.
  static func answer(_ call: Call, _ reading: Reading) async throws(WebError) -> Answer {
    if let other = call.query.first(where: { $0.name != "experiment" }) {
      throw WebError(
        .badParameter, "unknown parameter '\(other.name.prefix(100))'; there are: experiment", suggestion: "experiment")
    }
    let names = call.query.map(\.value)
    guard (1...experimentsMax).contains(names.count), Set(names).count == names.count else {
      throw WebError(
        .badParameter, "experiment is given \(names.count) times, allowed are 1 to \(experimentsMax) different names")
    }
    for name in names { try await reading.requireExperiment(name) }
    let rows = try await reading.lines(
      """
      select c.* from analytics.comparison c join unnest($1::text[]) with ordinality as n (name, place) on c.experiment = n.name
      order by n.place
      """, [.textArray(names)])
    return .json(200, "{\"comparison\":[\(rows.map(\.json).joined(separator: ","))]}")
  }
}
