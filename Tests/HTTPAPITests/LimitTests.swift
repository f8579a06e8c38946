import Daemon
import EventLog
import Foundation
import HTTPAPI
import PostgresLog
import Synchronization
import Testing

@Suite("Limits of the HTTP server", .needsPostgres, .timeLimit(.minutes(5)))
struct LimitTests {
  @Test("a body, an address or a header that is too long is refused")
  func sizes() async throws {
    try await WebWorld.with { world in
      let body = "{\"reason\": \"\(String(repeating: "x", count: 70_000))\"}"
      let large = try await world.client.post("/api/v1/experiments/first/pause", body)
      #expect(large.status == 413 && large.code == "too_large", "\(large)")
      let chunked = try await world.client.raw(
        "POST /api/v1/experiments/first/pause HTTP/1.1\r\nHost: \(world.client.authority)\r\nContent-Type: application/json\r\n"
          + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n11170\r\n\(String(repeating: "x", count: 70_000))\r\n0\r\n\r\n"
      )
      #expect(chunked.status == 413, "\(chunked)")
      let long = try await world.client.get("/\(String(repeating: "x", count: 9000))")
      #expect(long.status == 414 && long.code == "target_too_long", "\(long)")
      let header = try await world.client.get("/healthz", ["X-Long": String(repeating: "x", count: 20_000)])
      #expect(header.status == 400 || header.status == 0, "\(header)")
    }
  }

  @Test("a client that sends its head or its body slowly is disconnected")
  func slow() async throws {
    var manner = WebWorld.Manner(isPlayed: true)
    manner.limits.headTimeout = .milliseconds(200)
    manner.limits.bodyTimeout = .milliseconds(200)
    try await WebWorld.with(manner) { world in
      let began = ContinuousClock.now
      let head = try await world.client.raw("GET /healthz HTTP/1.1\r\nHost: loc")
      #expect(head.status == 0, "\(head)")
      let body = try await world.client.raw(
        "POST /api/v1/experiments/first/pause HTTP/1.1\r\nHost: \(world.client.authority)\r\n"
          + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
      #expect(body.status == 0 || body.status == 400, "\(body)")
      // Far below what the test is given, far above the limits: nobody waited for more.
      #expect(ContinuousClock.now - began < .seconds(60))
      #expect(try await !world.eventTypes().suffix(1).contains("PauseRequested"))
    }
  }

  @Test("a client that asks too often is told when to come back")
  func rate() async throws {
    var manner = WebWorld.Manner(isPlayed: false)
    manner.limits.requestBurst = 3
    manner.limits.requestRate = 0.01
    try await WebWorld.with(manner) { world in
      for _ in 0..<3 { #expect(try await world.client.get("/login").status == 200) }
      let reply = try await world.client.get("/login")
      #expect(reply.status == 429 && reply.code == "too_many_requests", "\(reply)")
      #expect((Int(reply.headers["retry-after"] ?? "") ?? 0) > 1, "\(reply)")
      #expect(try await world.client.get("/healthz").status == 200)
    }
  }

  @Test("what is no HTTP is answered with 400 or nothing")
  func nonsense() async throws {
    var manner = WebWorld.Manner(isPlayed: false)
    manner.limits.headTimeout = .milliseconds(500)
    manner.limits.idleTimeout = .milliseconds(500)
    try await WebWorld.with(manner) { world in
      for bytes in [
        "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      ] {
        let reply = try await world.client.raw(bytes)
        #expect([0, 400, 421, 505].contains(reply.status), "\(bytes.debugDescription): \(reply)")
      }
      // On a busy machine a request may itself be too slow for these limits.
      var status = 0
      for _ in 0..<20 where status != 200 { status = try await world.client.get("/healthz").status }
      #expect(status == 200)
    }
  }

  @Test("a Unix socket is this user's alone, and is gone when the server is")
  func unixSocket() async throws {
    var path = ""
    try await WebWorld.with(WebWorld.Manner(isUnix: true, isPlayed: false)) { world in
      #expect(try await world.client.get("/healthz").status == 200)
      guard case .unix(let socket) = world.client.address else { return }
      path = socket
      let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
      #expect(mode == 0o600)
    }
    #expect(!path.isEmpty && !FileManager.default.fileExists(atPath: path))
  }

  @Test("a live stream tells of an append, and what was missed after a reconnection")
  func live() async throws {
    try await WebWorld.with { world in
      let before = try await world.log.head().position
      let request = "GET /live?experiment=first HTTP/1.1\r\nHost: \(world.client.authority)\r\nConnection: close\r\n"
      let heard = Heard()
      async let stream = world.client.raw(request + "\r\n") {
        guard $0.contains("event: change") else { return false }
        heard.isTrue.withLock { $0 = true }
        return true
      }
      // Appends until the stream has heard of one: it may have begun after the first.
      let client = world.client
      async let changes: Void = {
        for number in 0..<250 where !heard.isTrue.withLock({ $0 }) {
          let action = number % 2 == 0 ? "pause" : "resume"
          let reply = try await client.post("/api/v1/experiments/first/\(action)", "{}")
          if reply.status == 429 { break }
        }
      }()
      let told = try await stream
      try await changes
      #expect(told.headers["content-type"] == "text/event-stream; charset=utf-8")
      #expect(told.body.contains(#""experiment":"first""#) && told.body.contains("retry: 2000"), "\(told)")
      let again = try await world.client.raw(request + "Last-Event-ID: \(before)\r\n\r\n") {
        $0.contains("event: change")
      }
      let head = try await world.log.head().position
      #expect(again.body.contains("id: \(head)\n"), "\(again)")
    }
  }

  @Test("only so many clients follow the log")
  func liveClients() async throws {
    var manner = WebWorld.Manner(isPlayed: false)
    manner.limits.liveMax = 0
    try await WebWorld.with(manner) { world in
      let refused = try await world.client.get("/live")
      #expect(refused.status == 503 && refused.code == "too_many_clients", "\(refused)")
      #expect(refused.headers["retry-after"] != nil)
    }
  }
}

/// Whether the stream of one test has told of a change: its reader sets it, its writer asks.
private final class Heard: Sendable {
  let isTrue = Mutex(false)
}
