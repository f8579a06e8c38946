import Dashboard
import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

/// The pages over a played log, as a browser without script gets them.
@Suite("Pages", .needsPostgres)
struct PageTests {
  /// A dashboard over played experiments whose projections are up to the log.
  private func withPages(_ body: (Pages) async throws -> Void) async throws {
    try await TestServer.withDatabase { database in
      let log = PostgresEventLog(database, clock: ContinuousClock())
      var writer = PlayWriter("it's <first>", smallSettings { $0.play.batch = 6 }, id: 1, log: log)
      try await writer.play(stepsMax: 10_000)
      var other = PlayWriter("second", smallSettings(seed: 2), id: 2, log: log)
      try await other.play(stepsMax: 10_000)
      try await Self.appendHostile(to: log)
      for experiment in try await log.experiments() {
        var projector = ExperimentProjector(ProjectionCatalogue.all, of: experiment.id, in: log)
        let failures = try await projector.catchUp().failures
        // What is appended to the second one no daemon would append, and a projection may refuse it.
        #expect(failures == [:] || experiment.name == "second", "\(failures)")
      }
      let pool = ConnectionPool(database, connectionsMax: 2)
      let assets = TestServer.migrations.deletingLastPathComponent().appending(path: "assets").path
      try await body(
        Pages(
          dashboard: Dashboard(pool: pool, assets: AssetFolder(path: assets), tokenPieces: Self.pieces), log: log,
          played: writer.played))
      await pool.closeIdle()
    }
  }

  /// Token 60 is half a character, as byte-level tokenizers have them; 61 is the other half.
  @Sendable private static func pieces(_ model: String, _ ids: [Int32]) async -> [[UInt8]]? {
    ids.map { $0 == 60 ? [0xC3] : $0 == 61 ? [0xA9] : Array("<\($0)>".utf8) }
  }

  private struct Pages {
    let dashboard: Dashboard
    let log: PostgresEventLog
    let played: PlayedExperiment

    func get(_ path: String, _ query: [(String, String)] = [], mayOperate: Bool = false) async -> (
      status: Int, text: String
    ) {
      let response = await dashboard.respond(
        to: PageRequest(
          path: path, query: query.map { (name: $0.0, value: $0.1) }, mayOperate: mayOperate,
          csrfToken: mayOperate ? "token\"<" : nil))
      return (response.status, String(decoding: response.body, as: UTF8.self))
    }
  }

  private static let first = "/experiments/it's <first>"
  private static let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"

  /// A problem, an attempt and an answer made of markup, at the end of the second experiment.
  private static func appendHostile(to log: PostgresEventLog) async throws {
    let second = try #require(try await log.experiment(named: "second"))
    func body(_ fields: [String: Any]) throws -> Data {
      try JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys])
    }
    let generation = GenerationRecord(
      tokens: [1, 60, 61], logProbabilities: [-0.01, -1, -9], prompt: hostile, completion: hostile,
      sampling: Data("{}".utf8),
      randomKey: Data([1]), finish: "stop")
    let events = [
      NewEvent(
        type: "ProposalMade", iteration: 3, policyVersion: 2,
        body: try body(["proposal": "3.deduction.99", "references": ["2.deduction.0"]]),
        generation: generation),
      NewEvent(
        type: "ProposalVerified", iteration: 3, policyVersion: 2, cause: .sibling(0),
        body: try body([
          "proposal": "3.deduction.99", "detail": "",
          "problem": [
            "kind": "deduction", "program": "def f(x):\n    return '\(hostile)' # \(hostile)", "message": hostile,
            "pairs": [["input": "'\(hostile)'", "output": "'\(hostile)'"]],
          ],
        ])),
      NewEvent(
        type: "AttemptMade", iteration: 3, policyVersion: 2,
        body: try body(["attempt": "3.probe.deduction.99.0", "problem": "3.deduction.99"]), generation: generation),
      NewEvent(
        type: "AttemptVerified", iteration: 3, policyVersion: 2, cause: .sibling(2),
        body: try body([
          "attempt": "3.probe.deduction.99.0", "problem": "3.deduction.99", "verdict": "incorrect", "answer": hostile,
          "detail": hostile,
        ])),
    ]
    _ = try await log.append(
      Append(
        key: "hostile", experiment: second.id, expectedVersion: second.version, epoch: second.epoch, events: events))
  }

  @Test("every page of a played experiment says what it is about")
  func everyPage() async throws {
    try await withPages { pages in
      let problem = try #require(
        pages.played.recorded.compactMap { event -> ProposalID? in
          if case .problemAdmitted(let admitted) = event.event { admitted.problem } else { nil }
        }.last)
      let attempt = try #require(
        pages.played.recorded.compactMap { event -> AttemptID? in
          if case .attemptVerified(let verified) = event.event { verified.attempt } else { nil }
        }.last)
      let wanted: [(path: String, query: [(String, String)], words: String)] = [
        ("/", [], "it&#39;s &lt;first&gt;"),
        (Self.first, [], "Solved, of the problems trained on"),
        (Self.first, [("sections", "all")], "Learnability"),
        (Self.first, [("fragment", "problems")], "Refused proposals"),
        (Self.first, [("fragment", "difficulty")], "Policy and problems on one scale"),
        (Self.first, [("fragment", "health")], "Importance ratio"),
        (Self.first, [("fragment", "time")], "Time by phase"),
        (Self.first, [("fragment", "newest")], "return"),
        (Self.first, [("smooth", "5"), ("from", "1"), ("to", "2")], "Entropy"),
        ("\(Self.first)/problems", [], "\(problem)"),
        ("\(Self.first)/problems", [("outcome", "learnable"), ("order", "learnability")], "Problems"),
        ("\(Self.first)/problems/\(problem)", [], "What the proposer wrote"),
        ("\(Self.first)/problems/\(problem)", [("fragment", "children")], "class="),
        ("\(Self.first)/problems/0.deduction.0", [], "zero problem"),
        ("\(Self.first)/attempts/\(attempt)", [], "What the solver wrote"),
        ("\(Self.first)/updates/1", [], "What moved it most"),
        ("\(Self.first)/events", [("type", "WeightsUpdated")], "WeightsUpdated"),
        ("\(Self.first)/evaluations", [], "autodidact evaluate"),
        ("\(Self.first)/settings", [], "play.batch"),
        ("/compare", [("experiment", "it's <first>"), ("experiment", "second")], "Settings that differ"),
      ]
      for page in wanted {
        let answer = await pages.get(page.path, page.query)
        #expect(answer.status == 200, "\(page.path) \(page.query)")
        #expect(answer.text.contains(page.words), "\(page.path) \(page.query): \(answer.text.prefix(2000))")
        #expect(!answer.text.contains("class=\"failure\""), "\(page.path) \(page.query)")
      }
    }
  }

  @Test("a program, an answer and a name made of markup are text on every page that shows them")
  func hostileTexts() async throws {
    try await withPages { pages in
      let shown: [(String, [(String, String)])] = [
        ("/experiments/second", [("sections", "all")]), ("/experiments/second/problems", []),
        ("/experiments/second/problems/3.deduction.99", []),
        ("/experiments/second/attempts/3.probe.deduction.99.0", []),
        ("/experiments/second/events", []), ("/experiments/second/problems/2.deduction.0", [("fragment", "children")]),
      ]
      for (path, query) in shown {
        let answer = await pages.get(path, query)
        #expect(answer.status == 200, "\(path)")
        #expect(!answer.text.contains("<img"), "\(path)")
        #expect(!answer.text.contains("<script>"), "\(path)")
        #expect(answer.text.contains("&lt;img"), "\(path)")
      }
      let named = await pages.get(Self.first)
      #expect(!named.text.contains("<first>"))
    }
  }

  @Test("tokens that share a character show it once, at the last of them")
  func tokens() async throws {
    try await withPages { pages in
      let answer = await pages.get("/experiments/second/attempts/3.probe.deduction.99.0")
      #expect(answer.text.contains(">&lt;1&gt;</span>"))
      #expect(
        answer.text.contains(
          "<span class=\"t p6\" title=\"token 61, log-probability −9.000, probability 0.0 %\">é</span>"))
    }
  }

  @Test("what has no address is not found, and says so")
  func missing() async throws {
    try await withPages { pages in
      for path in [
        "/nothing", "/experiments/nobody", "\(Self.first)/nothing", "\(Self.first)/problems/9.deduction.9999",
        "\(Self.first)/problems/%' or true --", "\(Self.first)/attempts/x", "\(Self.first)/updates/99999999999",
        "/assets/../Package.swift",
        "/assets/nothing.js",
      ] {
        #expect(await pages.get(path).status == 404, "\(path)")
      }
      #expect(await pages.get("/assets/page.css").status == 200)
    }
  }

  @Test("what a query says is kept within limits, whatever it says")
  func queries() async throws {
    try await withPages { pages in
      for value in ["-1", "99999999999999999999", "'; drop schema log cascade; --", "", "NaN"] {
        for path in ["", "/problems", "/events"] {
          let query = ["smooth", "from", "to", "offset", "below", "iteration", "kind", "type", "order", "outcome"].map {
            ($0, value)
          }
          #expect(await pages.get(Self.first + path, query).status == 200, "\(path) \(value)")
        }
      }
    }
  }

  @Test(
    "difficulty is told in words, curves with intervals and cells; an experiment without ratings says how to get them")
  func difficulty() async throws {
    try await withPages { pages in
      let text = await pages.get(Self.first, [("fragment", "difficulty")]).text
      #expect(text.contains("of its new problems at first") && text.contains("&quot;low&quot;:["), "\(text)")
      #expect(text.contains("class=\"rows cells\"") && text.contains("Fitted after update"), "\(text)")
      let unrated = await pages.get(Self.first, [("fragment", "difficulty"), ("from", "900"), ("to", "901")]).text
      #expect(unrated.contains("Nothing is rated here yet") && unrated.contains("autodidact difficulty"), "\(unrated)")
    }
  }

  @Test("a tag and a note are shown as text, and only who may operate gets the form with them")
  func annotations() async throws {
    try await withPages { pages in
      let record = try #require(try await pages.log.experiment(named: "it's <first>"))
      let said = Event.experimentAnnotated(
        ExperimentAnnotated(by: "ada@vm", tagsAdded: ["seed:7"], note: Self.hostile, priority: 12))
      _ = try await pages.log.append(
        Append(
          key: "said", experiment: record.id, expectedVersion: record.version, epoch: nil,
          events: [NewEvent(type: said.type, body: said.body)]))
      let text = await pages.get(Self.first).text
      #expect(text.contains("<span class=\"tag\">seed:7</span>") && text.contains("priority 12"))
      #expect(text.contains("&lt;script&gt;alert(1)") && !text.contains("<script>alert"))
      #expect(await pages.get("/").text.contains("<span class=\"tag\">seed:7</span>"))
      let form = await pages.get("\(Self.first)/ask/annotate", mayOperate: true).text
      #expect(form.contains("name=\"tags_before\" value=\"seed:7\"") && !form.contains("<script>alert"), "\(form)")
      #expect(!(await pages.get("\(Self.first)/ask/annotate").text.contains("name=\"tags\"")))
    }
  }

  @Test("only who may operate sees what can be done, with the token in the form")
  func control() async throws {
    try await withPages { pages in
      #expect(!(await pages.get(Self.first).text.contains("/fork\"")))
      #expect(await pages.get(Self.first, mayOperate: true).text.contains("/fork\""))
      let form = await pages.get("\(Self.first)/ask/fork", mayOperate: true).text
      #expect(
        form.contains("method=\"post\"") && form.contains("value=\"token&quot;&lt;\"")
          && form.contains("name=\"confirm\" value=\"yes\""))
      #expect(!(await pages.get("\(Self.first)/ask/fork").text.contains("method=\"post\"")))
    }
  }

  @Test("no page has a script, a style or a handler in it")
  func policy() async throws {
    try await withPages { pages in
      for path in ["/", Self.first, "/experiments/second/problems/3.deduction.99", "/compare"] {
        let text = await pages.get(
          path, [("sections", "all"), ("experiment", "second"), ("experiment", "it's <first>")]
        ).text
        #expect(!text.contains(" style=\"") && !text.contains("<style") && !text.contains(" onclick="))
        let scripts = text.components(separatedBy: "<script").dropFirst()
        #expect(scripts.allSatisfy { $0.hasPrefix(" src=\"/assets/") })
      }
    }
  }

  @Test("a database that does not answer is a page that says so")
  func noDatabase() async throws {
    var settings = TestServer.settings(database: "no_such_database_anywhere")
    settings.connectTimeout = .seconds(2)
    let dashboard = Dashboard(pool: ConnectionPool(settings), assets: AssetFolder(path: "/nonexistent"))
    let response = await dashboard.respond(to: PageRequest(path: "/"))
    #expect(response.status == 503)
    #expect(String(decoding: response.body, as: UTF8.self).contains("No answer"))
  }
}
