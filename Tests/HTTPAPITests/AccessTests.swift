import Daemon
import EventLog
import Foundation
import HTTPAPI
import PostgresLog
import Testing

@Suite("Who may do what over HTTP", .needsPostgres, .timeLimit(.minutes(5)))
struct AccessTests {
  private let closed = WebWorld.Manner(needsToken: true)

  @Test("without a token there is nothing but health, readiness and the login page")
  func noToken() async throws {
    try await WebWorld.with(closed) { world in
      for path in ["/", "/api/v1/experiments", "/metrics", "/live", "/api/v1/openapi.yaml", "/api/v1/nothing"] {
        let reply = try await world.client.get(path)
        #expect(reply.status == 401 && reply.headers["www-authenticate"] != nil, "\(path): \(reply)")
      }
      let post = try await world.client.post("/api/v1/experiments/first/pause", "{}")
      #expect(post.status == 401, "\(post)")
      for path in ["/healthz", "/readyz", "/login"] { #expect(try await world.client.get(path).status == 200) }
      let page = try await world.client.get("/", ["Accept": "text/html"])
      #expect(page.status == 303 && page.headers["location"] == "/login")
    }
  }

  @Test("a token opens what its scope says, until it is revoked")
  func scopes() async throws {
    try await WebWorld.with(closed) { world in
      let reader = try world.client(.read)
      #expect(try await reader.get("/api/v1/experiments").status == 200)
      let refused = try await reader.post("/api/v1/experiments/first/pause", "{}")
      #expect(refused.status == 403 && refused.code == "forbidden", "\(refused)")
      _ = try world.tokens.revoke("tester")
      #expect(try await reader.get("/api/v1/experiments").status == 401)
    }
  }

  @Test("a wrong token is refused, even where none is needed, and guessing is slowed down")
  func guessing() async throws {
    var manner = WebWorld.Manner(isPlayed: false)
    manner.limits.failureBurst = 3
    manner.limits.failureRate = 0.001
    try await WebWorld.with(manner) { world in
      var guess = world.client
      for number in 0..<3 {
        guess.token = "ad_0000000\(number)_" + String(repeating: "0", count: 64)
        #expect(try await guess.get("/").status == 401)
      }
      let reply = try await guess.get("/")
      #expect(reply.status == 429 && Int(reply.headers["retry-after"] ?? "") ?? 0 > 0, "\(reply)")
    }
  }

  @Test("a change is appended as the daemon obeys it, with its reason and whose token it was")
  func changes() async throws {
    try await WebWorld.with(closed) { world in
      let operating = try world.client(.operate, name: "ops")
      let paused = try await operating.post("/api/v1/experiments/first/pause", #"{"reason": "the machine is needed"}"#)
      #expect(paused.status == 202 || paused.status == 409 || paused.status == 200, "\(paused)")
      let events = try await operating.get("/api/v1/experiments/first/events?type=PauseRequested&limit=500").rows(
        "events")
      let reason = (events.last?["body"] as? [String: Any])?["reason"] as? String
      #expect(paused.status != 202 || reason == "the machine is needed (over HTTP, token ops)", "\(events)")
    }
  }

  @Test("a fork is made from JSON, and a place or a name that cannot be is refused")
  func fork() async throws {
    try await WebWorld.with { world in
      let made = try await world.client.post("/api/v1/experiments/first/fork", #"{"at": "0", "name": "second"}"#)
      #expect(made.status == 201 && made.headers["location"] == "/api/v1/experiments/second", "\(made)")
      let fork = try await world.client.get("/api/v1/experiments/second").json
      #expect(fork["parent"] as? String == "first")
      for (body, status) in [
        (#"{"at": "0", "name": "second"}"#, 409), (#"{"at": "99999", "name": "x"}"#, 409),
        (#"{"at": "end", "name": "x"}"#, 400), (#"{"at": "0", "name": "../x"}"#, 400),
        (#"{"at": "0", "name": "x", "set": ["solver.temprature=1"]}"#, 400), (#"{"at": "0"}"#, 400),
      ] {
        let reply = try await world.client.post("/api/v1/experiments/first/fork", body)
        #expect(reply.status == status, "\(body): \(reply)")
      }
    }
  }

  @Test("a body that is no JSON object, or has other keys, is refused; so is another type")
  func bodies() async throws {
    try await WebWorld.with(WebWorld.Manner(isPlayed: true)) { world in
      for body in [
        "", "{", "[]", "1", #"{"raeson": "x"}"#, #"{"reason": 1}"#,
        "{\"reason\": \"\(String(repeating: "x", count: 501))\"}",
      ] {
        let reply = try await world.client.post("/api/v1/experiments/first/pause", body)
        #expect(reply.status == 400 && reply.code == "bad_body", "\(body.prefix(40)): \(reply)")
      }
      let form = try await world.client.post("/api/v1/experiments/first/pause", "reason=x", type: "text/plain")
      #expect(form.status == 415 && form.code == "unsupported_media_type", "\(form)")
      #expect(try await !world.eventTypes().suffix(1).contains("PauseRequested"))
    }
  }

  @Test("a change that another site makes a browser ask for is refused, as JSON and as a form")
  func crossSite() async throws {
    try await WebWorld.with { world in
      for headers in [
        ["Origin": "http://evil.example"], ["Origin": "null"], ["Sec-Fetch-Site": "cross-site"],
        ["Sec-Fetch-Site": "same-site"],
      ] {
        let json = try await world.client.post("/api/v1/experiments/first/stop", "{}", headers)
        #expect(json.status == 403 && json.code == "cross_site", "\(headers): \(json)")
        let form = try await world.client.post(
          "/experiments/first/stop", "confirm=yes", type: "application/x-www-form-urlencoded", headers)
        #expect(form.status == 403 && form.code == "cross_site", "\(headers): \(form)")
      }
      #expect(try await !world.eventTypes().contains("StopRequested"))
    }
  }

  @Test("a form without the page's token, or without its confirmation, changes nothing")
  func forms() async throws {
    try await WebWorld.with { world in
      for (body, code) in [("confirm=yes", "bad_csrf_token"), ("confirm=yes&csrf=00", "bad_csrf_token")] {
        let reply = try await world.client.post(
          "/experiments/first/stop", body, type: "application/x-www-form-urlencoded",
          ["Origin": "http://\(world.client.authority)", "Sec-Fetch-Site": "same-origin"])
        #expect(reply.status == 403 && reply.code == code, "\(body): \(reply)")
      }
      #expect(try await !world.eventTypes().contains("StopRequested"))
    }
  }

  @Test("the page's own forms fork, pause and resume, and lead back to the page")
  func obeyedForms() async throws {
    try await WebWorld.with { world in
      for (action, name, fields, event) in [
        ("fork", "first", "&name=second&at=1&set=", "ExperimentForked"),
        ("pause", "second", "&reason=lunch", "PauseRequested"), ("resume", "second", "&reason=", "ResumeRequested"),
      ] {
        let page = try await world.client.get("/experiments/\(name)/ask/\(action)").body
        let token = try #require(page.firstMatch(of: /name="csrf" value="([^"]+)"/)?.1, "\(action): \(page)")
        let reply = try await world.client.post(
          "/experiments/\(name)/\(action)", "csrf=\(token)&confirm=yes\(fields)",
          type: "application/x-www-form-urlencoded",
          ["Origin": "http://\(world.client.authority)", "Sec-Fetch-Site": "same-origin"])
        #expect(reply.status == 303, "\(action): \(reply)")
        #expect(reply.headers["location"]?.hasPrefix("/experiments/second") ?? false, "\(action): \(reply)")
        let types = try await world.eventTypes(of: "second")
        #expect(types.contains(event), "\(action)")
      }
      let fork = try await world.client.get("/api/v1/experiments/second").json
      #expect(fork["parent"] as? String == "first")
    }
  }

  @Test(
    "tags, note and priority are recorded with who said it, answered as they are then, and refused where they cannot be"
  )
  func annotations() async throws {
    try await WebWorld.with(closed) { world in
      let operating = try world.client(.operate, name: "ops")
      let path = "/api/v1/experiments/first/annotate"
      let said = try await operating.post(
        path, #"{"tags_added": ["seed:7", "baseline"], "note": "one\ntwo", "priority": -3}"#)
      #expect(said.status == 200 && said.json["outcome"] as? String == "annotated", "\(said)")
      #expect(
        said.json["tags"] as? [String] == ["baseline", "seed:7"] && said.json["priority"] as? Int == -3, "\(said)")
      let again = try await operating.post(path, #"{"tags_added": ["baseline"]}"#)
      #expect(again.json["outcome"] as? String == "already" && again.json["note"] as? String == "one\ntwo", "\(again)")
      let events = try await operating.get("/api/v1/experiments/first/events?type=ExperimentAnnotated&limit=500").rows(
        "events")
      let by = (events.last?["body"] as? [String: Any])?["by"] as? String
      #expect(by?.hasSuffix(" (over HTTP, token ops)") ?? false && events.count == 1, "\(events)")
      for body in [
        #"{"tags_added": ["two words"]}"#, #"{"tags_added": ["x"], "tags_removed": ["x"]}"#, #"{"priority": 1001}"#,
        #"{"priority": "1"}"#, #"{"tag": "x"}"#,
      ] {
        let reply = try await operating.post(path, body)
        #expect(reply.status == 400 && reply.code == "bad_body", "\(body): \(reply)")
      }
      #expect(try await world.client(.read, name: "reader").post(path, "{}").status == 403)
      let found = try await operating.get("/api/v1/experiments?tag=seed:7").rows("experiments")
      #expect(found.map { $0["experiment"] as? String } == ["first"])
      #expect(try await operating.get("/api/v1/experiments?tag=seed:8").rows("experiments").isEmpty)
    }
  }

  @Test("the form of tags and note records what differs from what it showed, and nothing else")
  func annotationForm() async throws {
    try await WebWorld.with { world in
      let path = "/api/v1/experiments/first/annotate"
      #expect(
        try await world.client.post(path, #"{"tags_added": ["a", "b"], "note": "old", "priority": 2}"#).status == 200)
      let page = try await world.client.get("/experiments/first/ask/annotate").body
      let token = try #require(page.firstMatch(of: /name="csrf" value="([^"]+)"/)?.1, "\(page)")
      // Somebody else, while the form is open.
      #expect(try await world.client.post(path, #"{"tags_added": ["c"], "note": "newer"}"#).status == 200)
      let same = ["Origin": "http://\(world.client.authority)", "Sec-Fetch-Site": "same-origin"]
      let fields = "&tags_before=a+b&tags=a+d&note_before=old&note=old%0D%0A&priority_before=2&priority="
      let type = "application/x-www-form-urlencoded"
      let reply = try await world.client.post(
        "/experiments/first/annotate", "csrf=\(token)&confirm=yes\(fields)", type: type, same)
      #expect(reply.status == 303 && reply.headers["location"] == "/experiments/first", "\(reply)")
      let now = try await world.client.get("/api/v1/experiments/first").json
      #expect(now["tags"] as? [String] == ["a", "c", "d"] && now["note"] as? String == "newer", "\(now)")
      #expect(now["priority"] as? Int == 0)
      let stranger = try await world.client.post(
        "/experiments/first/annotate", "csrf=00&confirm=yes\(fields)", type: type, same)
      #expect(stranger.status == 403 && stranger.code == "bad_csrf_token", "\(stranger)")
    }
  }

  @Test("a browser logs in with a token and keeps a cookie that scripts and other sites do not get")
  func login() async throws {
    try await WebWorld.with(closed) { world in
      let token = try #require(try world.client(.read).token)
      let type = "application/x-www-form-urlencoded"
      let wrong = try await world.client.post("/login", "token=nonsense", type: type)
      #expect(wrong.status == 401 && wrong.headers["set-cookie"] == nil)
      let right = try await world.client.post("/login", "token=\(token)", type: type)
      let cookie = try #require(right.headers["set-cookie"])
      #expect(right.status == 303 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
      #expect(!cookie.contains(token))
      let session = String(cookie.prefix { $0 != ";" })
      #expect(try await world.client.get("/", ["Cookie": session]).status == 200)
      let out = try await world.client.post("/logout", "", type: type, ["Cookie": session])
      #expect(out.status == 303)
      #expect(try await world.client.get("/", ["Cookie": session]).status == 401)
    }
  }

  @Test("on a loopback address another host's name is refused (DNS rebinding), and a name that was given is not")
  func hosts() async throws {
    try await WebWorld.with(WebWorld.Manner(hosts: ["lab.example"], isPlayed: false)) { world in
      for host in ["evil.example", "127.0.0.1.evil.example", "lab.example.evil", ""] {
        let reply = try await world.client.get("/healthz", ["Host": host])
        #expect([421, 400].contains(reply.status), "\(host): \(reply)")
      }
      for host in ["localhost", "localhost:1", "127.0.0.1", "[::1]:8420", "LAB.example:80"] {
        #expect(try await world.client.get("/healthz", ["Host": host]).status == 200, "\(host)")
      }
    }
  }

  @Test("every answer carries the headers that keep browsers in bounds")
  func headers() async throws {
    try await WebWorld.with(WebWorld.Manner(isPlayed: false)) { world in
      for path in ["/", "/login", "/api/v1/experiments", "/api/v1/experiments/none", "/metrics", "/%ff"] {
        let headers = try await world.client.get(path).headers
        #expect(
          headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self'") ?? false, "\(path)")
        #expect(
          headers["x-content-type-options"] == "nosniff" && headers["referrer-policy"] == "same-origin", "\(path)")
        #expect(headers["cache-control"] != nil, "\(path)")
      }
    }
  }

  @Test("no token reaches the server's log")
  func secrets() async throws {
    try await WebWorld.with(closed) { world in
      let reader = try world.client(.operate)
      _ = try await reader.get("/api/v1/experiments")
      _ = try await reader.post("/api/v1/experiments/first/pause", "{}")
      _ = try await world.client.post(
        "/login", "token=\(reader.token ?? "")", type: "application/x-www-form-urlencoded")
      let secret = try #require(reader.token?.split(separator: "_").last.map(String.init))
      #expect(!world.logged.text.contains(secret) && world.logged.text.contains("pause"))
      let kept = try String(contentsOf: world.home.state.appending(path: "tokens.json"), encoding: .utf8)
      #expect(!kept.contains(secret))
    }
  }

  @Test("an address that others can reach is refused without a token, and asks for one with")
  func remote() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "autodidact-remote-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tokens = TokenFile(folder: folder)
    for listen in ["0.0.0.0:8420", "[::]:8420", "10.0.0.5:80", "lab.example:80"] {
      let address = try ListenAddress(listen)
      #expect(throws: WebRefusal.noToken(address)) { try WebConfiguration(address, tokens: tokens) }
    }
    _ = try tokens.create("one", scope: .read, now: 0) { [UInt8](repeating: 1, count: $0) }
    #expect(try WebConfiguration(ListenAddress("0.0.0.0:8420"), tokens: tokens).needsToken)
  }

  @Test("a file of tokens that others can read is not used")
  func exposed() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "autodidact-exposed-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tokens = TokenFile(folder: folder)
    _ = try tokens.create("one", scope: .read, now: 0) { [UInt8](repeating: 1, count: $0) }
    let path = folder.appending(path: "tokens.json").path
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: TokenError.exposed(path: path, mode: 0o644)) { try tokens.entries() }
  }
}
