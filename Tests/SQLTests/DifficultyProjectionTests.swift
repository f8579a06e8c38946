import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

@Suite("Stored difficulty", .needsPostgres)
struct DifficultyProjectionTests {
  private static let definition = ProjectionDefinition(DifficultyProjection.self)

  /// What a stored row of a problem says.
  private struct StoredProblem: Decodable, Equatable {
    var problem: String
    var attempts: Int
    var correct: Int
    var novelty: Double?
    var nearest: String?
    var size: String
  }

  @Test("the stored rows are those of the fold that the decider keeps")
  func sameFold() async throws {
    try await PlayedLog.with { played in
      for record in try await played.experimentRecords() {
        let experiment = try #require(played.experiments.first { $0.name == record.name })
        var projector = ExperimentProjector([Self.definition], of: record.id, in: played.log, pageMax: 41)
        #expect(try await projector.catchUp().failures == [:])

        var difficulty = Difficulty()
        for (_, event) in experiment.recorded { difficulty.apply(event) }
        let stored: [StoredProblem] = try await played.rows(
          """
          select problem, attempts, correct, novelty, nearest, size from projection.difficulty d
          join log.experiments x on x.number = d.experiment where x.id = '\(record.id)' order by problem
          """)
        let folded = difficulty.problems.map { problem in
          StoredProblem(
            problem: problem.id.description, attempts: problem.solves.attempts, correct: problem.solves.correct,
            novelty: problem.novelty.map { Double($0.distance) / 1000 }, nearest: problem.novelty?.nearest.description,
            size: problem.cell.size.name)
        }
        #expect(
          stored == folded.sorted { $0.problem.utf8.lexicographicallyPrecedes($1.problem.utf8) }, "\(record.name)")
        #expect(!stored.isEmpty, "\(record.name)")

        let cells = try await played.texts(
          """
          select kind || ' ' || size || ' ' || problems || ' ' || attempts || ' ' || correct from projection.difficulty_cells d
          join log.experiments x on x.number = d.experiment where x.id = '\(record.id)' order by 1
          """)
        let expected = difficulty.cells.map {
          "\($0.cell.kind.rawValue) \($0.cell.size.name) \($0.problems) \($0.counts.total.attempts) \($0.counts.total.correct)"
        }
        #expect(cells == expected.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "\(record.name)")
      }
    }
  }

  /// Another version of difficulty: the solve rate without the prior.
  private struct PlainDifficulty: Projection {
    static let name = DifficultyProjection.name
    static let version = DifficultyProjection.version + 1
    static let tables = DifficultyProjection.tables

    private var before = DifficultyProjection()

    mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
      var theirs = RowChanges(Self.tables)
      try before.apply(event, &theirs)
      try before.finish(&theirs)
      for (index, table) in Self.tables.enumerated() {
        for row in theirs.changes[index].inserted { try changes.insert(index, Self.plain(row, table)) }
        for row in theirs.changes[index].updated { try changes.update(index, Self.plain(row, table)) }
      }
    }

    private static func plain(_ row: EncodedRow, _ table: ProjectionTable) throws -> [RowValue] {
      var values = table.values(row)
      func place(_ name: String) throws -> Int { try #require(table.columns.firstIndex { $0.name == name }) }
      guard case .integer(let attempts) = values[try place("attempts")],
        case .integer(let correct) = values[try place("correct")]
      else { return values }
      values[try place("solve_rate")] = .number(attempts > 0 ? Double(correct) / Double(attempts) : 0)
      return values
    }
  }

  @Test(
    "a new version of difficulty is built beside the old one while the experiment goes on, switched, and switched back")
  func switched() async throws {
    try await TestServer.withDatabase { database in
      let log = PostgresEventLog(database, clock: ContinuousClock())
      let connection = try await Connection.open(database)
      var writer = PlayWriter("live", smallSettings { $0.play.batch = 6 }, id: 1, log: log)
      try await writer.begin()
      let new = ProjectionDefinition(PlainDifficulty.self)
      var first = ExperimentProjector([Self.definition], of: writer.id, in: log)
      for number in 0..<20 { _ = try await writer.step(number) }
      _ = try await first.catchUp()
      try await log.prepare(new.identity)
      var second = ExperimentProjector([new], of: writer.id, in: log, pageMax: 9)
      for number in 20..<40 {
        _ = try await writer.step(number)
        _ = try await first.catchUp()
        if number % 5 == 0 { _ = try await second.catchUp() }
      }
      _ = try await second.catchUp()

      let disagreeing =
        "select count(*) from projection.difficulty where attempts > 0 and solve_rate <> correct::float8 / attempts"
      let before = try await connection.query(disagreeing)[0].int64(0)
      try await log.makeCurrent(new.identity)
      #expect(try await connection.query(disagreeing)[0].int64(0) == 0 && before > 0)
      // The old one is kept up to date beside it, and is still right.
      _ = try await writer.step(40)
      _ = try await first.catchUp()
      _ = try await second.catchUp()
      for definition in [Self.definition, new] {
        let check = try await ProjectionCheck.check(definition, of: writer.id, in: log)
        #expect(check.isGood && check.rows > 0, "\(check)")
      }
      try await log.makeCurrent(Self.definition.identity)
      #expect(try await connection.query(disagreeing)[0].int64(0) > 0)
      await connection.close()
    }
  }

  @Test("a row changed by hand is named by table, problem and column")
  func changedByHand() async throws {
    try await PlayedLog.with { played in
      let record = try #require(try await played.experimentRecords().first)
      var projector = ExperimentProjector([Self.definition], of: record.id, in: played.log)
      _ = try await projector.catchUp()
      let problem = try await played.texts("select min(problem) from projection.difficulty where attempts > 1")[0]
      try await played.connection.execute(
        "update projection.difficulty_1 set correct = correct + 1 where problem = '\(problem)'")
      let check = try await ProjectionCheck.check(Self.definition, of: record.id, in: played.log)
      #expect(!check.isGood && "\(check)".contains(problem) && "\(check)".contains("correct"), "\(check)")
    }
  }
}
