import Foundation

/// Where spans are sent: the environment variables that the OpenTelemetry specification names, so that one who has a collector
/// sets what is set for every other program (docs/metrics.md).
package struct CollectorSettings: Hashable, Sendable {
  package var host: String
  package var port: Int
  /// With its query; begins with "/".
  package var path: String
  /// Sent with each request. They may hold a secret and are written nowhere.
  package var headers: [String: String]
  package var timeout: Duration
  /// `service.name` and what else is said of this process with every span.
  package var resource: [String: String]

  /// A variable that means nothing to us. The value of one that may hold a secret is not repeated.
  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    init(_ name: String, is value: String?, allowed: String) {
      description = "\(name) is \(value.map { "'\($0)'" } ?? "not understood"), allowed is \(allowed)"
    }
  }

  /// - Parameter program: the service's name, unless `OTEL_SERVICE_NAME` gives another.
  /// - Returns: nil if no collector is named, or if traces are switched off.
  package init?(environment: [String: String], program: String) throws(Malformed) {
    func first(_ names: String...) -> (name: String, value: String)? {
      for name in names {
        if let value = environment[name], !value.isEmpty { return (name, value) }
      }
      return nil
    }
    if first("OTEL_SDK_DISABLED")?.value.lowercased() == "true" || first("OTEL_TRACES_EXPORTER")?.value == "none" {
      return nil
    }
    let whole = first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    guard let address = whole ?? first("OTEL_EXPORTER_OTLP_ENDPOINT") else { return nil }
    if let form = first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"), form.value != "http/json"
    {
      throw Malformed(form.name, is: form.value, allowed: "http/json: collectors take it where they take http/protobuf")
    }
    (host, port, path) = try Self.endpoint(address, isWhole: whole != nil)
    headers = [:]
    if let given = first("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS") {
      headers = try Self.pairs(given, isSecret: true)
    }
    timeout = .seconds(10)
    if let given = first("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT") {
      guard let milliseconds = Int(given.value), (1...600_000).contains(milliseconds) else {
        throw Malformed(given.name, is: given.value, allowed: "1 to 600000 milliseconds")
      }
      timeout = .milliseconds(milliseconds)
    }
    resource = [:]
    if let given = first("OTEL_RESOURCE_ATTRIBUTES") { resource = try Self.pairs(given, isSecret: false) }
    resource["service.name"] = first("OTEL_SERVICE_NAME")?.value ?? resource["service.name"] ?? program
  }

  /// - Parameter isWhole: the path is there; otherwise `/v1/traces` is put behind it, as the specification says.
  private static func endpoint(
    _ given: (name: String, value: String), isWhole: Bool
  ) throws(Malformed) -> (host: String, port: Int, path: String) {
    let allowed = "http://HOST[:PORT][/PATH]; for TLS let a collector on this host send it on"
    guard let parts = URLComponents(string: given.value), parts.scheme == "http", let host = parts.host, !host.isEmpty,
      parts.fragment == nil
    else { throw Malformed(given.name, is: given.value, allowed: allowed) }
    guard parts.user == nil, parts.password == nil else {
      throw Malformed(given.name, is: nil, allowed: "no name and password; use OTEL_EXPORTER_OTLP_HEADERS")
    }
    var path = parts.percentEncodedPath
    if !isWhole {
      while path.hasSuffix("/") { path.removeLast() }
      path += "/v1/traces"
    } else if path.isEmpty {
      path = "/"
    }
    if let query = parts.percentEncodedQuery { path += "?" + query }
    let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    // Without a port: that of HTTP, as in every URL.
    return (bare, parts.port ?? 80, path)
  }

  /// `key=value,key2=value2`, values percent-encoded.
  private static func pairs(
    _ given: (name: String, value: String), isSecret: Bool
  ) throws(Malformed) -> [String: String] {
    var pairs: [String: String] = [:]
    for part in given.value.split(separator: ",") {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = sides[0].trimmingCharacters(in: .whitespaces)
      guard sides.count == 2, !key.isEmpty,
        let value = sides[1].trimmingCharacters(in: .whitespaces).removingPercentEncoding
      else {
        throw Malformed(
          given.name, is: isSecret ? nil : given.value, allowed: "KEY=VALUE[,KEY=VALUE …], percent-encoded")
      }
      pairs[key] = value
    }
    return pairs
  }
}
