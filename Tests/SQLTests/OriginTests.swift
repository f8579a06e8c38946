import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

@Suite("What proposals are made from and like", .needsPostgres)
struct OriginTests {
  @Test(
    "keys of problems are the server's, whatever blanks and empty lines they have", arguments: [1, 2, 3] as [UInt64])
  func keys(_ seed: UInt64) async throws {
    try await PlayedLog.with { played in
      var random = RandomStream(RandomKey(seed: seed, purpose: .proposal, iteration: 0))
      let pieces = ["a", "b = 1", "\"é\"", " ", "  ", "\t", "\r", "\n", "\n", "\n\n", "\u{B}", "\u{A0}"]
      var problems: [Problem] = []
      for _ in 0..<200 {
        func text() -> String { (0..<random.below(12)).map { _ in pieces[random.below(pieces.count)] }.joined() }
        problems.append(
          Problem(
            kind: .induction, program: text(),
            pairs: (0...random.below(3)).map { _ in Pair(input: text(), output: "1") }))
      }
      for problem in problems {
        let pairs = String(decoding: try JSONEncoder().encode(problem.pairs.map { ["input": $0.input] }), as: UTF8.self)
        let row = try await played.connection.query(
          "select projection.text_key($1), projection.problem_key($1, $2::json)",
          [.text(problem.program), .text(pairs)])[0]
        #expect(try row.int64(0) == TextKey.key(problem.program), "\(problem), seed \(seed)")
        #expect(try row.int64(1) == OriginsProjection.problemKey(problem), "\(problem), seed \(seed)")
      }
      // The same program with the same inputs, and nothing else, has one key.
      let keys = Set(problems.map { OriginsProjection.problemKey($0) })
      #expect(keys.count > 100)
    }
  }

  @Test("a problem's number and its name lead to each other")
  func numbers() async throws {
    try await PlayedLog.with { played in
      for name in ["0.deduction.0", "12.abduction.3", "744.induction.63", "999999999.induction.999999999"] {
        let id = try #require(ProposalID(name))
        let row = try await played.connection.query(
          "select projection.problem_number($1), projection.problem_name(projection.problem_number($1))", [.text(name)])[
            0]
        #expect(try row.int64(0) == OriginsProjection.number(id))
        #expect(try row.text(1) == name)
      }
      #expect(throws: ProjectionError.self) {
        try OriginsProjection.number(ProposalID(iteration: 1, kind: .deduction, slot: 1 << 30))
      }
    }
  }

  @Test("what a proposal was made from is read from its body as it is decoded, however the body is written")
  func sources() throws {
    let bodies = [
      #"{"proposal":"1.deduction.0","references":["0.deduction.1","0.deduction.2"]}"#,
      #"{"proposal":"1.deduction.0","references":[]}"#, #"{"proposal":"1.deduction.0","references":[ ]}"#,
      #"{"proposal":"1.deduction.0","references":["0.deduction.1" , "0.deduction.2"]}"#,
      #"{"references":["0.deduct\u0069on.1"],"proposal":"1.deduction.0"}"#,
      #"{"proposal":"1.deduction.0","references":["0.deduction.1",]}"#,
      #"{"proposal":"1.induction.0","program":"0.induction.7","references":["0.deduction.1"]}"#,
      #"{"proposal":"1.induction.0","program":null,"references":["0.deduction.1"]}"#,
      #"{"program":"0.inducti\u006fn.7","proposal":"1.induction.0","references":[]}"#,
    ]
    for body in bodies {
      let event = try Self.event(body)
      guard case .proposalMade(let made) = try event.event() else {
        Issue.record("\(body)")
        continue
      }
      let sources = try event.sources()
      #expect(sources.shown == made.references && sources.given == made.program, "\(body)")
    }
    for body in [
      #"{"proposal":"1.deduction.0","references":["0.deduction.1""0.deduction.1"]}"#,
      #"{"proposal":"1.deduction.0","references":["0.deduction"]}"#,
    ] {
      #expect(throws: (any Error).self, "\(body)") { try Self.event(body).sources() }
    }
  }

  private static func event(_ body: String) throws -> ProjectedEvent {
    let experiment = ExperimentID(UUID())
    let recorded = RecordedEvent(
      position: Position(1), experiment: experiment, version: 1, type: "ProposalMade",
      schemaVersion: EventCoding.schemaVersion,
      iteration: 1, policyVersion: 0, cause: nil, recordedAt: Timestamp(microseconds: 0), body: Data(body.utf8))
    return try ProjectedEvent(recorded, tokens: nil, reader: experiment)
  }

  @Test("a value changed by hand inside an array is named, and a rebuild makes it what it was")
  func damage() async throws {
    try await PlayedLog.with { played in
      let experiment = try #require(try await played.log.experiments().first)
      let names = ["origins", "samples"]
      let definitions = ProjectionCatalogue.all.filter { names.contains($0.identity.name) }
      #expect(definitions.count == 2)
      var projector = ExperimentProjector(definitions, of: experiment.id, in: played.log)
      _ = try await projector.catchUp()
      try await played.connection.execute(
        """
        update projection.origins_1 set shown = array[1, null]::bigint[]
        where (experiment, position) = (select 1, max(position) from projection.origins_1 where experiment = 1);
        update projection.samples_1 set outcomes[2] = 'forbidden'
        where (experiment, position) = (select 1, min(position) from projection.samples_1 where experiment = 1)
        """)
      for (definition, column) in zip(definitions, ["shown[", "outcomes[2] is forbidden, the events say "]) {
        let bad = try await ProjectionCheck.check(definition, of: experiment.id, in: played.log)
        #expect(bad.differences == 1 && bad.rows > 1)
        #expect(bad.first?.table == "projection.\(definition.identity.name)_1")
        #expect(bad.first?.reason.hasPrefix(column) == true, "\(bad)")
        try await played.log.reset(definition.identity, for: experiment.id)
      }
      _ = try await projector.catchUp()
      for definition in definitions {
        #expect(try await ProjectionCheck.check(definition, of: experiment.id, in: played.log).isGood)
      }
    }
  }
}
