import Daemon
import Domain
import EventLog
import Foundation
import Testing

/// A curriculum on the real engine: choices are recorded with their figures, and both kinds of replay compute them again.
@Suite("Replay of a curriculum")
struct CurriculumReplayTests {
  private func withPlayed(_ body: (TinyWorld, ExperimentRecord) async throws -> Void) async throws {
    try await TinyWorld.with { world in
      let settings = TinyWorld.settings {
        $0.curriculum.references = .learnability
        $0.curriculum.problems = .eloMatched
      }
      let record = try await world.daemon.create("one", settings)
      #expect(try await world.run(record) == .finished)
      try await body(world, record)
    }
  }

  @Test("choices come out as recorded, and with them everything that follows")
  func equal() async throws {
    try await withPlayed { world, record in
      let types = try await world.daemon.types(record)
      #expect(types.count { $0 == "CurriculumChosen" } >= 6)
      let replayed = try await world.replay(record)
      #expect(replayed.isEqual)
      let resampled = try await world.resample(record)
      #expect(resampled.divergence == nil)
    }
  }

  /// A log in which one figure of the last choice is another.
  private func flipped(_ world: TinyWorld, _ record: ExperimentRecord) async throws -> InMemoryEventLog {
    let last = try #require(try await world.daemon.recorded(record).last { $0.type == "CurriculumChosen" })
    return try await altered(record, in: world.daemon.log) { event, recording in
      guard event.position == last.position, case .curriculumChosen(var chosen) = try event.event() else { return }
      chosen.pools[1].solveRate += 0.125
      recording.body = Event.curriculumChosen(chosen).body
    }
  }

  @Test("a figure that was changed is named by replay")
  func replayed() async throws {
    try await withPlayed { world, record in
      let report = try await world.replay(record, in: try await flipped(world, record))
      let difference = try #require(report.difference)
      #expect(difference.what == "curriculum pools[1].solve_rate" && difference.iteration == 3)
      #expect(difference.isOfCurriculum && !report.isEqual)
    }
  }

  @Test("a figure that was changed is named by resampling")
  func resampled() async throws {
    try await withPlayed { world, record in
      let report = try await world.resample(record, in: try await flipped(world, record))
      let divergence = try #require(report.divergence)
      #expect(divergence.type == "CurriculumChosen" && divergence.difference.field == "pools[1].solve_rate")
      #expect(divergence.difference.cause.contains("curriculum"))
    }
  }

  @Test("verification folds again and names the choice that does not follow")
  func verified() async throws {
    try await withPlayed { world, record in
      let log = try await flipped(world, record)
      let home = Home(
        state: URL(fileURLWithPath: world.daemon.folder), share: URL(fileURLWithPath: ReferenceFiles.packageRoot))
      let report = try await LogVerification(log: log, home: home, isFull: true).verify(nil)
      #expect(report.damage?.reason.contains("pools[1].solve_rate") == true, "\(String(describing: report.damage))")
    }
  }
}
