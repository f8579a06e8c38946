import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

@Suite("Stored projections", .needsPostgres)
struct ProjectionTests {
  private let all = ProjectionCatalogue.all

  @Test("stored rows are what the views of the log say")
  func views() async throws {
    try await PlayedLog.with { played in
      for experiment in try await played.experimentRecords() {
        var projector = ExperimentProjector(all, of: experiment.id, in: played.log, pageMax: 37)
        #expect(try await projector.catchUp().failures == [:])
      }
      for (stored, view) in Self.equalQueries {
        let rows = try await played.texts("select row_to_json(q)::text from (\(stored)) as q order by 1")
        let expected = try await played.texts("select row_to_json(q)::text from (\(view)) as q order by 1")
        #expect(!rows.isEmpty && rows == expected, "\(stored)")
      }
    }
  }

  /// Pairs of a query over stored rows and one over views of the log itself.
  private static let equalQueries: [(String, String)] = [
    (
      """
      select x.name, a.position, a.verified_position, a.made_at, a.iteration, a.policy_version, a.slot, a.sample, a.tokens,
             a.purpose, a.kind, a.problem, a.verdict
      from projection.attempts a join log.experiments x on x.number = a.experiment
      """,
      """
      select experiment as name, position, verified_position, made_at, iteration, policy_version, slot, sample, tokens,
             purpose, kind, problem, verdict from read.attempts
      """
    ),
    (
      """
      select x.name, p.position, p.verified_position, p.made_at, p.iteration, p.policy_version, p.slot, p.tokens,
             p.accepted, p.kind, p.proposal, p.refusal
      from projection.proposals p join log.experiments x on x.number = p.experiment
      """,
      """
      select experiment as name, position, verified_position, made_at, iteration, policy_version, slot, tokens, accepted,
             kind, proposal, refusal from read.proposals
      """
    ),
    (
      """
      select x.name, p.problem, p.kind, p.iteration, p.given, p.given or p.admitted_position is not null as admitted, p.probes,
             p.probes_correct, p.attempts, p.correct, p.first_solved_version, p.last_solved_version,
             p.last_attempted_version, case when not p.given then p.position end as position
      from projection.problems p join log.experiments x on x.number = p.experiment where not p.inherited
      """,
      """
      select experiment as name, problem, kind, iteration, given, admitted, probes, probes_correct, attempts, correct,
             first_solved_version, last_solved_version, last_attempted_version, position from read.problems
      """
    ),
    (
      """
      select x.name, i.iteration, case when i.iteration = 0 then i.rounds end as seeding_rounds, i.policy_version_before,
             case when i.iteration = 0 then i.policy_version_before else i.policy_version_after end as policy_version_after,
             i.started_at, i.ended_at, i.skipped
      from projection.iterations i join log.experiments x on x.number = i.experiment
      """,
      """
      select experiment as name, iteration, seeding_rounds, policy_version_before, policy_version_after, started_at, ended_at,
             skipped from read.iterations
      """
    ),
    (
      """
      select x.name, k.iteration, k.kind, k.probes, k.probes_correct, k.solves, k.solves_correct
      from projection.iteration_kinds k join log.experiments x on x.number = k.experiment
      where k.probes + k.solves + k.evaluations > 0
      """,
      """
      select experiment as name, iteration, kind, probes, probes_correct, solves, solves_correct from analytics.solve_rate
      """
    ),
    (
      """
      select x.name, k.iteration, k.kind, k.proposals, k.accepted, k.probed, k.learnable, k.tokens_proposed
      from projection.iteration_kinds k join log.experiments x on x.number = k.experiment where k.proposals > 0
      """,
      """
      select experiment as name, iteration, kind, count(*) as proposals, count(*) filter (where accepted) as accepted,
             count(*) filter (where probes > 0 and accepted) as probed, count(*) filter (where learnability > 0) as learnable,
             sum(tokens)::bigint as tokens_proposed
      from read.proposals group by experiment, iteration, kind
      """
    ),
    (
      """
      select x.name, r.iteration, r.kind, r.refusal, r.proposals
      from projection.refusals r join log.experiments x on x.number = r.experiment
      """,
      """
      select experiment as name, iteration, kind, refusal, proposals from analytics.refusals where refusal <> 'accepted'
      """
    ),
    (
      """
      select x.name, u.position, u.updated_at, u.iteration, u.from_version, u.to_version, u.loss, u.entropy, u.gradient_norm,
             u.ratio_mean, u.consumed, u.sequences, u.tokens::integer, u.weights_digest,
             round(u.solver_reward::numeric, 9) as solver_reward, round(u.proposer_reward::numeric, 9) as proposer_reward
      from projection.updates u join log.experiments x on x.number = u.experiment
      """,
      """
      select experiment as name, position, updated_at, iteration, from_version, to_version, loss, entropy, gradient_norm,
             ratio_mean, consumed, sequences, tokens, weights_digest, round(solver_reward::numeric, 9) as solver_reward,
             round(proposer_reward::numeric, 9) as proposer_reward from read.updates
      """
    ),
  ]

  @Test(
    "a log folded twice, in pieces, and through saved states has the same digests", arguments: [1, 2, 3] as [UInt64])
  func pieces(_ seed: UInt64) async throws {
    try await PlayedLog.with { played in
      var random = RandomStream(RandomKey(seed: seed, purpose: .proposal, iteration: 0))
      for experiment in try await played.experimentRecords() {
        for definition in all {
          let whole = try await FoldedProjection.fold(definition, of: experiment.id, from: played.log)
          let again = try await FoldedProjection.fold(
            definition, of: experiment.id, from: played.log, pageMax: 1 + random.below(50))
          #expect(whole.digest == again.digest, "\(definition.identity), seed \(seed)")
          // Every row made at every event that changes it.
          let each = try await FoldedProjection.fold(definition, of: experiment.id, from: played.log, pageMax: 1)
          #expect(whole.digest == each.digest, "\(definition.identity)")
          #expect(whole.stored.count > 0 || ["updates", "samples"].contains(definition.identity.name))

          // Each piece begins with the state that the one before saved.
          var fold = definition.make()
          var position = Position.start
          while true {
            let page = try await played.log.page(of: experiment.id, after: position, limit: 1 + random.below(80))
            guard let last = page.events.last else { break }
            var changes = RowChanges(definition.tables)
            for event in page.events { try fold.apply(event, &changes) }
            try fold.finish(&changes)
            position = last.position
            let saved = try fold.saved()
            fold = try definition.restore(saved)
            #expect(try fold.saved() == saved, "\(definition.identity), seed \(seed)")
          }
          #expect(try fold.saved() == whole.fold.saved(), "\(definition.identity), seed \(seed)")
        }
      }
    }
  }

  @Test("whoever goes on after a crash doubles nothing and leaves nothing out", arguments: [1, 2, 3, 4] as [UInt64])
  func crashes(_ seed: UInt64) async throws {
    try await PlayedLog.with { played in
      var random = RandomStream(RandomKey(seed: seed, purpose: .proposal, iteration: 0))
      for experiment in try await played.experimentRecords() {
        // Each projector is left after some pages, with or without its state saved, and another one takes over.
        for _ in 0..<6 {
          let pages = random.below(5)
          var projector = ExperimentProjector(
            all, of: experiment.id, in: Interrupted(played.log, writes: pages, isLastKept: random.below(2) == 0),
            pageMax: 1 + random.below(40),
            savedEvery: Int64(1 + random.below(100)))
          _ = try? await projector.catchUp()
        }
        var projector = ExperimentProjector(all, of: experiment.id, in: played.log)
        _ = try await projector.catchUp()
        for definition in all {
          let check = try await ProjectionCheck.check(definition, of: experiment.id, in: played.log)
          #expect(check.isGood && check.position == experiment.lastPosition, "\(check), seed \(seed)")
        }
      }
    }
  }

  @Test("two processes that project the same experiment get in each other's way and nowhere else")
  func contention() async throws {
    try await PlayedLog.with { played in
      let experiment = try #require(try await played.log.experiments().first)
      let (log, all) = (played.log, self.all)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for size in [7, 11] {
          group.addTask {
            var projector = ExperimentProjector(all, of: experiment.id, in: log, pageMax: size)
            for _ in 0..<200 {
              if try await !projector.catchUp().isContended { break }
            }
          }
        }
        try await group.waitForAll()
      }
      for definition in all {
        let check = try await ProjectionCheck.check(definition, of: experiment.id, in: played.log)
        #expect(check.isGood && check.position == experiment.lastPosition, "\(check)")
      }
    }
  }

  @Test("a row changed by hand is named: table, key, first position and column")
  func damage() async throws {
    try await PlayedLog.with { played in
      let experiment = try #require(try await played.log.experiments().first)
      var projector = ExperimentProjector(all, of: experiment.id, in: played.log)
      _ = try await projector.catchUp()
      let attempts = try #require(all.first { $0.identity.name == "attempts" })
      let problems = try #require(all.first { $0.identity.name == "problems" })
      let good = try await ProjectionCheck.check(attempts, of: experiment.id, in: played.log)
      #expect(good.isGood && good.rows > 20)

      let rows = try await played.connection.query(
        "select position from projection.attempts_1 where experiment = 1 order by position limit 9")
      let (fourth, ninth) = (try rows[3].int64(0), try rows[8].int64(0))
      try await played.connection.execute(
        """
        update projection.attempts_1 set verdict = 'forbidden', tokens = -1 where position in (\(fourth), \(ninth));
        update projection.problems_1 set correct = correct + 1 where experiment = 1 and problem = '0.deduction.0'
        """)
      let bad = try await ProjectionCheck.check(attempts, of: experiment.id, in: played.log)
      #expect(!bad.isGood && bad.differences == 2 && bad.storedDigest != bad.foldedDigest)
      #expect(bad.first?.table == "projection.attempts_1" && bad.first?.position.rawValue == fourth)
      #expect(bad.first?.key == "position \(fourth)")
      #expect(bad.first?.reason.contains("tokens is -1, the events say ") == true, "\(bad)")
      let problem = try await ProjectionCheck.check(problems, of: experiment.id, in: played.log).first
      #expect(
        problem?.key == "problem 0.deduction.0" && problem?.position == Position(1), "\(String(describing: problem))")

      try await played.connection.execute("delete from projection.attempts_1 where position = \(fourth)")
      let missing = try await ProjectionCheck.check(attempts, of: experiment.id, in: played.log)
      #expect(missing.first?.reason == "the row is missing")
      try await played.connection.execute(
        """
        insert into projection.attempts_1 (position, made_at, experiment, iteration, slot, sample, purpose, kind, problem)
        values (1, now(), 1, 1, 1, 1, 'solve', 'deduction', '0.deduction.0')
        """)
      let added = try await ProjectionCheck.check(attempts, of: experiment.id, in: played.log)
      #expect(added.first?.reason == "no event makes this row" && added.first?.position == Position(1))

      // In place: the experiment's rows are made again.
      try await played.log.reset(attempts.identity, for: experiment.id)
      _ = try await projector.catchUp()
      #expect(try await ProjectionCheck.check(attempts, of: experiment.id, in: played.log) == good)
    }
  }

  @Test("a fork has the problems and iterations it shares, and only its own attempts")
  func forks() async throws {
    // After every number of steps: between iterations, and in the middle of one with proposals or attempts open.
    for steps in [0, 3, 9, 14, 17, 18, 19, 20, 21] {
      try await TestServer.withDatabase { database in
        let log = PostgresEventLog(database, clock: ContinuousClock())
        var writer = PlayWriter("parent", smallSettings { $0.play.batch = 4 }, id: 1, log: log)
        try await writer.begin()
        for number in 0..<steps { _ = try await writer.step(number) }
        var fork = try await writer.fork("fork", id: 2)
        for number in 0..<12 {
          _ = try await fork.step(number)
          _ = try await writer.step(number)
        }
        for id in [writer.id, fork.id] {
          var projector = ExperimentProjector(all, of: id, in: log, pageMax: 13)
          #expect(try await projector.catchUp().failures == [:], "after \(steps) steps")
          for definition in all {
            let check = try await ProjectionCheck.check(definition, of: id, in: log)
            #expect(check.isGood, "\(check), after \(steps) steps")
          }
        }
        let connection = try await Connection.open(database)
        let row = try await connection.query(
          """
          select (select count(*) from projection.attempts where experiment = 2),
                 (select count(distinct body ->> 'attempt') from log.events where experiment = 2
                    and type in ('AttemptMade', 'AttemptVerified')),
                 (select sum(attempts)::bigint from projection.problems where experiment = 2),
                 (select count(*) from log.lineage l join log.events e on e.experiment = l.ancestor
                    and (l.last_position is null or e.position <= l.last_position)
                  where l.experiment = 2 and e.type = 'AttemptVerified'),
                 (select count(*) from projection.problems where experiment = 2 and inherited and not given),
                 (select count(*) from log.lineage l join log.events e on e.experiment = l.ancestor
                  where l.experiment = 2 and l.depth = 1 and e.position <= l.last_position
                    and e.type = 'ProposalVerified' and e.body ->> 'refusal' is null)
          """)[0]
        #expect(try row.int64(0) == row.int64(1), "after \(steps) steps")
        #expect(try row.int64(2) == row.int64(3), "after \(steps) steps")
        #expect(try row.int64(4) == row.int64(5), "after \(steps) steps")
        await connection.close()
      }
    }
  }

  @Test("how far projections are, and how far behind, is in read.projections")
  func lag() async throws {
    try await PlayedLog.with { played in
      let experiment = try #require(try await played.log.experiments().first)
      let before = try await played.log.projectionStatuses().filter { $0.experiment == experiment.id }
      #expect(before.count == all.count && before.allSatisfy { $0.lag == experiment.version && $0.lagSeconds > 0 })
      var projector = ExperimentProjector(
        [all[0]], of: experiment.id, in: Interrupted(played.log, writes: 2, isLastKept: false), pageMax: 10)
      _ = try? await projector.catchUp()
      let statuses = try await played.log.projectionStatuses().filter { $0.experiment == experiment.id }
      let attempts = try #require(statuses.first { $0.identity == all[0].identity })
      #expect(attempts.lag == experiment.version - 20 && attempts.lagSeconds > 0 && attempts.isCurrent, "\(attempts)")
      var rest = ExperimentProjector(all, of: experiment.id, in: played.log)
      _ = try await rest.catchUp()
      let after = try await played.log.projectionStatuses().filter { $0.experiment == experiment.id }
      #expect(after.allSatisfy { $0.lag == 0 && $0.lagSeconds == 0 && $0.position == experiment.lastPosition })
    }
  }
}
