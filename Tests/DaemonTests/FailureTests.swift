import Daemon
import Domain
import EventLog
import Testing
import Verification

@Suite("Failing parts")
struct FailureTests {
  /// A call of a part that fails, and the step it belongs to.
  struct Fault: Sendable, CustomTestStringConvertible {
    var part: String
    var call: Int
    var testDescription: String { "\(part) at call \(call)" }

    func process(_ daemon: TestDaemon) -> TestDaemon.Process {
      let hook: CallHook = { [call, part] number in
        guard number == call else { return }
        throw part == "verifier" ? VerificationError.workerLost(attempts: 3) as any Error : ScriptedFault(what: part)
      }
      switch part {
      case "policy": return daemon.process(policy: hook)
      case "verifier": return daemon.process(verifier: hook)
      default: return daemon.process(learner: hook)
      }
    }
  }

  /// Every call of every part in an experiment of two iterations, saving weights included.
  static let faults: [Fault] =
    (1...7).map { Fault(part: "policy", call: $0) } + (1...7).map { Fault(part: "verifier", call: $0) }
    + (1...4).map { Fault(part: "learner", call: $0) }

  private static let settings = scriptedSettings {
    $0.iterations = 2
    $0.checkpoints.every = 1
    $0.play.seedingRoundsMax = 1
  }

  @Test(
    "a failing part fails the experiment, nothing of the step is recorded, and a resume performs the same step",
    arguments: LogKind.available, faults)
  func failure(kind: LogKind, fault: Fault) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole", Self.settings)
      #expect(try await daemon.run(whole) == .finished)
      let record = try await daemon.create("one", Self.settings)
      await #expect(throws: (any Error).self) { try await daemon.run(record, in: fault.process(daemon)) }
      let failed = try await daemon.recorded(record)
      guard case .experimentFailed(let failure) = try failed.last?.event() else {
        Issue.record("the last event is \(failed.last?.type ?? "none")")
        return
      }
      #expect(failure.step == daemon.observer.steps.last)
      #expect(failure.error.contains(fault.part == "verifier" ? "lost its worker 3 times" : "scripted fault"))
      #expect(try await daemon.log.experiment(record.id)?.state == "failed")
      // What is there is a beginning of the play that has no fault: no reward, no verdict, nothing half.
      let wholePlay = try await daemon.play(whole)
      let play = try await daemon.play(record)
      #expect(play == Array(wholePlay.prefix(play.count)))
      #expect(play.count < wholePlay.count || fault.part == "learner")
      // Failed, it waits.
      guard case .failed = try await daemon.run(record) else {
        Issue.record("a failed experiment went on by itself")
        return
      }
      #expect(try await daemon.recorded(record).count == failed.count)
      // The same step with the same keys: the play comes out whole.
      _ = try await daemon.desk.request(.resume, of: "one", reason: "mended")
      #expect(try await daemon.run(record) == .finished)
      #expect(try await daemon.play(record) == wholePlay)
    }
  }

  @Test(
    "a failing log is no failure of the experiment: nothing is recorded, the next run goes on",
    arguments: LogKind.available)
  func failingLog(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", Self.settings)
      let fault = EventLogError.unavailable(operation: "append", attempts: 5, reason: "no route")
      daemon.log.beforeAppend { _, number throws(EventLogError) in if number == 5 { throw fault } }
      await #expect(throws: fault) { try await daemon.run(record) }
      #expect(try await daemon.stored(record).experiment.life == .running)
      daemon.log.beforeAppend(nil)
      #expect(try await daemon.run(record) == .finished)
    }
  }
}
