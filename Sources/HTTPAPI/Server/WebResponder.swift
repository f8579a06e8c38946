import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import NIOCore

/// The address at the other end, which the framework's own context does not keep.
struct WebContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// nil on a Unix socket.
  let peer: String?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    peer = source.channel.remoteAddress?.ipAddress
  }
}

/// The shell between the framework and the site: reads a request, writes the answer, counts both.
struct WebResponder: HTTPResponder {
  let site: WebSite
  let limits: WebLimits
  let metrics: PrometheusRegistry
  let logger: Logger

  func respond(to request: Request, context: WebContext) async throws -> Response {
    let began = ContinuousClock.now
    var route = "none"
    var call: Call?
    var answer: Answer
    do throws(WebError) {
      guard (request.head.path ?? "").utf8.count <= limits.targetMax else {
        throw WebError(.targetTooLong, "the address is longer than \(limits.targetMax) bytes")
      }
      guard var made = Call(request.head, peer: context.peer) else {
        throw WebError(.badRequest, "the address is not UTF-8 in percent escapes")
      }
      call = made
      let admitted = try site.admit(made)
      route = admitted.route?.path ?? "page"
      if admitted.route?.takesBody ?? false { made.body = try await body(of: request) }
      answer = try await site.answer(made, admitted)
    } catch {
      answer = refusal(error, call)
    }
    count(route, request.method, answer.status, ContinuousClock.now - began)
    return response(answer, isHead: request.method == .head)
  }

  /// - Throws: `tooLarge`; a body that does not come ends with its connection.
  private func body(of request: Request) async throws(WebError) -> Data {
    let tooLarge = WebError(.tooLarge, "the body is larger than \(limits.bodyMax) bytes")
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.bodyMax { throw tooLarge }
    do {
      let buffer = try await request.body.collect(upTo: limits.bodyMax)
      return Data(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw tooLarge
    } catch {
      throw WebError(.badRequest, "the body did not come")
    }
  }

  /// A browser gets a page: of the login, where that helps.
  private func refusal(_ error: WebError, _ call: Call?) -> Answer {
    guard let call, call.wantsPage, call.path.first != "api" else { return error.answer }
    if error.code == .unauthorized, call.isReading { return .seeOther("/login") }
    return ErrorPage.answer(error)
  }

  private func count(_ route: String, _ method: HTTPRequest.Method, _ status: Int, _ time: Duration) {
    // Methods are words of the client's: only known ones become labels.
    let known: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .delete, .options, .patch]
    Counter(
      label: "autodidact_http_requests_total",
      dimensions: [
        ("route", route), ("method", known.contains(method) ? method.rawValue : "other"), ("status", "\(status)"),
      ], factory: metrics
    ).increment()
    let nanoseconds = time.components.seconds * 1_000_000_000 + time.components.attoseconds / 1_000_000_000
    Metrics.Timer(label: "autodidact_http_request_duration_seconds", dimensions: [("route", route)], factory: metrics)
      .recordNanoseconds(nanoseconds)
  }

  private func response(_ answer: Answer, isHead: Bool) -> Response {
    var headers = answer.headers
    for (name, value) in Self.security { headers[name] = value }
    if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
    let status = HTTPResponse.Status(code: answer.status)
    switch answer.body {
    case .bytes(let bytes):
      if isHead { headers[.contentLength] = "\(bytes.count)" }
      return Response(
        status: status, headers: headers,
        body: isHead || bytes.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    case .stream(let items, let text):
      return Response(
        status: status, headers: headers,
        body: ResponseBody { writer in
          // One after the other, as the client reads: what it does not read stays in the hub's limited queue.
          for await item in items {
            guard let text = text(item) else { break }
            try await writer.write(ByteBuffer(string: text))
          }
          try await writer.finish(nil)
        })
    }
  }

  /// On every answer. Scripts, styles and connections are the page's own; nobody frames it, guesses types or learns
  /// addresses from it.
  static let security: [(HTTPField.Name, String)] = [
    (
      HTTPField.Name("Content-Security-Policy")!,
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    (HTTPField.Name("X-Content-Type-Options")!, "nosniff"),
    (HTTPField.Name("Referrer-Policy")!, "same-origin"),
    (HTTPField.Name("X-Frame-Options")!, "DENY"),
    (HTTPField.Name("Cross-Origin-Opener-Policy")!, "same-origin"),
    (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),
    (HTTPField.Name("Permissions-Policy")!, "camera=(), geolocation=(), microphone=()"),
  ]
}
