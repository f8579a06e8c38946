import Foundation
import HTTPAPI
import NIOCore
import NIOPosix

/// A client that sends exactly what a test says, over a real connection; libraries would mend or refuse what is tested.
struct WebClient: Sendable {
  let address: ListenAddress
  var token: String?

  /// What came back on a connection.
  struct Reply: Sendable, CustomStringConvertible {
    /// 0: the connection was closed without an answer.
    var status = 0
    /// By lower-case name; the first value of each.
    var headers: [String: String] = [:]
    var body = ""

    var description: String { "\(status) \(headers) \(body.prefix(2000))" }

    /// Read as JSON; what is missing is an empty value.
    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:] }
    func rows(_ key: String) -> [[String: Any]] { json[key] as? [[String: Any]] ?? [] }
    /// Code of an error.
    var code: String? { (json["error"] as? [String: Any])?["code"] as? String }
    var suggestion: String? { (json["error"] as? [String: Any])?["suggestion"] as? String }
  }

  var authority: String {
    switch address {
    case .tcp(let host, let port): "\(host):\(port)"
    case .unix: "localhost"
    }
  }

  func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
    try await send("GET", path, headers)
  }

  func post(
    _ path: String, _ body: String, type: String = "application/json", _ headers: [String: String] = [:]
  ) async throws -> Reply {
    try await send("POST", path, headers.merging(["Content-Type": type]) { mine, _ in mine }, body: body)
  }

  /// One request on a connection of its own. Headers given replace the usual ones.
  func send(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil
  ) async throws -> Reply {
    var all = ["Host": authority, "Connection": "close"]
    if let token { all["Authorization"] = "Bearer \(token)" }
    if let body { all["Content-Length"] = "\(body.utf8.count)" }
    all.merge(headers) { _, given in given }
    let lines = ["\(method) \(path) HTTP/1.1"] + all.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    return try await raw(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
  }

  /// Sends bytes and reads until the server closes, or until `isEnough` of what came.
  func raw(_ text: String, until isEnough: @Sendable (String) -> Bool = { _ in false }) async throws -> Reply {
    let connection = try await connect()
    return try await connection.executeThenClose { inbound, outbound in
      var received = ByteBuffer()
      do {
        try await outbound.write(ByteBuffer(string: text))
        for try await buffer in inbound {
          received.writeImmutableBuffer(buffer)
          if isEnough(String(buffer: received)) { break }
        }
      } catch is IOError {
        // The server closed while we were still sending: what it said before counts.
      }
      return Self.reply(String(buffer: received))
    }
  }

  private func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    @Sendable func wrap(_ channel: any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
      channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
    }
    switch address {
    case .tcp(let host, let port):
      return try await bootstrap.connect(host: host, port: port, channelInitializer: wrap)
    case .unix(let path): return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: wrap)
    }
  }

  private static func reply(_ text: String) -> Reply {
    var reply = Reply()
    guard let split = text.range(of: "\r\n\r\n") else { return reply }
    let lines = text[..<split.lowerBound].components(separatedBy: "\r\n")
    reply.status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let name = parts[0].lowercased()
      if reply.headers[name] == nil { reply.headers[name] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    reply.body = String(text[split.upperBound...])
    return reply
  }
}
