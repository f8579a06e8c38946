import Domain
import EventLog
import Foundation
import Testing

@Suite("The views of schema read, against the domain", .needsPostgres)
struct ReadViewTests {
  private struct ProposalRow: Decodable {
    var proposal: String
    var iteration: Int
    var policyVersion: Int
    var accepted: Bool?
    var refusal: String?
    var program: String?
    var input: String?
    var probes: Int
    var probesCorrect: Int
    var learnability: Double?
    var reward: Double?
    var unformatted: Bool?
    var tokens: Int
    var logProbabilitySum: Double
    var position: Int64
  }

  private struct AttemptRow: Decodable {
    var attempt: String
    var problem: String
    var verdict: String?
    var reward: Double?
    var tokens: Int
    var logProbabilitySum: Double
    var position: Int64
  }

  @Test("as many proposals, problems, attempts and updates as events")
  func counts() async throws {
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let name = experiment.sqlName
        func expectCount(_ view: String, _ wanted: Int) async throws {
          let found = try await log.texts("select count(*)::text from \(view) where experiment = \(name)")
          #expect(found == ["\(wanted)"], "\(view)")
        }
        func events(_ type: String) -> Int { experiment.recorded.count { $0.event.type == type } }
        let accepted = experiment.recorded.count {
          if case .proposalVerified(let verified) = $0.event { verified.problem != nil } else { false }
        }
        try await expectCount("read.proposals", events("ProposalMade"))
        try await expectCount("read.attempts", events("AttemptMade"))
        try await expectCount("read.updates", events("WeightsUpdated"))
        try await expectCount("read.problems", accepted + experiment.settings.play.kinds.count)
        #expect(events("WeightsUpdated") > 0 && events("ExperimentPaused") == 1)
        let iterations = Set(
          experiment.recorded.compactMap {
            if case .iterationStarted(let started) = $0.event { started.iteration } else { nil }
          })
        try await expectCount("read.iterations", iterations.count)
        try await expectCount("analytics.learning_curve", iterations.count)
      }
    }
  }

  @Test("a condition of health is shown from its beginning to its end")
  func conditions() async throws {
    struct Row: Decodable {
      var condition: String
      var iteration: Int
      var iterationEnded: Int?
      var value: Double
      var threshold: Double
      var position: Int64
    }
    try await PlayedLog.with { log in
      var shown = 0
      for experiment in log.experiments {
        var wanted: [(position: Int64, change: ConditionChange, ended: Int?)] = []
        for (position, event) in experiment.recorded {
          switch event {
          case .conditionBegan(let change): wanted.append((position, change, nil))
          case .conditionEnded(let change):
            let index = try #require(wanted.lastIndex { $0.change.condition == change.condition })
            wanted[index].ended = change.iteration
          default: break
          }
        }
        let rows: [Row] = try await log.rows(
          "select * from read.conditions where experiment = \(experiment.sqlName) order by position")
        #expect(rows.map(\.position) == wanted.map(\.position), "\(experiment.name)")
        #expect(rows.map(\.condition) == wanted.map(\.change.condition.rawValue))
        #expect(rows.map(\.iteration) == wanted.map(\.change.iteration))
        #expect(rows.map(\.iterationEnded) == wanted.map(\.ended))
        #expect(rows.map(\.value) == wanted.map(\.change.value))
        #expect(rows.map(\.threshold) == wanted.map(\.change.threshold))
        shown += rows.count
      }
      #expect(shown > 0)
    }
  }

  @Test("experiments tell where the log ends")
  func experiments() async throws {
    struct Row: Decodable {
      var experiment: String
      var events: Int
      var iterations: Int
      var seedingRounds: Int
      var policyVersion: Int
      var checkpointVersion: Int?
      var seed: UInt64
      var iterationsPlanned: Int
    }
    try await PlayedLog.with { log in
      let rows: [Row] = try await log.rows("select * from read.experiments order by number")
      #expect(rows.map(\.experiment) == log.experiments.map(\.name))
      for (row, experiment) in zip(rows, log.experiments) {
        var checkpoint: Int?
        var version = 0
        for case (_, let event) in experiment.recorded {
          if case .checkpointSaved(let saved) = event { checkpoint = saved.policyVersion }
          if case .weightsUpdated(let updated) = event { version = updated.toVersion }
        }
        #expect(row.events == experiment.recorded.count)
        #expect(row.iterations == experiment.played.count)
        #expect(row.seedingRounds == experiment.ledgers.count { $0.isSeeding })
        #expect(row.policyVersion == version && row.checkpointVersion == checkpoint)
        #expect(row.seed == experiment.settings.seed.value && row.iterationsPlanned == experiment.settings.iterations)
      }
    }
  }

  @Test("a proposal's reward, learnability, tokens and log-probability are the domain's, bit for bit")
  func proposals() async throws {
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let rows: [ProposalRow] = try await log.rows(
          "select * from read.proposals where experiment = \(experiment.sqlName)")
        let byID = Dictionary(uniqueKeysWithValues: rows.map { ($0.proposal, $0) })
        for ledger in experiment.ledgers {
          for entry in ledger.proposals {
            let row = try #require(byID[entry.id.description])
            let verified = try #require(entry.verified)
            let probes = ledger.probes(of: entry.id)
            let isProbed = verified.problem != nil && !ledger.isSeeding
            #expect(row.position == entry.position)
            #expect(row.policyVersion == experiment.proposerVersion(ledger.policyVersion))
            #expect(row.unformatted == (verified.unformatted ?? false))
            #expect(row.accepted == (verified.problem != nil) && row.refusal == verified.refusal?.rawValue)
            #expect(row.program == verified.problem?.program && row.input == verified.problem?.pairs[0].input)
            #expect(row.probes == probes.attempts && row.probesCorrect == probes.correct)
            #expect(row.learnability == (isProbed ? learnability(probes) : nil))
            let reward = experiment.settings.reward(of: verified, probes: probes)
            #expect(row.reward == (ledger.isSeeding ? nil : reward), "\(row.proposal)")
            try experiment.expect(row.tokens, row.logProbabilitySum, at: row.position)
          }
        }
      }
    }
  }

  @Test("an attempt's reward, verdict, tokens and log-probability are the domain's, bit for bit")
  func attempts() async throws {
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let rows: [AttemptRow] = try await log.rows(
          "select * from read.attempts where experiment = \(experiment.sqlName)")
        let byID = Dictionary(uniqueKeysWithValues: rows.map { ($0.attempt, $0) })
        for ledger in experiment.played {
          for entry in ledger.attempts {
            let row = try #require(byID[entry.id.description])
            let verified = try #require(entry.verified)
            let isTrained = entry.id.purpose == .solve || experiment.settings.play.reuseProbes
            #expect(row.position == entry.position && row.problem == entry.made.problem.description)
            #expect(row.verdict == verified.verdict.rawValue)
            #expect(row.reward == (isTrained ? experiment.settings.reward(of: verified) : nil), "\(row.attempt)")
            try experiment.expect(row.tokens, row.logProbabilitySum, at: row.position)
          }
        }
      }
    }
  }

  @Test("the rewards of the views average to what the learner used, and its advantages follow from them")
  func lessons() async throws {
    struct Lesson: Decodable {
      var sample: String
      var role: String
      var reward: Double
      var baseline: Double
      var advantage: Double
      var position: Int64
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        for ledger in experiment.played {
          guard let update = ledger.update else { continue }
          let scored = ledger.scoredSamples(experiment.settings)
          let lessons: [Lesson] = try await log.rows(
            """
            select * from analytics.lessons
            where experiment = \(experiment.sqlName) and policy_version = \(update.toVersion) order by place
            """)
          #expect(lessons.map(\.sample) == scored.map(\.id))
          #expect(lessons.map(\.role) == scored.map(\.role.rawValue))
          #expect(lessons.map(\.reward) == scored.map(\.reward))
          #expect(lessons.map(\.position) == scored.map(\.position))
          let wanted = advantages(
            scored, tokenCounts: scored.map { _ in 1 }, settings: experiment.settings.advantages)
          #expect(lessons.map(\.advantage) == wanted.advantages)
          for group in update.groups {
            let members = zip(lessons, scored).filter {
              $1.role == group.role && (group.kind == nil || $1.kind == group.kind) && $1.problem == group.problem
            }
            let mean = members.reduce(0) { $0 + $1.0.reward } / Double(members.count)
            #expect(members.count == group.samples && abs(mean - group.meanReward) < 1e-12)
            #expect(members.allSatisfy { $0.0.baseline == group.meanReward })
          }
        }
      }
    }
  }

  @Test("the baselines of an update are the recorded ones, those of reused probes with their problem")
  func rewardGroups() async throws {
    struct Row: Decodable {
      var role: Role
      var kind: Kind?
      var problem: String?
      var samples: Int
      var meanReward, deviation: Double
    }
    try await PlayedLog.with { log in
      var reused = 0
      for experiment in log.experiments {
        for ledger in experiment.played {
          guard let update = ledger.update else { continue }
          let rows: [Row] = try await log.rows(
            """
            select * from read.reward_groups
            where experiment = \(experiment.sqlName) and policy_version = \(update.toVersion)
            """)
          let found = rows.map {
            RewardGroup(
              role: $0.role, kind: $0.kind, problem: $0.problem.flatMap { ProposalID($0) }, samples: $0.samples,
              meanReward: $0.meanReward, deviation: $0.deviation)
          }
          #expect(Set(found) == Set(update.groups) && found.count == update.groups.count)
          reused += rows.count { $0.problem != nil }
        }
      }
      #expect(reused > 0)
    }
  }

  @Test("the zero problems are those of the domain, with their attempts")
  func zeroProblems() async throws {
    struct Row: Decodable {
      var kind: Kind
      var program: String
      var message: String
      var pairs: [Pair]
      var problem: String
      var attempts: Int
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        let rows: [Row] = try await log.rows(
          "select * from read.problems where given and experiment = \(experiment.sqlName)")
        #expect(rows.count == experiment.settings.play.kinds.count)
        for row in rows {
          let zero = Problem.zero(row.kind, inputs: experiment.settings.play.inputs)
          #expect(Problem(kind: row.kind, program: row.program, pairs: row.pairs, message: row.message) == zero)
          #expect(row.problem == Experiment.zero(row.kind).description)
        }
        let attempted = experiment.recorded.contains {
          if case .attemptVerified(let verified) = $0.event { verified.problem.slot == 0 } else { false }
        }
        #expect(!attempted || rows.contains { $0.attempts > 0 })
      }
    }
  }

  @Test("a problem's solve rate and versions come from its probes and solves")
  func problems() async throws {
    struct Row: Decodable {
      var problem: String
      var policyVersion: Int
      var admitted: Bool
      var attempts: Int
      var correct: Int
      var solveRate: Double?
      var firstSolvedVersion: Int?
      var lastSolvedVersion: Int?
    }
    try await PlayedLog.with { log in
      for experiment in log.experiments {
        var counts: [String: SolveCount] = [:]
        var versions: [String: [Int]] = [:]
        var proposers: [String: Int] = [:]
        var version = 0
        var admitted: Set<String> = Set(experiment.settings.play.kinds.map { Experiment.zero($0).description })
        for (_, event) in experiment.recorded {
          switch event {
          case .attemptVerified(let verified):
            let id = verified.problem.description
            counts[id, default: SolveCount()].count(verified.verdict == .correct)
            if verified.verdict == .correct { versions[id, default: []].append(version) }
          case .proposalVerified(let verified):
            proposers[verified.proposal.description] = experiment.proposerVersion(version)
          case .problemAdmitted(let entry): admitted.insert(entry.problem.description)
          case .weightsUpdated(let update): version = update.toVersion
          default: break
          }
        }
        let rows: [Row] = try await log.rows("select * from read.problems where experiment = \(experiment.sqlName)")
        for row in rows {
          let count = counts[row.problem] ?? SolveCount()
          #expect(row.policyVersion == proposers[row.problem] ?? 0)
          #expect(row.attempts == count.attempts && row.correct == count.correct && row.solveRate == count.rate)
          #expect(row.firstSolvedVersion == versions[row.problem]?.min())
          #expect(row.lastSolvedVersion == versions[row.problem]?.max())
          #expect(row.admitted == admitted.contains(row.problem), "\(row.problem)")
        }
      }
    }
  }
}

extension PlayedExperiment {
  /// The name as a literal.
  var sqlName: String { "'" + name.replacingOccurrences(of: "'", with: "''") + "'" }

  /// Compares a row's figures about its tokens with the recorded ones.
  fileprivate func expect(_ tokens: Int, _ logProbabilitySum: Double, at position: Int64) throws {
    let generation = try #require(generations[position])
    #expect(tokens == generation.tokens.count)
    #expect(logProbabilitySum == generation.logProbabilities.reduce(0) { $0 + Double($1) })
  }
}
