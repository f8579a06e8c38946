import Dashboard
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers a request.
struct WebResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let dashboard: Dashboard

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    let page = await dashboard.respond(
      to: PageRequest(
        path: request.uri.path.removingPercentEncoding ?? "/",
        query: request.uri.queryParameters.map { (String($0.key), String($0.value)) }))
    return Response(
      status: HTTPResponse.Status(code: page.status), headers: [.contentType: page.contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: page.body)))
  }
}
