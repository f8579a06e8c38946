import Daemon
import Domain
import EventLog
import Foundation
import Testing

/// Promise P2 by digest, on the real engine: interrupted anywhere, an experiment computes what it would have computed.
@Suite("Experiment digest")
struct DigestTests {
  /// How a process ends at its n-th append.
  private enum Interruption: CaseIterable { case pause, killBefore, killAfter }

  /// Runs until the append is reached and the process has ended. false if the experiment finished before.
  private func interrupt(
    _ world: TinyWorld, _ record: ExperimentRecord, at place: Int, _ kind: Interruption
  ) async throws -> Bool {
    let log = world.daemon.log
    let fault = EventLogError.cancelled(operation: "test")
    log.restart()
    switch kind {
    case .pause:
      log.beforeAppend { _, number throws(EventLogError) in
        guard number == place else { return }
        _ = try? await world.daemon.desk.request(.pause, of: record.name, reason: "test")
      }
    case .killBefore: log.beforeAppend { _, number throws(EventLogError) in if number == place { throw fault } }
    case .killAfter: log.afterAppend { _, number throws(EventLogError) in if number == place { throw fault } }
    }
    defer {
      log.beforeAppend(nil)
      log.afterAppend(nil)
    }
    do {
      let end = try await world.run(record)
      _ = try await world.daemon.desk.request(.resume, of: record.name, reason: "test")
      if case .paused = end { return true }
      return false
    } catch let error as EventLogError where error == fault { return true }
  }

  @Test(
    "25 random interruptions, kills and pauses, leave the digests of events and weights as they are",
    arguments: [UInt64(1), 2])
  func interruptions(seed: UInt64) async throws {
    try await TinyWorld.with { world in
      let settings = TinyWorld.settings(seed: seed) { $0.iterations = 5 }
      let whole = try await world.daemon.create("whole", settings)
      _ = try await world.run(whole)
      let expected = try await world.digest(whole)
      let weights = try await world.weights(whole)
      #expect(weights.count == 5)
      var draws = RandomStream(RandomKey(seed: seed, purpose: .solve, iteration: 0))
      var kinds: Set<Interruption> = []
      var interruptions = 0
      while interruptions < 25 {
        let record = try await world.daemon.create("broken-\(interruptions)", settings)
        while interruptions < 25 {
          let kind = Interruption.allCases[draws.below(3)]
          guard try await interrupt(world, record, at: 2 + draws.below(12), kind) else { break }
          kinds.insert(kind)
          interruptions += 1
        }
        _ = try await world.run(record)
        #expect(try await world.daemon.stored(record).experiment.isFinished)
        #expect(try await world.digest(record) == expected, "seed \(seed), after \(interruptions) interruptions")
        #expect(try await world.weights(record) == weights)
      }
      #expect(kinds.count == 3)
    }
  }

  @Test("the digest depends on every body, generation and setting of the play, and on nothing else")
  func sensitivity() async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings { $0.iterations = 1 })
      _ = try await world.run(record)
      let expected = try await world.digest(record)
      func digest(_ alter: (RecordedEvent, inout Recording) throws -> Void) async throws -> String {
        let log = try await altered(record, in: world.daemon.log, alter)
        return try await ExperimentDigest.of(record.id, in: log).hexadecimal
      }
      #expect(try await digest { _, _ in } == expected)
      for event in try await world.daemon.recorded(record) where try event.event().isPlay {
        let changed = try await digest { other, recording in
          guard other.position == event.position else { return }
          if let generation = recording.generation {
            recording.generation = generation.with(prompt: generation.prompt + "!")
          } else {
            recording.body.insert(contentsOf: Array(" ".utf8), at: 1)
          }
        }
        #expect(changed != expected, "\(event.type) at \(event.position)")
      }
      let renamed = try await digest { event, recording in
        switch try event.event() {
        case .experimentCreated(var created):
          created.name = "other"
          created.settings.prompts.name = "other.md"
          created.settings.checkpoints.every = 9
          recording.body = Event.experimentCreated(created).body
        case .experimentStarted(var started):
          started.host = "elsewhere"
          recording.body = Event.experimentStarted(started).body
        default: break
        }
      }
      #expect(renamed == expected)
      let reseeded = try await digest { event, recording in
        guard case .experimentCreated(var created) = try event.event() else { return }
        created.settings.seed.value = 99
        recording.body = Event.experimentCreated(created).body
      }
      #expect(reseeded != expected)
    }
  }
}
