import Daemon
import Domain
import EventLog
import Synchronization
import Testing

/// Promise P2: resume equals never stopped. Interrupted anywhere and started again, an experiment records the same play.
@Suite("Interruption")
struct InterruptionTests {
  /// How a process ends at the n-th place.
  enum Ending: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// Asked to leave, it leaves at the boundary before the n-th step.
    case atBoundary
    /// Its task is cancelled in the n-th call of a part.
    case cancelled
    /// The n-th call of a part throws `CancellationError`.
    case inPart
    /// It dies before its n-th append.
    case beforeAppend
    /// It dies after its n-th append was committed, before it knows.
    case afterAppend

    var testDescription: String { rawValue }
  }

  private static func settings(_ seed: UInt64) -> ExperimentSettings {
    scriptedSettings(seed: seed) {
      $0.iterations = 2
      $0.play.seedingRoundsMax = 1
    }
  }

  /// Runs one process that ends as told. Returns whether it came to that: false if it finished before.
  private func interrupt(
    _ record: ExperimentRecord, at place: Int, _ ending: Ending, _ daemon: TestDaemon
  ) async throws -> Bool {
    let fault = EventLogError.cancelled(operation: "test")
    let counter = Counter()
    var shutDown: @Sendable () -> Bool = { false }
    var hook: CallHook = { _ in }
    daemon.log.restart()
    switch ending {
    case .atBoundary: shutDown = { counter.next() > place }
    case .cancelled:
      hook = { _ in
        guard counter.next() == place else { return }
        withUnsafeCurrentTask { $0?.cancel() }
        try Task.checkCancellation()
      }
    case .inPart: hook = { _ in if counter.next() == place { throw CancellationError() } }
    case .beforeAppend:
      daemon.log.beforeAppend { _, number throws(EventLogError) in if number == place { throw fault } }
    case .afterAppend:
      daemon.log.afterAppend { _, number throws(EventLogError) in if number == place { throw fault } }
    }
    defer {
      daemon.log.beforeAppend(nil)
      daemon.log.afterAppend(nil)
    }
    let process = daemon.process(policy: hook, verifier: hook, learner: hook)
    do {
      // A task of its own, so that its cancellation is not the test's.
      let leaves = shutDown
      let end = try await Task { try await daemon.run(record, in: process, shutDown: leaves) }.value
      return end == .shutDown
    } catch is CancellationError {
      return true
    } catch let error as EventLogError {
      guard case .cancelled = error else { throw error }
      return true
    }
  }

  /// The digests of all weights there ever were, and those a process ends with.
  private func weights(_ record: ExperimentRecord, _ daemon: TestDaemon) async throws -> [String] {
    try await daemon.recorded(record).compactMap {
      if case .weightsUpdated(let updated) = try $0.event() { updated.outcome.weightsDigest } else { nil }
    }
  }

  @Test(
    "interrupted once at any place and started again, the play and the weights are the same",
    arguments: LogKind.available, Ending.allCases)
  func once(kind: LogKind, ending: Ending) async throws {
    for seed in UInt64(1)...(kind == .inMemory ? 3 : 1) {
      try await withTestDaemon(kind) { daemon in
        let whole = try await daemon.create("whole", Self.settings(seed))
        #expect(try await daemon.run(whole) == .finished)
        let expected = try await daemon.play(whole)
        let digests = try await weights(whole, daemon)
        #expect(digests.count == 2)
        var place = 1
        while true {
          let record = try await daemon.create("place-\(place)", Self.settings(seed))
          guard try await interrupt(record, at: place, ending, daemon) else { break }
          let process = daemon.process()
          #expect(try await daemon.run(record, in: process) == .finished)
          #expect(try await daemon.play(record) == expected, "seed \(seed), \(ending) at \(place)")
          #expect(try await weights(record, daemon) == digests)
          let last = await process.learner.weights
          // Interrupted after its last append there was nothing left to do, and no weights were needed.
          #expect(last == digests.last || last == ScriptedLearner.base)
          place += 1
        }
        // Every step and every call of a part had its turn.
        #expect(place > 14, "only \(place - 1) places")
      }
    }
  }

  @Test("interrupted in every process, at ever other places, the play is still the same", arguments: LogKind.available)
  func manyTimes(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      for seed in UInt64(11)...(kind == .inMemory ? 15 : 11) {
        let whole = try await daemon.create("whole-\(seed)", Self.settings(seed))
        _ = try await daemon.run(whole)
        let record = try await daemon.create("broken-\(seed)", Self.settings(seed))
        var draws = RandomStream(RandomKey(seed: seed, purpose: .solve, iteration: 0))
        var processes = 0
        // At least the third step of each process is reached, so it ends.
        while try await interrupt(record, at: 3 + draws.below(3), Ending.allCases[draws.below(5)], daemon) {
          processes += 1
          try #require(processes < 60)
        }
        #expect(processes > 2)
        #expect(try await daemon.run(record) == .finished)
        #expect(try await daemon.play(record) == daemon.play(whole))
      }
    }
  }

  @Test("positions are gapless and the chain is whole after interruptions", arguments: LogKind.available)
  func chain(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", Self.settings(1))
      for (place, ending) in Ending.allCases.enumerated() {
        #expect(try await interrupt(record, at: 2 + place, ending, daemon))
      }
      #expect(try await daemon.run(record) == .finished)
      let recorded = try await daemon.recorded(record)
      #expect(recorded.map(\.position.rawValue) == Array(1...Int64(recorded.count)))
      #expect(recorded.map(\.version) == Array(1...Int64(recorded.count)))
      let appends = try await daemon.log.appends(after: .start, limit: LogLimits.readMax)
      #expect(appends.map(\.count).reduce(0, +) == recorded.count)
      #expect(Set(appends.map(\.key)).count == appends.count)
      for (earlier, later) in zip(appends, appends.dropFirst()) {
        #expect(later.previousHash == earlier.hash && later.first == earlier.last.advanced(by: 1))
      }
    }
  }
}
