import Foundation
import HTTPTypes

/// What the server says to a call.
struct Answer: Sendable {
  enum Body: Sendable {
    case bytes([UInt8])
    /// The text of each item as it comes; ends with the items, or where `text` is nil.
    case stream(AsyncStream<LiveHub.Item>, text: @Sendable (LiveHub.Item) -> String?)
  }

  var status: Int
  var headers: HTTPFields = [:]
  var body: Body

  init(_ status: Int = 200, _ contentType: String, _ body: [UInt8], headers: HTTPFields = [:]) {
    self.status = status
    self.headers = headers
    self.headers[.contentType] = contentType
    self.body = .bytes(body)
  }

  /// Server-sent events.
  init(events items: AsyncStream<LiveHub.Item>, text: @escaping @Sendable (LiveHub.Item) -> String?) {
    status = 200
    headers = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"]
    body = .stream(items, text: text)
  }

  static func json(_ status: Int = 200, _ text: String) -> Answer {
    Answer(status, "application/json", Array((text + "\n").utf8))
  }

  static func html(_ status: Int = 200, _ text: String) -> Answer {
    Answer(status, "text/html; charset=utf-8", Array(text.utf8))
  }

  static func text(_ status: Int = 200, _ text: String, type: String = "text/plain; charset=utf-8") -> Answer {
    Answer(status, type, Array(text.utf8))
  }

  /// Look there instead, with GET.
  static func seeOther(_ location: String) -> Answer {
    var answer = Answer(303, "text/plain; charset=utf-8", Array("See \(location)\n".utf8))
    answer.headers[.location] = location
    return answer
  }
}

/// A refusal or failure, as clients of the API see it. `description` is for people and holds no secret.
struct WebError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The code in the answer: stable, for programs. docs/http.md and docs/openapi.yaml list them.
  enum Code: String, Sendable, CaseIterable {
    case badRequest = "bad_request"
    case badParameter = "bad_parameter"
    case badBody = "bad_body"
    case unauthorized
    case forbidden
    case crossSite = "cross_site"
    case badCSRFToken = "bad_csrf_token"
    case unconfirmed
    case notFound = "not_found"
    case unknownExperiment = "unknown_experiment"
    case methodNotAllowed = "method_not_allowed"
    case refused
    case nameTaken = "name_taken"
    case tooLarge = "too_large"
    case targetTooLong = "target_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case wrongHost = "wrong_host"
    case tooManyRequests = "too_many_requests"
    case internalError = "internal_error"
    case unavailable
    case tooManyClients = "too_many_clients"
    case timeout

    var status: Int {
      switch self {
      case .badRequest, .badParameter, .badBody, .unconfirmed: 400
      case .unauthorized: 401
      case .forbidden, .crossSite, .badCSRFToken: 403
      case .notFound, .unknownExperiment: 404
      case .methodNotAllowed: 405
      case .refused, .nameTaken: 409
      case .tooLarge: 413
      case .targetTooLong: 414
      case .unsupportedMediaType: 415
      case .wrongHost: 421
      case .tooManyRequests: 429
      case .internalError: 500
      case .unavailable, .tooManyClients: 503
      case .timeout: 504
      }
    }
  }

  var code: Code
  var message: String
  /// What was probably meant.
  var suggestion: String?
  /// Seconds after which it may be asked again.
  var retryAfter: Int?
  /// The methods there are, where another was used.
  var allowed: [String] = []

  init(_ code: Code, _ message: String, suggestion: String? = nil, retryAfter: Int? = nil) {
    self.code = code
    self.message = message
    self.suggestion = suggestion
    self.retryAfter = retryAfter
  }

  var description: String { message + (suggestion.map { "; did you mean '\($0)'?" } ?? "") }

  /// `{"error":{"code":…,"message":…}}`
  var answer: Answer {
    struct Document: Encodable {
      struct Inner: Encodable {
        var code, message: String
        var suggestion: String?
      }
      var error: Inner
    }
    let document = Document(error: .init(code: code.rawValue, message: message, suggestion: suggestion))
    var answer = Answer.json(code.status, JSONText.of(document))
    if let retryAfter { answer.headers[HTTPField.Name("Retry-After")!] = "\(retryAfter)" }
    if !allowed.isEmpty { answer.headers[.allow] = allowed.joined(separator: ", ") }
    if code == .unauthorized { answer.headers[.wwwAuthenticate] = "Bearer realm=\"autodidact\"" }
    return answer
  }
}

/// JSON of a value, with sorted keys.
enum JSONText {
  static func of(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Values of ours, all finite and strings valid: there is nothing to fail.
    guard let data = try? encoder.encode(value) else { return "null" }
    return String(decoding: data, as: UTF8.self)
  }
}
