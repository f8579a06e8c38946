import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

@Suite("Views over stored projections", .needsPostgres)
struct StoredViewTests {
  /// Views that say what a projection has stored, or how far it is.
  private static let ofProjections = [
    "read.consumers", "read.projections", "read.problem_ratings", "read.policy_ratings", "read.difficulty_cells",
  ]

  @Test(
    "every view says the same without projections, behind and caught up, of an experiment and of a fork amid an iteration"
  )
  func lag() async throws {
    try await TestServer.withDatabase { database in
      let log = PostgresEventLog(database, clock: ContinuousClock())
      let connection = try await Connection.open(database)
      for (index, named) in PlayedLog.settings.enumerated() {
        var writer = PlayWriter(named.name, named.settings, id: UInt8(2 * index + 1), log: log)
        try await writer.begin()
        for number in 0..<23 + index { _ = try await writer.step(number) }
        var fork = try await writer.fork("fork \(index)", id: UInt8(2 * index + 2))
        let projected = [writer.id, fork.id]
        for id in projected {
          var projector = ExperimentProjector(ProjectionCatalogue.all, of: id, in: log, pageMax: 37)
          #expect(try await projector.catchUp().failures == [:])
        }
        for number in 30..<45 {
          _ = try await writer.step(number)
          _ = try await fork.step(number)
        }
      }
      let views =
        try await Self.texts(
          "select schemaname || '.' || viewname from pg_views where schemaname in ('read', 'analytics') order by 1",
          connection
        ).filter { !Self.ofProjections.contains($0) } + Self.unions + Self.provenances(connection)
      // A sum of floats depends on its order, and that on the plan.
      try await connection.execute("set extra_float_digits = -4")
      let behind = try await Self.rows(of: views, connection)
      let lags = try await connection.query("select count(*) from read.projections where lag > 0")[0].int64(0)
      #expect(lags > 0)

      for record in try await log.experiments() {
        for definition in ProjectionCatalogue.all { try await log.reset(definition.identity, for: record.id) }
      }
      let alone = try await Self.rows(of: views, connection)
      for record in try await log.experiments() {
        var projector = ExperimentProjector(ProjectionCatalogue.all, of: record.id, in: log)
        #expect(try await projector.catchUp().failures == [:])
      }
      let caughtUp = try await Self.rows(of: views, connection)
      for view in views {
        #expect(behind[view] == alone[view] && caughtUp[view] == alone[view], "\(view)")
      }
      #expect(alone.values.count { !$0.isEmpty } > 30)
      await connection.close()
    }
  }

  @Test("stored ratings are those of a fit to the fold at the position they name")
  func ratings() async throws {
    struct Problem: Decodable {
      var problem: String
      var position: Int64
      var rating, ratingLow, ratingHigh: Double
      var attempts, correct: Int
    }
    struct Policy: Decodable {
      var policyVersion, attempts: Int
      var rating, ratingLow, ratingHigh: Double
    }
    try await PlayedLog.with { played in
      try await played.project()
      for experiment in played.experiments where experiment.summaries.count > 1 {
        let problems: [Problem] = try await played.rows(
          "select * from read.problem_ratings where experiment = \(experiment.sqlName) order by problem")
        let policies: [Policy] = try await played.rows(
          "select * from read.policy_ratings where experiment = \(experiment.sqlName) order by policy_version")
        let position = try #require(problems.first?.position, "\(experiment.name)")
        #expect(problems.allSatisfy { $0.position == position })
        var difficulty = Difficulty()
        for (at, event) in experiment.recorded where at <= position { difficulty.apply(event) }
        let fit = RaschFit(difficulty.problems)
        #expect(problems.count == fit.problems, "\(experiment.name)")
        for row in problems {
          let id = try #require(ProposalID(row.problem))
          let rating = try #require(fit.rating(of: id))
          #expect(Estimate(value: row.rating, low: row.ratingLow, high: row.ratingHigh) == rating, "\(row)")
          let solves = try #require(difficulty.problem(id)).solves
          #expect(row.attempts == solves.attempts && row.correct == solves.correct, "\(row)")
        }
        #expect(policies.reduce(0) { $0 + $1.attempts } == fit.attempts)
        for row in policies {
          let group = try #require(fit.groups.lastIndex { $0.firstVersion <= row.policyVersion })
          #expect(
            Estimate(value: row.rating, low: row.ratingLow, high: row.ratingHigh) == fit.rating(ofGroup: group),
            "\(row)")
        }
      }
    }
  }

  /// What the views have in common: stored rows, and the log after them.
  private static let unions = ["projection.originated", "projection.alike", "projection.proposing"]

  /// Everything that each update comes from, near and far.
  private static func provenances(_ connection: Connection) async throws -> [String] {
    let calls = try await texts(
      """
      select format('analytics.provenance_of(%L, %s, %s)', x.experiment, v.version, h.hops)
      from read.experiments x
      cross join lateral generate_series(1, x.policy_version) as v (version)
      cross join (values (1), (2), (3), (1000)) as h (hops)
      """, connection)
    #expect(calls.count > 8)
    return calls
  }

  private static func texts(_ sql: String, _ connection: Connection) async throws -> [String] {
    try await connection.query(sql).map { try $0.text(0) }
  }

  private static func rows(of views: [String], _ connection: Connection) async throws -> [String: [String]] {
    var rows: [String: [String]] = [:]
    for view in views {
      rows[view] = try await texts(
        "select row_to_json(q)::text from (select * from \(view)) as q order by 1", connection)
    }
    return rows
  }
}
