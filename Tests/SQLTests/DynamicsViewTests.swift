import Domain
import Foundation
import Testing

@Suite("The views of learning dynamics, against the log", .needsPostgres)
struct DynamicsViewTests {
  /// Attempts and right ones at one problem by one policy version.
  private struct Tried: Hashable {
    var problem: ProposalID
    var version: Int
  }

  private func tries(_ experiment: PlayedExperiment) -> [Tried: SolveCount] {
    var version = 0
    var counts: [Tried: SolveCount] = [:]
    for (_, event) in experiment.recorded {
      switch event {
      case .weightsUpdated(let update): version = update.toVersion
      case .attemptVerified(let verified):
        counts[Tried(problem: verified.problem, version: version), default: SolveCount()]
          .count(verified.verdict == .correct)
      default: break
      }
    }
    return counts
  }

  @Test("verdicts are the verified attempts, with the same rewards")
  func verdicts() async throws {
    try await PlayedLog.with { log in
      let others = try await log.texts(
        """
        select coalesce(v.attempt, a.attempt) from read.verdicts v
        full join (select * from read.attempts where verdict is not null) as a
          on a.experiment = v.experiment and a.attempt = v.attempt
        where (v.purpose, v.kind, v.problem, v.iteration, v.policy_version, v.verdict, v.reward, v.attempt_position)
          is distinct from (a.purpose, a.kind, a.problem, a.iteration, a.policy_version, a.verdict, a.reward, a.position)
        """)
      #expect(others == [])
      let rewarded = try await log.texts(
        "select count(distinct reward)::text from read.verdicts where purpose = 'probe'")
      #expect(rewarded != ["0"])
    }
  }

  @Test("retention and forgetting follow from which version solved which problem")
  func forgetting() async throws {
    struct Kept: Decodable {
      var kind: Kind
      var policyVersion, problems, retained, forgotten: Int
    }
    struct Lost: Decodable, Hashable {
      var problem: String
      var lastSolvedVersion, lastAttemptedVersion, attemptsSince: Int
    }
    try await PlayedLog.with { log in
      var forgotten = 0
      for experiment in log.experiments {
        let tries = tries(experiment)
        let kept: [Kept] = try await log.rows(
          "select * from analytics.retention where experiment = \(experiment.sqlName)")
        for row in kept {
          let before = Set(
            tries.filter { $0.key.version < row.policyVersion && $0.value.correct > 0 }.map(\.key.problem))
          let now = tries.filter {
            $0.key.version == row.policyVersion && $0.key.problem.kind == row.kind && before.contains($0.key.problem)
          }
          #expect(row.problems == now.count && row.retained == now.count { $0.value.correct > 0 })
          #expect(row.problems == row.retained + row.forgotten)
        }
        let lost: [Lost] = try await log.rows(
          "select * from analytics.forgetting where experiment = \(experiment.sqlName)")
        var wanted: Set<Lost> = []
        for (problem, all) in Dictionary(grouping: tries, by: \.key.problem) {
          guard let solved = all.filter({ $0.value.correct > 0 }).map(\.key.version).max() else { continue }
          let since = all.filter { $0.key.version > solved }
          guard let last = since.map(\.key.version).max() else { continue }
          wanted.insert(
            Lost(
              problem: problem.description, lastSolvedVersion: solved, lastAttemptedVersion: last,
              attemptsSince: since.reduce(0) { $0 + $1.value.attempts }))
        }
        #expect(Set(lost) == wanted && lost.count == wanted.count)
        forgotten += lost.count
      }
      #expect(forgotten > 0)
    }
  }

  @Test("solve rates by age and version add up to the attempts of the log")
  func ages() async throws {
    struct Row: Decodable {
      var policyVersion, problemAge, attempts, correct: Int
      var purpose: Purpose
      var kind: Kind
      var solveRateLow, solveRateHigh: Double
    }
    struct Cell: Hashable {
      var version, age: Int
      var purpose: Purpose
      var kind: Kind
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        var wanted: [Cell: SolveCount] = [:]
        var version = 0
        for (_, event) in experiment.recorded {
          if case .weightsUpdated(let update) = event { version = update.toVersion }
          guard case .attemptVerified(let verified) = event else { continue }
          let id = verified.attempt
          let age = id.iteration - verified.problem.iteration
          wanted[Cell(version: version, age: age, purpose: id.purpose, kind: id.kind), default: SolveCount()]
            .count(verified.verdict == .correct)
        }
        let rows: [Row] = try await log.rows(
          "select * from analytics.solve_rate_by_age where experiment = \(experiment.sqlName)")
        #expect(rows.count == wanted.count)
        for row in rows {
          let cell = Cell(version: row.policyVersion, age: row.problemAge, purpose: row.purpose, kind: row.kind)
          let count = try #require(wanted[cell])
          #expect(row.attempts == count.attempts && row.correct == count.correct)
          let interval = Estimate.share(count.correct, of: count.attempts)
          #expect(abs(row.solveRateLow - interval.low) < 1e-6 && abs(row.solveRateHigh - interval.high) < 1e-6)
        }
      }
    }
  }

  @Test("advantages, teachers and attribution share out what the learner computes")
  func masses() async throws {
    struct Update: Decodable {
      var policyVersion, groups, effectiveGroups: Int
    }
    struct Mass: Decodable {
      var mass: Double
      var samples: Int
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let name = experiment.sqlName
        var total = 0.0
        for ledger in experiment.played {
          guard let update = ledger.update else { continue }
          let scored = ledger.scoredSamples(experiment.settings)
          let taught = advantages(scored, tokenCounts: scored.map { _ in 1 }, settings: experiment.settings.advantages)
          let mass = taught.advantages.reduce(0) { $0 + abs($1) }
          total += mass
          let place = "experiment = \(name) and policy_version = \(update.toVersion)"
          for view in ["advantage_statistics", "attribution"] {
            let rows: [Mass] = try await log.rows("select mass, samples from analytics.\(view) where \(place)")
            #expect(abs(rows.reduce(0) { $0 + $1.mass } - mass) < 1e-9, "\(view)")
            #expect(rows.reduce(0) { $0 + $1.samples } == scored.count, "\(view)")
          }
          let rows: [Update] = try await log.rows("select * from analytics.update_statistics where \(place)")
          #expect(rows.count == 1 && rows[0].groups == taught.groups.count)
          #expect(rows[0].effectiveGroups == taught.groups.count { $0.deviation > 0 })
        }
        let taught: [Mass] = try await log.rows(
          "select mass, samples from analytics.teachers where experiment = \(name)")
        let refused: [Mass] = try await log.rows(
          """
          select coalesce(sum(abs(advantage)), 0) as mass, count(*) as samples from analytics.lessons
          where experiment = \(name) and problem is null
          """)
        #expect(abs((taught + refused).reduce(0) { $0 + $1.mass } - total) < 1e-9 && total > 0)
      }
    }
  }

  @Test("the parts of the rewards are all samples with a reward, by what befell them")
  func rewardParts() async throws {
    struct Row: Decodable {
      var role: Role
      var part: String
      var samples: Int
    }
    try await PlayedLog.with { log in
      var seen: Set<String> = []
      for experiment in log.experiments {
        for ledger in experiment.played {
          let rows: [Row] = try await log.rows(
            """
            select role, part, sum(samples) as samples from analytics.reward_parts
            where experiment = \(experiment.sqlName) and iteration = \(ledger.iteration) group by role, part
            """)
          seen.formUnion(rows.map(\.part))
          func samples(_ role: Role, _ parts: String...) -> Int {
            rows.filter { $0.role == role && parts.contains($0.part) }.reduce(0) { $0 + $1.samples }
          }
          let accepted = ledger.proposals.filter { $0.verified?.problem != nil }
          let unformatted = accepted.count { $0.verified?.unformatted == true }
          let solves = ledger.attempts.filter { $0.id.purpose == .solve }
          #expect(samples(.proposer, "refused", "duplicate") == ledger.proposals.count - accepted.count)
          #expect(samples(.proposer, "unformatted") == unformatted)
          #expect(samples(.proposer, "learnable", "unsolved", "always_solved") == accepted.count - unformatted)
          #expect(samples(.solver, "correct") == solves.count { $0.verified?.verdict == .correct })
          #expect(samples(.solver, "correct", "incorrect", "malformed") == solves.count)
        }
      }
      #expect(
        seen == [
          "refused", "duplicate", "unformatted", "learnable", "unsolved", "always_solved", "correct", "incorrect",
          "malformed",
        ])
    }
  }

  @Test("samples are on policy, except those of a base model that proposes")
  func staleness() async throws {
    struct Row: Decodable {
      var policyVersion, versionsBehind, samples: Int
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let rows: [Row] = try await log.rows(
          "select * from analytics.staleness where experiment = \(experiment.sqlName)")
        var samples: [Int: Int] = [:]
        for row in rows {
          #expect(row.versionsBehind == 0)
          samples[row.policyVersion, default: 0] += row.samples
        }
        for ledger in experiment.played {
          guard let update = ledger.update else { continue }
          let found = samples[update.toVersion]
          #expect(found == update.consumed.count)
        }
      }
    }
  }

  @Test("transitive provenance is the closure of the hops, each at its shortest distance")
  func provenance() async throws {
    struct Hop: Decodable, Hashable {
      var hops: Int
      var hop, source, target, experiment: String
      var position: Int64
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let edges: [Hop] = try await log.rows(
          "select 0 as hops, * from analytics.provenance where experiment = \(experiment.sqlName)")
        let from = Dictionary(grouping: edges, by: \.source)
        for ledger in experiment.played {
          guard let update = ledger.update else { continue }
          var wanted: Set<Hop> = []
          var frontier: Set<String> = ["policy \(update.toVersion)"]
          var seen = frontier
          var hops = 1
          while !frontier.isEmpty {
            let next = frontier.flatMap { from[$0] ?? [] }
            wanted.formUnion(
              next.map { edge in
                var edge = edge
                edge.hops = hops
                return edge
              })
            frontier = Set(next.map(\.target)).subtracting(seen)
            seen.formUnion(frontier)
            hops += 1
          }
          let found: [Hop] = try await log.rows(
            "select * from analytics.provenance_of(\(experiment.sqlName), \(update.toVersion))")
          #expect(Set(found) == wanted && found.count == wanted.count, "\(experiment.name) \(update.toVersion)")
        }
      }
    }
  }

  @Test(
    "programs that differ in numbers, strings, comments, spacing and the parameter's name have one shape",
    arguments: [
      "def f(x):\n    return x + 1", "def f(number):\n  return number +  27  # more",
      "def f(n):\n\n\n    return n + 3.5\n",
    ])
  func shapes(program: String) async throws {
    try await PlayedLog.with { log in
      let literal = "'" + program.replacingOccurrences(of: "'", with: "''") + "'"
      let shape = try await log.texts("select read.program_shape(\(literal))")
      #expect(shape == ["def f(x):\nreturn x + 0"])
    }
  }

  @Test(
    "near-duplicates of numbered programs are all but the first of their kind; two experiments differ in their settings"
  )
  func likeness() async throws {
    struct Row: Decodable {
      var kind: Kind
      var shapes, problems, first: Int
    }
    try await PlayedLog.with { log in
      let rows: [Row] = try await log.rows(
        """
        select kind, count(distinct shape) as shapes, count(*) as problems, count(*) filter (where place = 1) as first
        from analytics.near_duplicates where experiment = 'first' group by kind
        """)
      // "return x + n" and the given problem.
      #expect(rows.count == 3 && rows.allSatisfy { $0.shapes == 2 && $0.first == 2 && $0.problems > 2 })
      let keys = try await log.texts(
        "select key from analytics.settings_differences where experiment = 'first' and other = 'by role' order by key")
      #expect(keys == ["advantages.baseline", "play.batch", "seed"])
    }
  }
}
