import Domain
import EventLog
import Foundation
import Projections
import Testing

@Suite("The views of schema analytics, against the summaries", .needsPostgres)
struct AnalyticsViewTests {
  @Test("the learning curve is that of the iteration summaries")
  func learningCurve() async throws {
    struct Row: Decodable {
      var iteration: Int
      var policyVersion: Int
      var proposals: Int
      var accepted: Int
      var acceptedShare: Double
      var newValidShare: Double
      var learnable: Int
      var probeSolveRate: Double?
      var solves: Int
      var solveRate: Double?
      var proposerReward: Double?
      var solverReward: Double?
      var loss: Double?
      var gradientNorm: Double?
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let rows: [Row] = try await log.rows(
          """
          select * from analytics.learning_curve
          where experiment = \(experiment.sqlName) and iteration between 1 and \(experiment.summaries.count)
          order by iteration
          """)
        #expect(rows.count == experiment.summaries.count && !rows.isEmpty)
        for (row, summary) in zip(rows, experiment.summaries) {
          let probes = summary.kinds.reduce(into: SolveCount()) { $0.add($1.probes) }
          let solves = summary.kinds.reduce(into: SolveCount()) { $0.add($1.solves) }
          #expect(row.iteration == summary.iteration && row.policyVersion == summary.policyVersion)
          #expect(row.proposals == summary.proposed && row.accepted == summary.accepted)
          #expect(row.acceptedShare == Double(summary.accepted) / Double(summary.proposed))
          #expect(row.learnable == summary.kinds.reduce(0) { $0 + $1.learnable })
          #expect(row.probeSolveRate == probes.rate && row.solves == solves.attempts && row.solveRate == solves.rate)
          #expect(near(row.proposerReward, summary.proposerReward) && near(row.solverReward, summary.solverReward))
          #expect(row.loss == summary.outcome?.loss && row.gradientNorm == summary.outcome?.gradientNorm)
          #expect(row.newValidShare == experiment.newShare(of: summary.iteration))
        }
      }
      let shares = log.experiments[1].played.map { log.experiments[1].newShare(of: $0.iteration) }
      #expect(shares != log.experiments[1].played.map { Double($0.accepted.count) / Double($0.proposals.count) })
    }
  }

  @Test("solve rate by kind is that of the iteration summaries")
  func solveRate() async throws {
    struct Row: Decodable {
      var kind: Kind
      var probes: Int
      var probesCorrect: Int
      var solves: Int
      var solvesCorrect: Int
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        for summary in experiment.summaries {
          let rows: [Row] = try await log.rows(
            """
            select * from analytics.solve_rate
            where experiment = \(experiment.sqlName) and iteration = \(summary.iteration)
            """)
          for kind in summary.kinds {
            let row = try #require(rows.first { $0.kind == kind.kind })
            #expect(row.probes == kind.probes.attempts && row.probesCorrect == kind.probes.correct)
            #expect(row.solves == kind.solves.attempts && row.solvesCorrect == kind.solves.correct)
          }
        }
      }
    }
  }

  @Test("refusals and the histogram of learnability count what the summaries count")
  func refusalsAndLearnability() async throws {
    struct Row: Decodable {
      var refusal: String
      var count: Int
    }
    struct Histogram: Decodable {
      var accepted: Int
      var learnable: Int
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        for summary in experiment.summaries {
          let place = "experiment = \(experiment.sqlName) and iteration = \(summary.iteration)"
          let rows: [Row] = try await log.rows(
            "select refusal, sum(proposals) as count from analytics.refusals where \(place) group by refusal")
          var wanted = Dictionary(uniqueKeysWithValues: summary.refusals.map { ($0.refusal.rawValue, $0.count) })
          if summary.accepted > 0 { wanted["accepted"] = summary.accepted }
          #expect(Dictionary(uniqueKeysWithValues: rows.map { ($0.refusal, $0.count) }) == wanted)
          let histogram: [Histogram] = try await log.rows(
            """
            select coalesce(sum(problems), 0) as accepted,
                   coalesce(sum(problems) filter (where learnability > 0), 0) as learnable
            from analytics.learnability where \(place)
            """)
          #expect(histogram[0].accepted == summary.accepted)
          #expect(histogram[0].learnable == summary.kinds.reduce(0) { $0 + $1.learnable })
        }
      }
    }
  }

  @Test("throughput and the phases of an iteration are the measured ones")
  func throughput() async throws {
    struct Row: Decodable {
      var phase: String
      var seconds: Double
      var tokens: Int
    }
    struct Columns: Decodable {
      var proposeSeconds: Double
      var verifySeconds: Double
      var updateSeconds: Double
      var tokensTrained: Int
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        for summary in experiment.summaries {
          let place = "experiment = \(experiment.sqlName) and iteration = \(summary.iteration)"
          let rows: [Row] = try await log.rows("select * from analytics.throughput where \(place)")
          func seconds(_ names: String...) -> Double {
            summary.phases.filter { names.contains($0.name) }.reduce(0) { $0 + $1.seconds }
          }
          for phase in ["propose", "probe", "solve", "update"] {
            let row = try #require(rows.first { $0.phase == phase })
            #expect(row.seconds == seconds(phase))
            #expect(row.tokens == summary.phases.first { $0.name == phase }?.tokens)
          }
          let columns: [Columns] = try await log.rows("select * from read.iterations where \(place)")
          #expect(columns[0].proposeSeconds == seconds("propose") && columns[0].updateSeconds == seconds("update"))
          #expect(columns[0].verifySeconds == seconds("verify proposals", "verify attempts"))
          #expect(columns[0].tokensTrained == summary.phases.first { $0.name == "update" }?.tokens)
        }
      }
    }
  }

  @Test("provenance leads from a policy version to everything it comes from")
  func provenance() async throws {
    struct Hop: Decodable, Hashable {
      var hop: String
      var source: String
      var target: String
      var position: Int64
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        var wanted: Set<Hop> = []
        var positions: [String: Int64] = [:]
        for (position, event) in experiment.recorded {
          switch event {
          case .proposalMade(let made):
            let id = made.proposal.description
            positions[id] = position
            for problem in made.references {
              wanted.insert(Hop(hop: "was shown", source: id, target: problem.description, position: position))
            }
            if let program = made.program {
              let hop = "was given the program of"
              wanted.insert(Hop(hop: hop, source: id, target: program.description, position: position))
            }
          case .attemptMade(let made):
            let id = made.attempt.description
            positions[id] = position
            wanted.insert(
              Hop(hop: "attempted", source: id, target: made.problem.description, position: position))
          case .weightsUpdated(let update):
            for sample in update.consumed {
              wanted.insert(
                Hop(
                  hop: "consumed", source: "policy \(update.toVersion)", target: sample,
                  position: try #require(positions[sample])))
            }
          default: break
          }
        }
        let hops: [Hop] = try await log.rows(
          "select * from analytics.provenance where experiment = \(experiment.sqlName)")
        #expect(hops.count == wanted.count && Set(hops) == wanted)
      }
    }
  }

  private func near(_ left: Double?, _ right: Double?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return abs(left - right) < 1e-12
  }
}

extension SolveCount {
  fileprivate mutating func add(_ other: SolveCount) {
    attempts += other.attempts
    correct += other.correct
  }
}

extension PlayedExperiment {
  /// Share of an iteration's proposals that are problems of which no equal was accepted before.
  fileprivate func newShare(of iteration: Int) -> Double {
    var seen = Set(settings.play.kinds.map { KindedDigest($0, Problem.zero($0, inputs: settings.play.inputs)) })
    var share = 0.0
    for ledger in ledgers {
      let fresh = ledger.accepted.filter { seen.insert(KindedDigest($0.id.kind, $0.problem)).inserted }
      if ledger.iteration == iteration { share = Double(fresh.count) / Double(ledger.proposals.count) }
    }
    return share
  }

  private struct KindedDigest: Hashable {
    let kind: Kind
    let digest: ProblemDigest

    init(_ kind: Kind, _ problem: Problem) {
      self.kind = kind
      digest = ProblemDigest(problem)
    }
  }
}
