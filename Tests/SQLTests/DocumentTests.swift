import Domain
import Foundation
import Postgres
import Testing

@Suite("The pages about events and SQL")
struct DocumentTests {
  @Test(
    "every query of docs/sql.md, of the cookbook and of the README runs, and finds something", .needsPostgres,
    arguments: [("docs/sql.md", 10), ("docs/sql-cookbook.md", 27), ("README.md", 5)])
  func queries(page: String, count: Int) async throws {
    let queries = try Self.page(page).fences("sql")
    #expect(queries.count >= count)
    try await PlayedLog.with { log in
      try await log.project()
      for query in queries {
        let isOfOne = query.contains("'quickstart'") || query.contains(":'experiment'")
        #expect(isOfOne || query.contains("analytics.comparison"), "a query about no experiment: \(query)")
        // A question of the cookbook may have no answer in one small experiment: nothing need be forgotten in it.
        var found = 0
        for experiment in log.experiments where found == 0 {
          let about = query.replacingOccurrences(of: "'quickstart'", with: experiment.sqlName)
            .replacingOccurrences(of: ":'experiment'", with: experiment.sqlName)
          found = try await log.connection.query(about).count
        }
        #expect(found > 0, "\(query)")
      }
    }
  }

  @Test("every query of docs/sql.md has a result, and the first five fit into a README")
  func results() throws {
    let page = try Self.page("docs/sql.md")
    let queries = page.fences("sql")
    #expect(page.fences("text").count == queries.count)
    for query in queries.prefix(5) { #expect(query.split(separator: "\n").count <= 6, "\(query)") }
  }

  @Test("the cookbook has 27 questions, each with a query and a result")
  func cookbook() throws {
    let page = try Self.page("docs/sql-cookbook.md")
    #expect(page.components(separatedBy: "\n## ").count == 28)
    #expect(page.fences("sql").count == 27 && page.fences("text").count == 27)
  }

  @Test("every event type has a section in docs/events.md, with a body that can be read")
  func events() throws {
    let sections = try Self.page("docs/events.md").components(separatedBy: "\n### ").dropFirst()
    let titles = sections.map { String($0.prefix { $0 != "\n" }) }
    #expect(titles.sorted() == EventCoding.types)
    for (title, section) in zip(titles, sections) {
      let bodies = section.fences("json").flatMap { $0.split(separator: "\n") }
      #expect(!bodies.isEmpty, "\(title) has no example")
      for body in bodies where !body.contains("…") {
        let event = try EventCoding.event(type: title, schemaVersion: 1, body: Data(body.utf8))
        #expect(event.body == Data(body.utf8), "\(title): not the bytes the log would hold")
        #expect(section.contains("Life.") == event.isLife || title == "CheckpointSaved", "\(title)")
      }
    }
  }

  private static func page(_ name: String) throws -> String {
    try String(
      contentsOf: TestServer.migrations.deletingLastPathComponent().appending(path: name), encoding: .utf8)
  }
}

extension String {
  /// The contents of the fenced blocks of a language.
  fileprivate func fences(_ language: String) -> [String] {
    components(separatedBy: "```\(language)\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
  }
}
