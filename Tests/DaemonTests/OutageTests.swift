import Daemon
import Domain
import EventLog
import Logging
import Synchronization
import Testing

/// The log goes away and comes back: an experiment stands still and goes on.
@Suite("Outage")
struct OutageTests {
  private static let unreachable = EventLogError.unavailable(operation: "append", attempts: 3, reason: "no route")

  /// What a patient log told.
  private final class Told: Sendable {
    private let state = Mutex<[Outage]>([])
    var all: [Outage] { state.withLock { $0 } }
    func tell(_ outage: Outage) { state.withLock { $0.append(outage) } }
  }

  @Test(
    "an append that fails or whose answer is lost is made again with the same key, and nothing is performed twice",
    arguments: LogKind.available, [true, false])
  func outage(kind: LogKind, isCommitted: Bool) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let record = try await daemon.create()
      let steps = daemon.observer.steps.count
      let failures = Counter()
      let fault = Self.unreachable
      let hook: HookedLog.Hook = { append, _ throws(EventLogError) in
        if append.events.first?.type == "ProposalMade", failures.next() <= 5 { throw fault }
      }
      isCommitted ? daemon.log.afterAppend(hook) : daemon.log.beforeAppend(hook)
      let told = Told()
      let patient = PatientLog(daemon.log, patience: Patience(), clock: InstantClock()) { told.tell($0) }
      let runner = ExperimentRunner(
        log: patient, parts: daemon.process().parts, surroundings: daemon.surroundings, observer: daemon.observer)
      #expect(try await runner.run(record) == .finished)
      #expect(try await daemon.play(record) == daemon.play(whole))
      #expect(daemon.observer.steps.count == 2 * steps)
      let proposals = daemon.log.tried.filter { $0.events.first?.type == "ProposalMade" && $0.experiment == record.id }
      #expect(Set(proposals.prefix(6).map(\.key)).count == 1)
      guard case .unreachable(_, 1, .zero, "no route") = told.all.first else {
        Issue.record("told \(told.all)")
        return
      }
      // Tries 1, 2 and 4 are told, and the end.
      #expect(told.all.count == 4)
      #expect(told.all.last.map { "\($0)" }?.contains("the log is back") == true)
    }
  }

  @Test("pauses double up to their limit, and patience ends with the sum that was configured")
  func bounded() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      let fault = Self.unreachable
      daemon.log.beforeAppend { _, _ throws(EventLogError) in throw fault }
      let told = Told()
      let patience = Patience(firstDelay: .seconds(1), delayMax: .seconds(4), outageMax: .seconds(20))
      let patient = PatientLog(daemon.log, patience: patience, clock: InstantClock()) { told.tell($0) }
      let append = Append(
        key: "k", experiment: record.id, expectedVersion: 1, epoch: 0, events: [.named("ExperimentStarted")])
      await #expect(throws: fault) { try await patient.append(append) }
      // 1 + 2 + 4 + 4 + 4 + 4, then what is left of 20.
      #expect(daemon.log.tried.count == 8)
      #expect(
        told.all.last == .givenUp(operation: "append of 1 events", tries: 8, waited: .seconds(20), isLeaving: false))
    }
  }

  @Test("a process that is asked to leave does not wait for the log")
  func leaving() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      let fault = Self.unreachable
      let leave = LeaveRequest()
      daemon.log.beforeAppend { _, number throws(EventLogError) in
        if number == 3 { leave.make() }
        throw fault
      }
      let patient = PatientLog(
        daemon.log, patience: Patience(), clock: InstantClock(), isLeaving: { leave.isMade }
      ) { _ in }
      let append = Append(
        key: "k", experiment: record.id, expectedVersion: 1, epoch: 0, events: [.named("ExperimentStarted")])
      await #expect(throws: fault) { try await patient.append(append) }
      #expect(daemon.log.tried.count == 3)
    }
  }

  @Test("a refusal is not tried again")
  func refusal() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      let patient = PatientLog(daemon.log, patience: Patience(), clock: InstantClock()) { _ in }
      let append = Append(
        key: "k", experiment: record.id, expectedVersion: 7, epoch: 0, events: [.named("ExperimentStarted")])
      await #expect(throws: EventLogError.wrongExpectedVersion(experiment: record.id, expected: 7, found: 1)) {
        try await patient.append(append)
      }
      #expect(daemon.log.tried.count == 1)
    }
  }

  @Test("a daemon that is taken over ends and says by whom; one told to take over does it once")
  func fenced() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let record = try await daemon.create()
      let gate = Turnstile()
      let first = daemon.service(daemon.process(policy: { if $0 == 3 { try await gate.hold() } }))
      let running = Task { try await first.turn() }
      await gate.arrived()
      // Without --take-over the experiment is left alone.
      let versions = try await daemon.recorded(record).count
      try await daemon.service(daemon.process()).turn()
      #expect(try await daemon.recorded(record).count == versions)
      try await daemon.service(daemon.process(), takeOver: ["one"]).turn()
      #expect(try await daemon.log.experiment(record.id)?.state == "finished")
      gate.open()
      await #expect(throws: Fenced(name: "one", held: 1, current: 2)) { try await running.value }
      #expect(try await daemon.play(record) == daemon.play(whole))
    }
  }
}

extension TestDaemon {
  /// The daemon's service with these parts.
  func service(_ process: Process, takeOver: [String] = []) -> DaemonService {
    DaemonService(
      log: log, surroundings: surroundings, logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() },
      leave: LeaveRequest(), takeOver: takeOver, pauseSeconds: 1
    ) { _, body in
      try await body(process.parts)
    }
  }
}
