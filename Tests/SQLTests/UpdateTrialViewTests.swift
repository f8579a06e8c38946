import Domain
import Foundation
import Testing

@Suite("Trials of updates as a view", .needsPostgres)
struct UpdateTrialViewTests {
  private struct Row: Decodable, Equatable {
    var iteration: Int
    var problem: String
    var kind: String
    var attempts: Int
    var correctBefore: Int
    var correctAfter: Int
    var moved: String?
    var isAccepted: Bool
    var position: Int64
  }

  @Test("every tried problem is a row with what the event says of it")
  func rows() async throws {
    try await PlayedLog.with { log in
      let rows: [Row] = try await log.rows(
        """
        select iteration, problem, kind, attempts, correct_before as "correctBefore", correct_after as "correctAfter", moved,
               is_accepted as "isAccepted", position
        from read.update_trials where experiment = 'tried' order by position, problem
        """)
      let played = try #require(log.experiments.first { $0.name == "tried" })
      var expected: [Row] = []
      for (position, event) in played.recorded {
        guard case .updateTried(let tried) = event else { continue }
        let trials = tried.trials.map { trial in
          Row(
            iteration: tried.iteration, problem: trial.problem.description, kind: trial.problem.kind.rawValue,
            attempts: trial.before.attempts, correctBefore: trial.before.correct, correctAfter: trial.after.correct,
            moved: tried.gained.contains(trial.problem) ? "gained" : tried.lost.contains(trial.problem) ? "lost" : nil,
            isAccepted: tried.isAccepted, position: position)
        }
        expected += trials
      }
      #expect(Set(rows.compactMap(\.moved)) == ["gained", "lost"])
      func ordered(_ rows: [Row]) -> [Row] { rows.sorted { ($0.position, $0.problem) < ($1.position, $1.problem) } }
      #expect(ordered(rows) == ordered(expected))
    }
  }
}
