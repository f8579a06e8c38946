/// Prometheus' text format, version 0.0.4: samples under one TYPE line for each name.
struct PrometheusText {
  private(set) var text = ""
  private var declared: Set<String> = []

  /// What each metric means, for its HELP line; docs/metrics.md has the same names.
  static let help: [String: String] = [
    "autodidact_append_duration_seconds": "Time of an append to the log, retries of the client included.",
    "autodidact_appended_events_total": "Events appended by this process.",
    "autodidact_experiments": "Experiments in the log, by state.",
    "autodidact_http_request_duration_seconds": "Time of an HTTP request up to its answer's head, by route.",
    "autodidact_http_requests_total": "HTTP requests, by route, method and status.",
    "autodidact_live_clients": "Clients of the live stream.",
    "autodidact_log_position": "Position of the last event of the log.",
    "autodidact_metrics_dropped_total": "Series that were not kept, because there were too many.",
    "autodidact_projection_lag_events": "Events that a projection has not folded yet, over all experiments.",
    "autodidact_projection_lag_seconds": "Age of the oldest of them.",
    "autodidact_projections_failed": "Projections that stopped, over all experiments.",
    "autodidact_resident_memory_bytes": "Resident memory of this process.",
    "autodidact_step_duration_seconds": "Time of a committed step, by step.",
    "autodidact_steps_total": "Steps committed by this process, by step.",
    "autodidact_tokens_total": "Tokens sampled or trained by this process, by phase.",
    "autodidact_verifier_jobs_total": "Programs and answers verified by this process.",
    "autodidact_iterations_total": "Iterations of self-play completed by this process.",
  ]

  /// Begins a metric, once.
  mutating func declare(_ name: String, _ kind: Series.Kind) {
    guard declared.insert(name).inserted else { return }
    if let help = Self.help[name] { text += "# HELP \(name) \(help)\n" }
    text += "# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func add(_ name: String, _ kind: Series.Kind, _ labels: String, _ value: Double) {
    declare(name, kind)
    line(name, labels, value)
  }

  mutating func line(_ name: String, _ labels: String, _ value: Double) {
    text += "\(name)\(labels) \(Self.number(value))\n"
  }

  /// Counts without a fraction, as people write them.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  /// A name that Prometheus takes.
  static func name(_ label: String) -> String {
    String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
  }

  /// Labels in the order of their names, values escaped.
  static func labels(_ dimensions: [(String, String)]) -> String {
    let pairs = dimensions.sorted { $0.0 < $1.0 }.map { "\(name($0.0))=\"\(escaped($0.1))\"" }
    return pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
  }

  static func adding(_ name: String, _ value: String, to labels: String) -> String {
    labels.isEmpty ? "{\(name)=\"\(value)\"}" : labels.dropLast() + ",\(name)=\"\(value)\"}"
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
