import Daemon
import Domain
import EventLog
import Foundation
import Settings
import Testing

/// Forks share history by reference, repeat their parent if nothing is changed, and part from it where something is.
@Suite("Forks")
struct ForkTests {
  private func withPlayed(
    _ kind: LogKind = .inMemory, _ body: (TinyWorld, ExperimentRecord) async throws -> Void
  ) async throws {
    try await TinyWorld.with(kind) { world in
      let record = try await world.daemon.create("one", TinyWorld.settings())
      _ = try await world.run(record)
      try await body(world, record)
    }
  }

  private func fork(
    _ world: TinyWorld, _ place: String, _ name: String = "two", of parent: String = "one", _ overrides: [String] = []
  ) async throws -> ExperimentRecord {
    try await ExperimentForker(log: world.daemon.log, surroundings: world.daemon.surroundings)
      .fork(parent, at: try #require(ExperimentForker.Place(place)), as: name, overrides: overrides).record
  }

  @Test("a fork without a change ends in its parent's digests", arguments: LogKind.available)
  func noChange(kind: LogKind) async throws {
    try await withPlayed(kind) { world, record in
      let expected = try await world.digest(record)
      let weights = try await world.weights(record)
      #expect(weights.count == 3)
      for (place, name) in [("0", "a"), ("1", "b"), ("2", "c"), ("3", "d")] {
        let two = try await fork(world, place, name)
        _ = try await world.run(two)
        #expect(try await world.digest(two) == expected, "fork at \(place)")
        #expect(try await world.weights(two) == weights)
        #expect(try await world.replay(two).isEqual)
      }
      _ = try await ChainAudit.audit(world.daemon.log)
    }
  }

  @Test("a fork at the end of every step repeats its parent; within a step none is made", arguments: [UInt64(3)])
  func everyPosition(seed: UInt64) async throws {
    try await TinyWorld.with { world in
      let settings = TinyWorld.settings(seed: seed) { $0.iterations = 2 }
      let record = try await world.daemon.create("one", settings)
      _ = try await world.run(record)
      let expected = try await world.digest(record)
      let events = try await world.daemon.recorded(record)
      let boundaries = Set(try await world.daemon.log.appends(after: .start, limit: 1000).map(\.last))
      for event in events {
        let name = "at-\(event.position)"
        guard boundaries.contains(event.position) else {
          await #expect(throws: ForkRefused.self) { try await fork(world, "@\(event.position)", name) }
          continue
        }
        let two = try await fork(world, "@\(event.position)", name)
        _ = try await world.run(two)
        #expect(try await world.digest(two) == expected, "seed \(seed), fork at @\(event.position)")
      }
    }
  }

  @Test("a fork of a fork shares both histories", arguments: LogKind.available)
  func forkOfFork(kind: LogKind) async throws {
    try await withPlayed(kind) { world, record in
      let two = try await fork(world, "1", "two")
      _ = try await world.run(two)
      let three = try await fork(world, "2", "three", of: "two")
      _ = try await world.run(three)
      #expect(try await world.digest(three) == world.digest(record))
      // Before the fork's own part it is its parent's history that is forked.
      let four = try await fork(world, "0", "four", of: "three")
      #expect(four.parent?.experiment == record.id)
      _ = try await world.run(four)
      #expect(try await world.digest(four) == world.digest(record))
    }
  }

  @Test(
    "a changed fork shares its parent's play up to the fork and parts after it; its updates replay",
    arguments: LogKind.available)
  func changed(kind: LogKind) async throws {
    try await withPlayed(kind) { world, record in
      let two = try await fork(world, "1", "two", of: "one", ["learner.rate=0.02", "rewards.incorrect=-0.25"])
      _ = try await world.run(two)
      let (old, new) = (try await world.weights(record), try await world.weights(two))
      #expect(new.count == 3 && new[0] == old[0] && new[1] != old[1])
      #expect(try await world.digest(two) != world.digest(record))
      #expect(try await world.replay(two).isEqual)
      #expect(try await world.resample(two).divergence == nil)
      let stored = try await world.daemon.stored(two).experiment
      #expect(stored.fork?.changes == ["rewards.incorrect: -0.5 → -0.25", "learner.rate: 0.01 → 0.02"])
      #expect(stored.settingsHistory.inForce(at: 1).learner.rate == 0.01)
    }
  }

  @Test("a fork loads its parent's checkpoints and writes its own")
  func checkpoints() async throws {
    try await withPlayed { world, record in
      let two = try await fork(world, "2")
      _ = try await world.run(two)
      #expect(world.daemon.observer.notes.last?.hasPrefix("weights of version 2 from") == true)
    }
  }

  @Test("what cannot change is refused with its reason; before anything is played everything can")
  func refused() async throws {
    try await withPlayed { world, record in
      for (override, word) in [
        ("model.name=other", "model"), ("play.kinds=[deduction]", "buffers"), ("play.inputs=5", "pairs"),
        ("play.buffer_max=7", "limit"), ("play.eviction=keep_first", "rule"), ("iterations=1", "done"),
      ] {
        do {
          _ = try await fork(world, "2", "two", of: "one", [override])
          Issue.record("\(override) was allowed")
        } catch let error as ForkRefused {
          #expect(error.reason.contains(word), "\(override): \(error.reason)")
        }
      }
      await #expect(throws: SettingsError.self) {
        try await fork(world, "2", "two", of: "one", ["learner.rat=1"])
      }
      let two = try await fork(world, "@1", "two", of: "one", ["play.kinds=[deduction]", "play.buffer_max=9"])
      _ = try await world.run(two)
      #expect(try await world.daemon.stored(two).experiment.settings.play.kinds == [.deduction])
      await #expect(throws: ForkRefused.self) { try await fork(world, "9", "three") }
      await #expect(throws: EventLogError.nameTaken("two")) { try await fork(world, "1", "two") }
    }
  }
}
