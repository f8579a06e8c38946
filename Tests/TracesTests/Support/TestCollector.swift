import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A collector on a port of this machine that keeps what it was sent and answers as it is told.
final class TestCollector: Sendable {
  /// One request that came.
  struct Received: Sendable {
    var target: String
    var headers: [String: String]
    var body: Data

    /// The spans of the body, as JSON objects.
    var spans: [[String: Any]] {
      let root = (try? JSONSerialization.jsonObject(with: body)) as? [String: Any]
      let resources = root?["resourceSpans"] as? [[String: Any]] ?? []
      let scopes = resources.flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }
      return scopes.flatMap { $0["spans"] as? [[String: Any]] ?? [] }
    }
  }

  private struct State {
    var received: [Received] = []
    /// Answers to give; the last one goes on being given. 0 answers nothing at all.
    var answers: [Int]
  }

  private let state: Mutex<State>

  private init(_ answers: [Int]) { state = Mutex(State(answers: answers)) }

  var received: [Received] { state.withLock { $0.received } }

  /// Runs `body` with a collector and its port.
  static func with<Result>(
    _ answers: [Int] = [200], _ body: (TestCollector, Int) async throws -> Result
  ) async throws -> Result {
    let collector = TestCollector(answers)
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Receiver(collector))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    do {
      let result = try await body(collector, server.localAddress?.port ?? 0)
      try await server.close()
      return result
    } catch {
      try await server.close()
      throw error
    }
  }

  private func take(_ received: Received) -> Int {
    state.withLock { state in
      state.received.append(received)
      return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
    }
  }

  private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let collector: TestCollector
    private var head: HTTPRequestHead?
    private var body = Data()

    init(_ collector: TestCollector) { self.collector = collector }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): self.head = head
      case .body(let part): body.append(contentsOf: part.readableBytesView)
      case .end:
        guard let head else { return }
        let headers = Dictionary(
          head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        let status = collector.take(Received(target: head.uri, headers: headers, body: body))
        guard status > 0 else { return }
        let answer = HTTPResponseHead(
          version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: ["Content-Length": "0"])
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
