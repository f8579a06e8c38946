import Dashboard
import HTTPTypes
import Metrics
import Synchronization

/// Everything the server answers: the endpoints behind the gate. Knows requests and answers, and no sockets.
struct WebSite: Sendable {
  let gate: Gate
  let hub: LiveHub
  private let parts: WebParts
  private let limits: WebLimits
  private let table: RouteTable

  init(_ configuration: WebConfiguration, _ parts: WebParts) {
    let sessions = Sessions(now: parts.now, random: parts.random)
    let gate = Gate(
      address: configuration.address, hosts: configuration.hosts, needsToken: configuration.needsToken,
      tokens: parts.tokens, sessions: sessions, limits: configuration.limits, now: parts.now)
    let reading = Reading(pool: parts.pool, logger: parts.logger)
    let limits = configuration.limits
    let hub = LiveHub(log: parts.log, reading: reading, clientsMax: limits.liveMax, heartbeat: limits.heartbeat)
    self.gate = gate
    self.hub = hub
    self.parts = parts
    self.limits = limits
    table = RouteTable(
      routes: Self.reads(reading) + Self.changes(gate, reading, parts)
        + Self.watching(gate, hub, reading, parts, limits)
        + LoginEndpoints(gate: gate).routes)
  }

  /// Paths and methods, for the test that holds docs/openapi.yaml to them.
  var routes: [Route] { table.routes }

  // MARK: Routes

  private static func reads(_ reading: Reading) -> [Route] {
    ReadEndpoint.all.map { endpoint in
      Route(.get, endpoint.fullPath, .scope(.read)) { call, parts, _ throws(WebError) in
        try await endpoint.answer(call, parts: parts, reading)
      }
    } + [
      Route(.get, AttemptEndpoint.path, .scope(.read)) { call, parts, _ throws(WebError) in
        try await AttemptEndpoint.answer(call, name: parts[0].value, attempt: parts[1].value, reading)
      },
      Route(.get, ComparisonEndpoint.path, .scope(.read)) { call, _, _ throws(WebError) in
        try await ComparisonEndpoint.answer(call, reading)
      },
    ]
  }

  private static func changes(_ gate: Gate, _ reading: Reading, _ parts: WebParts) -> [Route] {
    let control = ControlEndpoints(
      gate: gate, experiments: parts.experiments, reading: reading, logger: parts.logger)
    return ControlEndpoints.actions.flatMap { action in
      [
        Route(.post, "/api/v1/experiments/{name}/\(action)", .scope(.operate)) { call, parts, caller throws(WebError) in
          try await control.json(call, name: parts[0].value, action: action, caller)
        },
        Route(.post, "/experiments/{name}/\(action)", .scope(.operate)) { call, parts, caller throws(WebError) in
          try await control.form(call, name: parts[0].value, action: action, caller)
        },
      ]
    }
  }

  private static func watching(
    _ gate: Gate, _ hub: LiveHub, _ reading: Reading, _ parts: WebParts, _ limits: WebLimits
  ) -> [Route] {
    let live = LiveEndpoint(hub: hub, reading: reading, gate: gate, life: limits.liveLife)
    let metrics = MetricsEndpoint(registry: parts.metrics, reading: reading, hub: hub)
    return [
      Route(.get, "/healthz", .anybody) { _, _, _ in .text(200, "alive\n") },
      Route(.get, "/readyz", .anybody) { _, _, _ in
        let obstacles = await parts.obstacles()
        return .text(
          obstacles.isEmpty ? 200 : 503, obstacles.isEmpty ? "ready\n" : obstacles.joined(separator: "\n") + "\n")
      },
      Route(.get, "/metrics", .scope(.read)) { _, _, _ in await metrics.answer() },
      Route(.get, "/api/v1/openapi.yaml", .scope(.read)) { _, _, _ in
        Answer(200, "application/yaml", parts.description)
      },
      Route(.get, "/live", .scope(.read)) { call, _, caller throws(WebError) in
        try await live.answer(call, try gate.require(.read, of: caller))
      },
    ]
  }

  // MARK: Answering

  /// What a call is before its body is read: the route, and who calls.
  struct Admitted: Sendable {
    var route: Route?
    var parts: [(name: String, value: String)]
    var caller: Caller?
  }

  /// Host, caller, rate, address, method, scope.
  func admit(_ call: Call) throws(WebError) -> Admitted {
    try gate.checkHost(call)
    if call.path == ["healthz"], call.isReading, let found = try table.find(call) {
      return Admitted(route: found.route, parts: [], caller: nil)
    }
    let caller = try gate.caller(call)
    guard let found = try table.find(call) else {
      guard call.path.first != "api" else {
        _ = try gate.require(.read, of: caller)
        throw WebError(
          .notFound,
          "the API has no /\(call.path.joined(separator: "/").prefix(200)); /api/v1/openapi.yaml says what it has")
      }
      guard call.isReading else { throw RouteTable.notAllowed(call, ["GET", "HEAD"]) }
      return Admitted(route: nil, parts: [], caller: try gate.require(.read, of: caller))
    }
    if case .scope(let scope) = found.route.admission { _ = try gate.require(scope, of: caller) }
    return Admitted(route: found.route, parts: found.parts, caller: caller)
  }

  func answer(_ call: Call, _ admitted: Admitted) async throws(WebError) -> Answer {
    if let route = admitted.route { return try await route.handler(call, admitted.parts, admitted.caller) }
    return await page(call, try gate.require(.read, of: admitted.caller))
  }

  private func page(_ call: Call, _ caller: Caller) async -> Answer {
    let response = await parts.dashboard.respond(
      to: PageRequest(
        path: "/" + call.path.joined(separator: "/"), query: call.query, mayOperate: gate.csrfToken(caller) != nil,
        csrfToken: gate.csrfToken(caller)))
    var answer = Answer(response.status, response.contentType, response.body)
    answer.headers[.location] = response.location
    answer.headers[.cacheControl] = response.cacheSeconds > 0 ? "private, max-age=\(response.cacheSeconds)" : "no-cache"
    if let etag = response.etag {
      answer.headers[.eTag] = "\"\(etag)\""
      if call.headers[.ifNoneMatch] == "\"\(etag)\"", response.status == 200 {
        answer.status = 304
        answer.body = .bytes([])
      }
    }
    return answer
  }
}
