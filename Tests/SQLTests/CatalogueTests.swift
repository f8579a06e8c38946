import EventLog
import Foundation
import Postgres
import Testing

@Suite("The views as a catalogue", .needsPostgres)
struct CatalogueTests {
  @Test("every view, column and function of read and analytics has a comment")
  func comments() async throws {
    try await PlayedLog.with { log in
      let silent = try await log.texts(
        """
        select n.nspname || '.' || c.relname || coalesce('.' || a.attname, '')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        left join lateral (
          select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0
          union all select null, 0
        ) as a on true
        where n.nspname in ('read', 'analytics') and c.relkind = 'v' and col_description(c.oid, a.attnum) is null
          and (a.attnum > 0 or obj_description(c.oid, 'pg_class') is null)
        union all
        select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('read', 'analytics') and obj_description(p.oid, 'pg_proc') is null
        """)
      #expect(silent == [])
      let views = try await log.texts(Self.views)
      #expect(views.count == 50, "\(views)")
    }
  }

  @Test("every view can be selected from, whole, and begins with the experiment by name")
  func selectable() async throws {
    try await PlayedLog.with { log in
      try await log.project()
      // Of the log as a whole.
      for view in try await log.texts(Self.views) where view != "read.consumers" {
        let names = try await log.texts("select distinct experiment from \(view)")
        #expect(!names.isEmpty && Set(names).isSubset(of: log.experiments.map(\.name)), "\(view)")
        let first = try await log.texts(
          "select attname::text from pg_attribute where attrelid = '\(view)'::regclass and attnum = 1")
        #expect(first == ["experiment"], "\(view)")
        let whole: [[String: Anything]] = try await log.rows("select * from \(view)")
        #expect(!whole.isEmpty, "\(view)")
      }
    }
  }

  @Test("a query that asks for no tokens does not touch the generations")
  func generationsUntouched() async throws {
    try await PlayedLog.with { log in
      for view in try await log.texts(Self.views) where view != "read.generations" {
        let tokens: Set = ["tokens", "log_probability_sum", "finish", "completion"]
        let columns = try await log.texts(
          "select attname::text from pg_attribute where attrelid = '\(view)'::regclass and attnum > 0")
        let others = columns.filter { view.hasPrefix("analytics") || !tokens.contains($0) }.joined(separator: ", ")
        let plan = try await log.texts("explain select \(others) from \(view)").joined(separator: "\n")
        #expect(!plan.contains("generations"), "\(view): \(plan)")
      }
      let plan = try await log.texts("explain select tokens from read.attempts").joined(separator: "\n")
      #expect(plan.contains("generations"))
    }
  }

  @Test("the reader may select from every view and write nothing")
  func reader() async throws {
    try await PlayedLog.with { log in
      let views = try await log.texts(Self.views)
      for role in ["autodidact_reader", "autodidact_writer"] {
        try await log.connection.execute("set role \(role)")
        for view in views { _ = try await log.connection.query("select * from \(view)") }
        for statement in [
          "insert into log.events select * from log.events limit 1", "delete from read.experiments",
          "update log.head set position = 0", "create view read.mine as select 1",
        ] {
          do {
            try await log.connection.execute(statement)
            Issue.record("\(role) was allowed: \(statement)")
          } catch let error as PostgresError {
            #expect("\(error)".contains("permission denied") || "\(error)".contains("cannot delete"), "\(error)")
          }
        }
        try await log.connection.execute("reset role")
      }
    }
  }

  private static let views = """
    select schemaname || '.' || viewname from pg_views where schemaname in ('read', 'analytics') order by 1
    """
}

/// Any JSON value: for rows of which only the number matters.
private struct Anything: Decodable {
  init(from decoder: any Decoder) throws {}
}
