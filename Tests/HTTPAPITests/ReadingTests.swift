import Daemon
import EventLog
import Foundation
import HTTPAPI
import PostgresLog
import Projections
import Testing

@Suite("Reading over HTTP", .needsPostgres, .timeLimit(.minutes(5)))
struct ReadingTests {
  @Test("every list of an experiment has the rows that its view has")
  func lists() async throws {
    try await WebWorld.with { world in
      for (path, key) in [
        ("learning-curve", "learning_curve"), ("refusals", "refusals"), ("phases", "phases"),
        ("learnability", "learnability"), ("updates", "updates"),
      ] {
        let reply = try await world.client.get("/api/v1/experiments/first/\(path)")
        #expect(reply.status == 200 && !reply.rows(key).isEmpty, "\(path): \(reply)")
        #expect(reply.rows(key).allSatisfy { $0["experiment"] as? String == "first" }, "\(path)")
        let none = try await world.client.get("/api/v1/experiments/first/\(path)?from=1000000")
        #expect(none.status == 200 && none.rows(key).isEmpty, "\(path): \(none)")
      }
      for (path, key) in [("conditions", "conditions"), ("evaluations", "evaluations")] {
        let reply = try await world.client.get("/api/v1/experiments/first/\(path)")
        #expect(reply.status == 200 && reply.json[key] is [Any], "\(path): \(reply)")
      }
    }
  }

  @Test("events come in pages that leave nothing out and repeat nothing")
  func pages() async throws {
    try await WebWorld.with { world in
      var positions: [Int] = []
      var after = "0"
      for _ in 0..<1000 {
        let page = try await world.client.get("/api/v1/experiments/first/events?limit=17&after=\(after)")
        positions += page.rows("events").compactMap { $0["position"] as? Int }
        guard let next = page.json["next"] as? String else { break }
        after = next
      }
      let head = try await world.log.head().position
      #expect(positions == Array(1...Int(head.rawValue)))
    }
  }

  @Test("what cannot be a problem has no attempts, instead of none; lengths are of characters, as they are described")
  func lengths() async throws {
    try await WebWorld.with(WebWorld.Manner(isPlayed: true)) { world in
      let long = String(repeating: "0", count: 201)
      let accented = String(repeating: "%C3%A9", count: 200)
      for (path, status) in [
        ("/first/problems/\(long)/attempts", 404), ("/first/problems/\(long)", 404), ("?parent=\(accented)", 200),
        ("?parent=\(accented)e", 400),
      ] {
        let reply = try await world.client.get("/api/v1/experiments" + path)
        #expect(reply.status == status, "\(path): \(reply)")
      }
    }
  }

  @Test("a problem leads to its attempts, and an attempt to its tokens, by id and by position")
  func stories() async throws {
    try await WebWorld.with { world in
      let problems = try await world.client.get("/api/v1/experiments/first/problems?limit=500").rows("problems")
      let probed = try #require(problems.first { ($0["probes"] as? Int ?? 0) > 0 })
      let id = try #require(probed["problem"] as? String)
      let problem = try await world.client.get("/api/v1/experiments/first/problems/\(id)")
      #expect(problem.status == 200 && problem.json["program"] is String, "\(problem)")
      let attempts = try await world.client.get("/api/v1/experiments/first/problems/\(id)/attempts").rows("attempts")
      let attempt = try #require(attempts.first?["attempt"] as? String)
      let position = try #require(attempts.first?["position"] as? Int)
      let byID = try await world.client.get("/api/v1/experiments/first/attempts/\(attempt)")
      let byPosition = try await world.client.get("/api/v1/experiments/first/attempts/@\(position)")
      #expect(byID.status == 200 && byID.body == byPosition.body, "\(byID)")
      let tokens = try #require(byID.json["tokens"] as? [Int])
      #expect(tokens == Array(0..<tokens.count) && !tokens.isEmpty)
      #expect((byID.json["log_probabilities"] as? [Any])?.count == tokens.count)
      #expect(byID.json["completion"] as? String == "completion of \(attempt)")
    }
  }

  @Test("difficulty has the ratings of every version and every rated problem, and from and to limit the problems alone")
  func difficulty() async throws {
    try await WebWorld.with { world in
      let path = "/api/v1/experiments/first/difficulty"
      let all = try await world.client.get(path)
      #expect(all.status == 200 && !all.rows("policy").isEmpty && !all.rows("cells").isEmpty, "\(all)")
      let rated = all.rows("problems").reduce(0) { $0 + ($1["problems"] as? Int ?? 0) }
      let problems = try await world.client.get("/api/v1/experiments/first/problems?limit=500").rows("problems")
      #expect(rated > 0 && rated == problems.count { $0["rating"] is Double }, "\(all)")
      let one = try await world.client.get("\(path)?from=1&to=1")
      #expect(Set(one.rows("problems").compactMap { $0["iteration"] as? Int }) == [1], "\(one)")
      #expect(one.rows("policy").count == all.rows("policy").count)
    }
  }

  @Test("an unknown name is answered with 404 and the nearest name there is")
  func suggestion() async throws {
    try await WebWorld.with { world in
      for path in ["", "/events", "/problems/1.deduction.0", "/attempts/@1"] {
        let reply = try await world.client.get("/api/v1/experiments/frist\(path)")
        #expect(reply.status == 404 && reply.code == "unknown_experiment" && reply.suggestion == "first", "\(reply)")
      }
    }
  }

  @Test("what is not a parameter, or not of its form, is refused")
  func parameters() async throws {
    try await WebWorld.with { world in
      for query in [
        "lmit=3", "limit=0", "limit=501", "limit=x", "after=-1", "limit=3&limit=4", "iteration=1.5", "type=",
      ] {
        let reply = try await world.client.get("/api/v1/experiments/first/events?\(query)")
        #expect(reply.status == 400 && reply.code == "bad_parameter", "\(query): \(reply)")
      }
      let reply = try await world.client.get("/api/v1/experiments/first/events?lmit=3")
      #expect(reply.suggestion == "limit")
    }
  }

  @Test("another method is answered with 405 and the methods there are")
  func methods() async throws {
    try await WebWorld.with { world in
      for (method, path, allowed) in [
        ("DELETE", "/api/v1/experiments/first", "GET, HEAD"), ("GET", "/api/v1/experiments/first/pause", "POST"),
        ("PUT", "/", "GET, HEAD"),
      ] {
        let reply = try await world.client.send(method, path)
        #expect(reply.status == 405 && reply.headers["allow"] == allowed, "\(method) \(path): \(reply)")
      }
    }
  }

  @Test("HEAD is answered like GET, with its length and without its body")
  func head() async throws {
    try await WebWorld.with { world in
      let get = try await world.client.get("/api/v1/experiments")
      let head = try await world.client.send("HEAD", "/api/v1/experiments")
      #expect(head.status == 200 && head.body.isEmpty)
      #expect(head.headers["content-length"] == "\(get.body.utf8.count)")
    }
  }

  @Test("experiments are compared in the order asked for, and projections say how far they are")
  func others() async throws {
    try await WebWorld.with { world in
      let comparison = try await world.client.get("/api/v1/comparison?experiment=first")
      #expect(comparison.rows("comparison").map { $0["experiment"] as? String } == ["first"], "\(comparison)")
      #expect(try await world.client.get("/api/v1/comparison").status == 400)
      let projections = try await world.client.get("/api/v1/projections?experiment=first")
      #expect(
        projections.rows("projections").map { $0["lag"] as? Int } == ProjectionCatalogue.all.map { _ in 0 },
        "\(projections)")
    }
  }

  @Test("the description of the API names exactly the routes there are")
  func description() async throws {
    try await WebWorld.with { world in
      let text = try await world.client.get("/api/v1/openapi.yaml")
      #expect(text.headers["content-type"] == "application/yaml")
      let described = text.body.split(separator: "\n").filter { $0.hasPrefix("  /") }
        .map { $0.dropFirst(2).dropLast().description }
      #expect(Set(described) == Set(world.paths))
    }
  }

  @Test("health, readiness and metrics are told")
  func watching() async throws {
    try await WebWorld.with { world in
      #expect(try await world.client.get("/healthz").body == "alive\n")
      #expect(try await world.client.get("/readyz").status == 200)
      let metrics = try await world.client.get("/metrics")
      let head = try await world.log.head().position
      for wanted in [
        "# TYPE autodidact_http_requests_total counter", "autodidact_experiments{state=",
        "autodidact_projection_lag_events{projection=\"attempts\"} 0", "autodidact_resident_memory_bytes ",
        "autodidact_log_position \(head)\n",
        "autodidact_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"}",
      ] {
        #expect(metrics.body.contains(wanted), "\(wanted) in \(metrics.body)")
      }
    }
  }
}
