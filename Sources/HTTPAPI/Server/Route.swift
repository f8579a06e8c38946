import HTTPTypes

/// One address and method, who may call it, and what answers.
struct Route: Sendable {
  typealias Handler =
    @Sendable (Call, _ parts: [(name: String, value: String)], Caller?) async throws(WebError) -> Answer

  /// Who may call it.
  enum Admission: Hashable, Sendable {
    /// Anybody; not even the token is looked at.
    case anybody
    case scope(Scope)
  }

  var method: HTTPRequest.Method
  /// `/api/v1/experiments/{name}`; metrics and docs/openapi.yaml call it so.
  var path: String
  var admission: Admission
  /// Whether a change: its body is read.
  var takesBody: Bool { method == .post }
  var handler: Handler
  private let pattern: [Substring]

  init(_ method: HTTPRequest.Method, _ path: String, _ admission: Admission, handler: @escaping Handler) {
    self.method = method
    self.path = path
    self.admission = admission
    self.handler = handler
    pattern = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()[...].map { $0 }
  }

  /// What the `{…}` of its path stand for; nil for another path.
  func parts(of path: [String]) -> [(name: String, value: String)]? {
    guard path.count == pattern.count else { return nil }
    var parts: [(name: String, value: String)] = []
    for (wanted, found) in zip(pattern, path) {
      if wanted.hasPrefix("{") {
        guard !found.isEmpty else { return nil }
        parts.append((String(wanted.dropFirst().dropLast()), found))
      } else if wanted != found {
        return nil
      }
    }
    return parts
  }
}

/// All routes but the pages, which answer whatever is left.
struct RouteTable: Sendable {
  let routes: [Route]

  /// - Throws: `methodNotAllowed` for an address that has other methods.
  /// - Returns: nil for an address that is none of these.
  func find(_ call: Call) throws(WebError) -> (route: Route, parts: [(name: String, value: String)])? {
    let wanted = call.method == .head ? .get : call.method
    var allowed: [String] = []
    for route in routes {
      guard let parts = route.parts(of: call.path) else { continue }
      if route.method == wanted { return (route, parts) }
      allowed += route.method == .get ? ["GET", "HEAD"] : [route.method.rawValue]
    }
    guard !allowed.isEmpty else { return nil }
    throw Self.notAllowed(call, allowed)
  }

  static func notAllowed(_ call: Call, _ allowed: [String]) -> WebError {
    var error = WebError(
      .methodNotAllowed,
      "\(call.method.rawValue.prefix(20)) is not answered here; allowed is \(allowed.joined(separator: ", "))")
    error.allowed = allowed
    return error
  }
}
