import Daemon
import Domain
import EventLog
import Testing

@Suite("One writer")
struct WriterTests {
  @Test(
    "a step whose expected version a request made stale is appended again, once, and is the same",
    arguments: LogKind.available)
  func appendedAgain(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.iterations = 1 })
      let desk = daemon.desk
      // Append 3 is the first step with sampled tokens.
      daemon.log.beforeAppend { _, number throws(EventLogError) in
        guard number == 3 else { return }
        await #expect(throws: Never.self) { try await desk.request(.pause, of: "one", reason: "now") }
      }
      #expect(try await daemon.run(record) == .paused("now"))
      let tried = daemon.log.tried
      #expect(tried[2].events.first?.type == "ProposalMade")
      #expect(tried[3].events == tried[2].events)
      #expect(tried[3].expectedVersion == tried[2].expectedVersion + 1)
      #expect(tried[3].key != tried[2].key)
      let types = try await daemon.types(record)
      #expect(types.filter { $0 == "ProposalMade" }.count == tried[2].events.count)
      #expect(types.suffix(1) == ["ExperimentPaused"])
      #expect(daemon.observer.steps.filter { $0 == "propose" }.count == 1)
    }
  }

  @Test("a second runner is refused while the first one lives", arguments: LogKind.available)
  func held(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.iterations = 1 })
      let gate = Turnstile()
      let first = daemon.process(policy: { if $0 == 2 { try await gate.hold() } })
      let running = Task { try await daemon.run(record, in: first) }
      await gate.arrived()
      let types = try await daemon.types(record)
      await #expect(throws: EventLogError.experimentHeld(experiment: record.id, epoch: 1)) {
        try await daemon.run(record)
      }
      #expect(try await daemon.types(record) == types)
      gate.open()
      #expect(try await running.value == .finished)
      // Done, it holds nothing any more.
      #expect(try await daemon.run(record) == .finished)
    }
  }

  @Test("a runner that was taken over cannot write any more, and the play is whole", arguments: LogKind.available)
  func takenOver(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let record = try await daemon.create()
      let gate = Turnstile()
      let first = daemon.process(policy: { if $0 == 3 { try await gate.hold() } })
      let running = Task { try await daemon.run(record, in: first) }
      await gate.arrived()
      #expect(try await daemon.run(record, takeOver: true) == .finished)
      let recorded = try await daemon.recorded(record)
      gate.open()
      await #expect(throws: EventLogError.staleEpoch(experiment: record.id, held: 1, current: 2)) {
        _ = try await running.value
      }
      #expect(try await daemon.recorded(record) == recorded)
      #expect(try await daemon.play(record) == daemon.play(whole))
    }
  }

  @Test(
    "what the writer before appended until it was taken over is read before anything is decided",
    arguments: LogKind.available)
  func readAfterTakeOver(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let record = try await daemon.create()
      let gate = Turnstile()
      let next = Turnstile()
      let first = daemon.process(policy: { call in
        if call == 1 { try await gate.hold() }
        if call == 2 { try await next.hold() }
      })
      let running = Task { try await daemon.run(record, in: first) }
      await gate.arrived()
      // The second runner has read the log; before it raises the epoch the first one appends.
      daemon.log.beforeEpoch {
        gate.open()
        await next.arrived()
      }
      #expect(try await daemon.run(record, takeOver: true) == .finished)
      daemon.log.beforeEpoch(nil)
      next.open()
      await #expect(throws: EventLogError.staleEpoch(experiment: record.id, held: 1, current: 2)) {
        _ = try await running.value
      }
      #expect(try await daemon.play(record) == daemon.play(whole))
    }
  }
}
