import Domain
import EventLog
import Testing

@Suite("The views of evaluations", .needsPostgres)
struct EvaluationViewTests {
  private struct Scored: Decodable {
    var kind: String?
    var level: Int?
    var problems, answers, correct, malformed: Int
    var passAt1: Double
    var passAt1Low, passAt1High: Double?
  }

  @Test("scores by kind and level are those of the domain, with the same intervals")
  func scores() async throws {
    try await PlayedLog.with { log in
      for evaluation in log.evaluations {
        let score = EvaluationScore(evaluation.answers)
        let rows: [Scored] = try await log.rows(
          "select * from analytics.evaluation_scores where evaluation = '\(evaluation.streamName)'")
        let strata = Set(score.tallies.map { "\($0.group) \($0.level ?? 0)" }).count
        #expect(rows.count == strata + score.groups.count + 1)
        for row in rows {
          let part = score.tallies(group: row.kind, level: row.level)
          #expect(row.problems == part.count && row.answers == part.reduce(0) { $0 + $1.answers })
          #expect(row.correct == part.reduce(0) { $0 + $1.correct })
          #expect(abs(row.passAt1 - Double(row.correct) / Double(row.answers)) < 1e-12)
          guard evaluation.started.plan.samples == 1 else {
            #expect(row.passAt1Low == nil && row.passAt1High == nil)
            continue
          }
          let expected = Estimate.share(row.correct, of: row.answers)
          #expect(abs((row.passAt1Low ?? -1) - expected.low) < 1e-6, "\(row)")
          #expect(abs((row.passAt1High ?? -1) - expected.high) < 1e-6, "\(row)")
        }
      }
    }
  }

  private struct Row: Decodable {
    var experiment, subject, suite, evaluation: String
    var policyVersion, problems, samples, answers, correct: Int
    var temperature: Double
    var isComplete: Bool
  }

  @Test("an evaluation has one row, and is in no view of experiments")
  func rows() async throws {
    try await PlayedLog.with { log in
      let rows: [Row] = try await log.rows("select * from read.evaluations order by position")
      #expect(rows.map(\.evaluation) == log.evaluations.map(\.streamName))
      #expect(rows.allSatisfy { $0.experiment == "first" && $0.subject == "first" && $0.isComplete })
      #expect(rows.map(\.answers) == log.evaluations.map(\.answers.count))
      #expect(rows.map(\.temperature) == [0, 0.5] && rows.map(\.samples) == [1, 2])
      for view in ["read.experiments", "read.settings", "read.lineage", "read.generations"] {
        let names = try await log.texts("select distinct experiment from \(view) where experiment like '%/%'")
        #expect(names == [], "\(view)")
      }
    }
  }

  @Test("an answer has one row with its tokens")
  func answers() async throws {
    struct Answer: Decodable, Equatable {
      var problem, kind, verdict, answer, completion: String
      var level, sample, tokens: Int
    }
    try await PlayedLog.with { log in
      let rows: [Answer] = try await log.rows("select * from read.answers order by position")
      let expected = log.evaluations.flatMap(\.answers).map {
        Answer(
          problem: $0.problem, kind: $0.group, verdict: $0.verdict.rawValue, answer: $0.answer, completion: $0.answer,
          level: $0.level ?? 0, sample: $0.sample, tokens: 3)
      }
      #expect(rows == expected)
    }
  }
}
