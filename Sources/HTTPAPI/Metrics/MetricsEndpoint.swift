import Foundation
import Postgres

/// `GET /metrics`: what this process counts, and what the database says at this moment.
struct MetricsEndpoint: Sendable {
  let registry: PrometheusRegistry
  let reading: Reading
  let hub: LiveHub

  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  func answer() async -> Answer {
    var text = registry.text()
    text.add("autodidact_live_clients", .gauge, "", Double(hub.clients))
    if let bytes = Self.residentBytes { text.add("autodidact_resident_memory_bytes", .gauge, "", Double(bytes)) }
    // A database that is away takes these away too: alerts ask for their absence (ops/prometheus/alerts.yaml).
    if let stored = try? await stored() {
      for (name, labels, value) in stored { text.add(name, .gauge, labels, value) }
    }
    return Answer(200, Self.contentType, Array(text.text.utf8))
  }

  private typealias Sample = (name: String, labels: String, value: Double)

  private func stored() async throws(WebError) -> [Sample] {
    try await reading.run { (connection: isolated Connection) throws(PostgresError) in
      var samples: [Sample] = []
      for row in try connection.query("select position from log.head") {
        samples.append(("autodidact_log_position", "", Double(try row.int64(0))))
      }
      for row in try connection.query(
        "select state, count(*) from log.experiments where name not like 'evaluation/%' group by state order by state")
      {
        samples.append(
          ("autodidact_experiments", PrometheusText.labels([("state", try row.text(0))]), Double(try row.int64(1))))
      }
      let lags = try connection.query(
        """
        select projection, sum(lag)::bigint, round(coalesce(max(lag_seconds), 0) * 1000)::bigint,
               count(*) filter (where state = 'failed')
        from read.projections where current group by projection order by projection
        """)
      for (name, column, scale) in [
        ("autodidact_projection_lag_events", 1, 1.0), ("autodidact_projection_lag_seconds", 2, 0.001),
        ("autodidact_projections_failed", 3, 1.0),
      ] {
        for row in lags {
          let labels = PrometheusText.labels([("projection", try row.text(0))])
          samples.append((name, labels, Double(try row.int64(column)) * scale))
        }
      }
      return samples
    }
  }

  /// From the kernel; nil where it does not say.
  private static var residentBytes: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
