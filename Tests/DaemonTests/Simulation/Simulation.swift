import Daemon
import Domain
import EventLog
import Foundation
import Logging
import Synchronization
import Verification

/// One history: two daemons, an operator and a log, on a network and with parts that fail as the seed says, until it is
/// calm and the experiment is finished.
struct Simulation {
  let seed: UInt64
  /// A log that breaks its contract, to see whether the oracle notices.
  var flaw: BrokenLog.Flaw?

  /// What came of it.
  struct Outcome: Sendable {
    var violations: [String]
    var turns: Int
    var trace: UInt64
    var head: LogHead
    var dealt: [Fate: Int]
    /// Daemons that ended because another one took the experiment over.
    var fenced: Int
  }

  /// The play's own seeds: few, because their undisturbed play is needed too.
  static let plays: UInt64 = 4

  static func settings(_ play: UInt64) -> ExperimentSettings {
    scriptedSettings(seed: 100 + play) {
      $0.iterations = 2
      $0.play.kinds = [.deduction, .induction]
      $0.play.batch = 2
      $0.play.probes = 2
      $0.play.seedingRoundsMax = 1
      $0.checkpoints.every = 1
    }
  }

  private var play: UInt64 { seed % Self.plays }

  func run(expected: [PlayEvent]) async throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("autodidact-simulation-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let truth = InMemoryEventLog(clock: ContinuousClock(), now: Self.jumpingClock(seed))
    let log: any EventLog = flaw.map { BrokenLog(truth, $0) } ?? truth
    let surroundings = Surroundings.test()
    let record = try await ExperimentCreator(log: truth, surroundings: surroundings)
      .create("one", settings: Self.settings(play))
    let scheduler = Scheduler(seed: seed, processes: 3)
    let world = World(
      log: log, scheduler: scheduler, record: record, surroundings: surroundings, folder: folder, seed: seed)
    await withTaskGroup(of: Void.self) { group in
      for process in 1...2 { group.addTask { await world.daemon(process) } }
      group.addTask { await world.operate(0) }
    }
    let oracle = Oracle(log: truth, record: record, expected: expected, folder: folder)
    var violations = await oracle.violations(promised: world.promised)
    if await scheduler.isStuck { violations.append("nothing moves after \(Scheduler.turnsMax) turns") }
    return Outcome(
      violations: violations, turns: await scheduler.turns, trace: await scheduler.trace, head: try await truth.head(),
      dealt: await scheduler.dealt, fenced: world.fenced)
  }

  /// A clock that jumps by up to an hour in either direction at every look: nothing may be ordered by it.
  private static func jumpingClock(_ seed: UInt64) -> @Sendable () -> Timestamp {
    let stream = Mutex(RandomStream(RandomKey(seed: seed, purpose: .evaluate, iteration: 2)))
    return {
      let jump = stream.withLock { $0.below(7_200_000_000) } - 3_600_000_000
      return Timestamp(microseconds: 1_750_000_000_000_000 + Int64(jump))
    }
  }
}

/// What the processes of a simulation share.
private final class World: Sendable {
  private struct State {
    var promised: [Promised] = []
    var fenced = 0
  }

  private let log: any EventLog
  private let scheduler: Scheduler
  private let record: ExperimentRecord
  private let surroundings: Surroundings
  private let folder: String
  private let seed: UInt64
  private let leave = LeaveRequest()
  private let state = Mutex(State())

  init(
    log: any EventLog, scheduler: Scheduler, record: ExperimentRecord, surroundings: Surroundings, folder: String,
    seed: UInt64
  ) {
    self.log = log
    self.scheduler = scheduler
    self.record = record
    self.surroundings = surroundings
    self.folder = folder
    self.seed = seed
  }

  var promised: [Promised] { state.withLock { $0.promised } }
  var fenced: Int { state.withLock { $0.fenced } }

  /// A machine that starts the daemon again whenever it dies.
  func daemon(_ process: Int) async {
    while !leave.isMade {
      let link = Link(log, scheduler: scheduler, process: process, experiment: record.id)
      // The choice of a person: take over, or wait until the other one is gone. The disk may have lost the weights.
      guard let turn = try? await link.turn(.watch) else { break }
      let isCalm = await scheduler.isCalm
      if !isCalm, turn.draw & 15 == 1 { try? FileManager.default.removeItem(atPath: folder) }
      await live(link, takeOver: !isCalm && turn.draw % 5 == 0)
      state.withLock { $0.promised += link.acknowledged }
    }
    await scheduler.ended()
  }

  /// One life of a daemon: the real service over this link.
  private func live(_ link: Link, takeOver: Bool) async {
    let patient = PatientLog(
      link, patience: Patience(outageMax: .seconds(3)), clock: InstantClock(), isLeaving: { [leave] in leave.isMade }
    ) { _ in }
    let (folder, leave) = (folder, leave)
    let service = DaemonService(
      log: patient, surroundings: surroundings, logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() },
      leave: leave, takeOver: takeOver ? [record.name] : [], pauseSeconds: 1
    ) { _, body in
      try await body(Self.parts(link, folder))
    }
    do {
      while !leave.isMade, !link.isDead { try await service.turn() }
    } catch {
      state.withLock { $0.fenced += error is Fenced ? 1 : 0 }
    }
  }

  /// New parts: weights in memory are gone. Every call of a part is a turn, and may be the last one or fail.
  private static func parts(_ link: Link, _ folder: String) -> StepPerformer.Parts {
    let machine = TestDaemon(log: HookedLog(link), folder: folder, surroundings: .test(), database: nil)
    let hook: @Sendable (any Error) -> CallHook = { failure in
      { _ in if try await link.turn(.part).fate == .breakPart { throw failure } }
    }
    return machine.process(
      policy: hook(ScriptedFault(what: "policy")), verifier: hook(VerificationError.workerLost(attempts: 3)),
      learner: hook(ScriptedFault(what: "learner"))
    ).parts
  }

  /// A person who pauses now and then, resumes what waits, and ends the show when the experiment is finished.
  func operate(_ process: Int) async {
    let link = Link(log, scheduler: scheduler, process: process, experiment: record.id, isMortal: false)
    let desk = ControlDesk(log: link, surroundings: surroundings)
    while let turn = try? await link.turn(.watch) {
      let state = (try? await log.experiment(record.id)?.state) ?? ""
      let isCalm = await scheduler.isCalm
      if state == "finished", await !scheduler.hasMessages { break }
      if await scheduler.isStuck { break }
      if state == "paused" || state == "failed" {
        _ = try? await desk.request(.resume, of: record.name, reason: "simulated")
      } else if !isCalm, turn.draw % 32 == 0 {
        _ = try? await desk.request(turn.draw % 64 == 0 ? .pause : .resume, of: record.name, reason: "simulated")
      }
    }
    leave.make()
    self.state.withLock { $0.promised += link.acknowledged }
    await scheduler.ended()
  }
}

/// A clock on which every sleep is over at once.
struct InstantClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration = .zero
    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  var now: Instant { Instant() }
  var minimumResolution: Duration { .nanoseconds(1) }
  func sleep(until deadline: Instant, tolerance: Duration?) async throws { try Task.checkCancellation() }
}
