import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOPosix

/// Sends one request to a collector, on a connection of its own: one every few seconds is not worth keeping one open.
struct CollectorClient: Sendable {
  let settings: CollectorSettings

  /// A collector that cannot be reached, does not answer in time, or refuses. Says nothing of the headers.
  struct Refusal: Error, Hashable, CustomStringConvertible {
    var description: String
    /// Whether the same request may go through later (OTLP/HTTP, "Failures").
    var isTemporary: Bool
  }

  /// - Throws: `Refusal`.
  func post(_ body: [UInt8]) async throws(Refusal) {
    let status: HTTPResponse.Status
    do {
      status = try await inTime { try await exchange(body) }
    } catch let refusal as Refusal {
      throw refusal
    } catch {
      throw Refusal(description: "\(error)", isTemporary: true)
    }
    guard status.kind != .successful else { return }
    throw Refusal(description: "answered \(status.code)", isTemporary: [429, 502, 503, 504].contains(status.code))
  }

  private func exchange(_ body: [UInt8]) async throws -> HTTPResponse.Status {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: settings.host, port: settings.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPClientCodec())
          return try NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(.head(head(length: body.count)))
      try await outbound.write(.body(ByteBuffer(bytes: body)))
      try await outbound.write(.end(nil))
      for try await case .head(let head) in inbound where head.status.kind != .informational { return head.status }
      throw Refusal(description: "closed the connection without an answer", isTemporary: true)
    }
  }

  private func head(length: Int) -> HTTPRequest {
    let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
    var request = HTTPRequest(method: .post, scheme: "http", authority: "\(host):\(settings.port)", path: settings.path)
    request.headerFields[.contentType] = "application/json"
    request.headerFields[.contentLength] = "\(length)"
    request.headerFields[.connection] = "close"
    for (name, value) in settings.headers {
      if let name = HTTPField.Name(name) { request.headerFields[name] = value }
    }
    return request
  }

  /// A collector that accepts and says nothing must not stop the exporter.
  private func inTime<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: settings.timeout)
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let value = first else {
        throw Refusal(description: "did not answer within \(settings.timeout)", isTemporary: true)
      }
      return value
    }
  }
}
