import Daemon
import Domain
import EventLog
import Testing

@Suite("Pausing, resuming and stopping")
struct LifeTests {
  @Test(
    "a pause asked for in the middle of a step is obeyed after the step, with the weights saved",
    arguments: LogKind.available)
  func pauseInStep(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.checkpoints.every = 10 })
      _ = try await daemon.run(record, iterations: 1)
      let before = try await daemon.types(record).count
      // Call 1 of the second iteration is its proposals, 2 its probes.
      let gate = Turnstile()
      let process = daemon.process(policy: { if $0 == 2 { try await gate.hold() } })
      let running = Task { try await daemon.run(record, in: process) }
      await gate.arrived()
      let types = try await daemon.types(record)
      let answer = try await daemon.desk.request(.pause, of: "one", reason: "dinner")
      #expect(answer == .requested(Position(Int64(types.count + 1))))
      #expect(try await daemon.log.experiment(record.id)?.state == "pausing")
      gate.open()
      #expect(try await running.value == .paused("dinner"))
      let after = try await Array(daemon.types(record).dropFirst(types.count))
      // The weights were saved by the first run, so the pause needs no other checkpoint.
      #expect(after.first == "PauseRequested" && after.last == "ExperimentPaused")
      #expect(after.dropFirst().dropLast().allSatisfy { $0 == "AttemptMade" } && after.count > 2)
      #expect(types[before...].contains("ProposalMade"))
      #expect(try await daemon.log.experiment(record.id)?.state == "paused")
      // Paused, it is left alone.
      #expect(try await daemon.run(record) == .paused("dinner"))
      #expect(try await daemon.types(record).count == types.count + after.count)
    }
  }

  @Test("weights that exist in memory only are saved before a pause", arguments: LogKind.available)
  func pauseSaves(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.checkpoints.every = 10 })
      let gate = Turnstile()
      let process = daemon.process(learner: { if $0 == 1 { try await gate.hold() } })
      let running = Task { try await daemon.run(record, in: process) }
      await gate.arrived()
      _ = try await daemon.desk.request(.pause, of: "one", reason: "test")
      gate.open()
      #expect(try await running.value == .paused("test"))
      let last = try await Array(daemon.types(record).suffix(4))
      #expect(last == ["PauseRequested", "WeightsUpdated", "CheckpointSaved", "ExperimentPaused"])
    }
  }

  @Test("a paused experiment goes on after a resume as if it had never paused", arguments: LogKind.available)
  func resume(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let paused = try await daemon.create("paused")
      for call in [3, 1, 2] {
        let gate = Turnstile()
        let process = daemon.process(verifier: { if $0 == call { try await gate.hold() } })
        let running = Task { try await daemon.run(paused, in: process) }
        await gate.arrived()
        _ = try await daemon.desk.request(.pause, of: "paused", reason: "test")
        gate.open()
        #expect(try await running.value == .paused("test"))
        guard case .requested = try await daemon.desk.request(.resume, of: "paused", reason: "test") else {
          Issue.record("not resumed")
          return
        }
        #expect(try await daemon.log.experiment(paused.id)?.state == "resuming")
      }
      #expect(try await daemon.run(paused) == .finished)
      #expect(try await daemon.types(paused).filter { $0 == "ExperimentResumed" }.count == 3)
      #expect(try await daemon.play(paused) == daemon.play(whole))
    }
  }

  @Test("requests made while no daemon runs are obeyed by the next run", arguments: LogKind.available)
  func requestsInAbsence(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.run(record, iterations: 1)
      _ = try await daemon.desk.request(.pause, of: "one", reason: "night")
      #expect(try await daemon.run(record) == .paused("night"))
      #expect(try await daemon.types(record).suffix(3) == ["PauseRequested", "ExperimentStarted", "ExperimentPaused"])
      _ = try await daemon.desk.request(.resume, of: "one", reason: "morning")
      #expect(try await daemon.run(record, iterations: 1) == .iterationsDone)
      #expect(try await daemon.types(record).contains("ExperimentResumed"))
      _ = try await daemon.desk.request(.stop, of: "one", reason: "enough")
      #expect(try await daemon.run(record) == .stopped("enough"))
      #expect(try await daemon.log.experiment(record.id)?.state == "stopped")
      #expect(try await daemon.stored(record).experiment.iterationsDone == 2)
    }
  }

  @Test("a paused experiment can be stopped", arguments: LogKind.available)
  func stopPaused(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.desk.request(.pause, of: "one", reason: "")
      _ = try await daemon.run(record)
      _ = try await daemon.desk.request(.stop, of: "one", reason: "enough")
      #expect(try await daemon.run(record) == .stopped("enough"))
    }
  }

  @Test("a stop is final", arguments: LogKind.available)
  func stopIsFinal(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.desk.request(.stop, of: "one", reason: "enough")
      let pausing = try await daemon.desk.request(.pause, of: "one", reason: "")
      #expect(pausing == .refused("one is being stopped"))
      #expect(try await daemon.desk.request(.stop, of: "one", reason: "") == .already("stopping"))
      #expect(try await daemon.run(record) == .stopped("enough"))
      let types = try await daemon.types(record)
      for request in ControlDesk.Request.allCases {
        guard case .refused(let reason) = try await daemon.desk.request(request, of: "one", reason: "") else {
          Issue.record("\(request) was not refused")
          continue
        }
        #expect(reason.contains("stopped for good"))
      }
      #expect(try await daemon.run(record) == .stopped("enough"))
      #expect(try await daemon.types(record) == types)
    }
  }

  @Test("asking twice says that it is so already", arguments: LogKind.available)
  func twice(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      #expect(try await daemon.desk.request(.resume, of: "one", reason: "") == .already("running"))
      _ = try await daemon.desk.request(.pause, of: "one", reason: "")
      #expect(try await daemon.desk.request(.pause, of: "one", reason: "") == .already("pausing"))
      _ = try await daemon.run(record)
      #expect(try await daemon.desk.request(.pause, of: "one", reason: "") == .already("paused"))
      _ = try await daemon.desk.request(.resume, of: "one", reason: "")
      #expect(try await daemon.desk.request(.resume, of: "one", reason: "") == .already("resuming"))
      #expect(try await daemon.types(record).filter { $0.hasSuffix("Requested") }.count == 2)
    }
  }

  @Test("a request for an experiment that does not exist names those that do", arguments: LogKind.available)
  func unknown(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      _ = try await daemon.create("b")
      _ = try await daemon.create("a")
      do {
        _ = try await daemon.desk.request(.pause, of: "c", reason: "")
        Issue.record("accepted")
      } catch let error as UnknownExperiment {
        #expect(error.known == ["a", "b"])
      }
    }
  }

  @Test(
    "an answer to a request that a later request overtakes is dropped, not appended after it",
    arguments: [
      (ControlDesk.Request.pause, ControlDesk.Request.resume), (.pause, .stop),
    ])
  func overtakenPause(first: ControlDesk.Request, second: ControlDesk.Request) async throws {
    for kind in LogKind.available {
      try await withTestDaemon(kind) { daemon in
        let record = try await daemon.create("one", scriptedSettings { $0.iterations = 1 })
        _ = try await daemon.desk.request(first, of: "one", reason: "first")
        let desk = daemon.desk
        // Append 1 says that a process began, append 2 that it paused.
        daemon.log.beforeAppend { append, number throws(EventLogError) in
          guard number == 2 else { return }
          #expect(append.events.map(\.type) == ["ExperimentPaused"])
          await #expect(throws: Never.self) { try await desk.request(second, of: "one", reason: "second") }
        }
        let end = try await daemon.run(record)
        #expect(end == (second == .stop ? .stopped("second") : .finished))
        #expect(try await !daemon.types(record).contains("ExperimentPaused"))
      }
    }
  }

  @Test("a stop that overtakes a resumption is obeyed", arguments: LogKind.available)
  func overtakenResume(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.desk.request(.pause, of: "one", reason: "")
      _ = try await daemon.run(record)
      _ = try await daemon.desk.request(.resume, of: "one", reason: "")
      daemon.log.restart()
      let desk = daemon.desk
      daemon.log.beforeAppend { _, number throws(EventLogError) in
        guard number == 2 else { return }
        await #expect(throws: Never.self) { try await desk.request(.stop, of: "one", reason: "no") }
      }
      #expect(try await daemon.run(record) == .stopped("no"))
      #expect(try await !daemon.types(record).contains("ExperimentResumed"))
    }
  }

  @Test(
    "a pause asked for in the last step of a limited run is obeyed before the process leaves",
    arguments: LogKind.available)
  func pauseAtTheEnd(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      let gate = Turnstile()
      let process = daemon.process(learner: { if $0 == 1 { try await gate.hold() } })
      let running = Task { try await daemon.run(record, in: process, iterations: 1) }
      await gate.arrived()
      _ = try await daemon.desk.request(.pause, of: "one", reason: "Ctrl-C")
      gate.open()
      #expect(try await running.value == .paused("Ctrl-C"))
      #expect(try await daemon.types(record).suffix(2) == ["CheckpointSaved", "ExperimentPaused"])
    }
  }

  @Test("a process asked to end leaves at the boundary without pausing, weights saved", arguments: LogKind.available)
  func shutDown(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.checkpoints.every = 10 })
      let observer = daemon.observer
      let end = try await daemon.run(record) { observer.steps.contains("update") }
      #expect(end == .shutDown)
      #expect(try await daemon.types(record).last == "CheckpointSaved")
      #expect(try await daemon.log.experiment(record.id)?.state == "running")
      #expect(try await daemon.run(record) == .finished)
    }
  }
}
