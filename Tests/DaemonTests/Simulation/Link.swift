import Daemon
import Domain
import EventLog
import Synchronization

/// What a client was told: the log must hold it for ever.
struct Promised: Sendable {
  var append: Append
  var first: Position
  var last: Position
}

/// The way from one incarnation of a process to the log: every call waits for its turn and may fail, arrive late, arrive
/// twice, or be the last one. A dead process does nothing any more.
final class Link: PassThroughLog {
  private struct State {
    var isDead = false
    var epochs: [Int64] = []
    var acknowledged: [Promised] = []
  }

  let base: any EventLog
  private let scheduler: Scheduler
  private let process: Int
  private let experiment: ExperimentID
  /// False for the operator: what would kill a daemon loses its request or the answer.
  private let isMortal: Bool
  private let state = Mutex(State())

  init(
    _ base: any EventLog, scheduler: Scheduler, process: Int, experiment: ExperimentID, isMortal: Bool = true
  ) {
    self.isMortal = isMortal
    self.base = base
    self.scheduler = scheduler
    self.process = process
    self.experiment = experiment
  }

  var isDead: Bool { state.withLock { $0.isDead } }
  var acknowledged: [Promised] { state.withLock { $0.acknowledged } }

  private static let dead = EventLogError.cancelled(operation: "the process is dead")

  /// Waits for the turn and delivers what arrives. Returns the fate of the call.
  @discardableResult
  func turn(_ call: Call) async throws(EventLogError) -> Scheduler.Turn {
    guard !isDead else { throw Self.dead }
    var turn = await scheduler.turn(process, call)
    if !isMortal, turn.fate == .dieBefore { turn.fate = .fail }
    if !isMortal, turn.fate == .dieAfter { turn.fate = .loseReply }
    for message in turn.messages { await deliver(message) }
    if turn.fate == .dieBefore {
      await die()
      throw Self.dead
    }
    return turn
  }

  /// Nobody waits for the answer: a refusal is as good as any.
  private func deliver(_ message: Message) async {
    switch message {
    case .append(let append): _ = try? await base.append(append)
    case .sessionEnd(let experiment, let epoch): await base.releaseEpoch(epoch, of: experiment)
    }
  }

  /// The memory of the process is gone; the server finds out about its session some time.
  private func die() async {
    let epochs = state.withLock { state in
      state.isDead = true
      return state.epochs
    }
    for epoch in epochs { await scheduler.send(.sessionEnd(experiment, epoch: epoch)) }
  }

  private func unreachable(_ operation: String) -> EventLogError {
    .unavailable(operation: operation, attempts: 1, reason: "simulated")
  }

  func append(_ append: Append) async throws(EventLogError) -> Appended {
    let turn = try await turn(.append)
    switch turn.fate {
    case .fail:
      // An outage may cost the session its lock although the process lives.
      if turn.draw % 4 == 0, let epoch = append.epoch {
        await scheduler.send(.sessionEnd(append.experiment, epoch: epoch))
      }
      throw unreachable("append")
    case .arriveLate:
      await scheduler.send(.append(append))
      throw unreachable("append")
    case .arriveTwice: await scheduler.send(.append(append))
    default: break
    }
    let appended = try await base.append(append)
    if turn.fate == .loseReply { throw unreachable("append") }
    if turn.fate == .dieAfter {
      await die()
      throw Self.dead
    }
    state.withLock {
      $0.acknowledged.append(Promised(append: append, first: appended.first, last: appended.last))
    }
    return appended
  }

  func raiseEpoch(of experiment: ExperimentID, takeOver: Bool) async throws(EventLogError) -> Int64 {
    let turn = try await turn(.raise)
    if turn.fate == .fail { throw unreachable("raise") }
    let epoch = try await base.raiseEpoch(of: experiment, takeOver: takeOver)
    state.withLock { $0.epochs.append(epoch) }
    if turn.fate == .dieAfter {
      await die()
      throw Self.dead
    }
    if turn.fate == .loseReply {
      // The session broke with the answer.
      await scheduler.send(.sessionEnd(experiment, epoch: epoch))
      throw unreachable("raise")
    }
    return epoch
  }

  func releaseEpoch(_ epoch: Int64, of experiment: ExperimentID) async {
    guard let turn = try? await turn(.release) else { return }
    if turn.fate == .fail { return await scheduler.send(.sessionEnd(experiment, epoch: epoch)) }
    await base.releaseEpoch(epoch, of: experiment)
  }

  func wait(after position: Position, timeout: Duration) async { _ = try? await turn(.wait) }

  /// Any call that changes nothing. Creating and forking take no turn: the simulation's experiment is there.
  private func reading<Value>(_ body: () async throws(EventLogError) -> Value) async throws(EventLogError) -> Value {
    if try await turn(.read).fate == .fail { throw unreachable("read") }
    return try await body()
  }

  func held() async throws(EventLogError) -> [ExperimentID: Int64] {
    try await reading { () async throws(EventLogError) in try await base.held() }
  }
  func experiments() async throws(EventLogError) -> [ExperimentRecord] {
    try await reading { () async throws(EventLogError) in try await base.experiments() }
  }
  func experiment(named name: String) async throws(EventLogError) -> ExperimentRecord? {
    try await reading { () async throws(EventLogError) in try await base.experiment(named: name) }
  }
  func experiment(_ id: ExperimentID) async throws(EventLogError) -> ExperimentRecord? {
    try await reading { () async throws(EventLogError) in try await base.experiment(id) }
  }
  func read(
    experiment: ExperimentID?, after position: Position, types: [String]?, limit: Int
  ) async throws(EventLogError) -> [RecordedEvent] {
    try await reading { () async throws(EventLogError) in
      try await base.read(experiment: experiment, after: position, types: types, limit: limit)
    }
  }
  func event(at position: Position) async throws(EventLogError) -> RecordedEvent? {
    try await reading { () async throws(EventLogError) in try await base.event(at: position) }
  }
  func generations(at positions: [Position]) async throws(EventLogError) -> [Position: GenerationRecord] {
    try await reading { () async throws(EventLogError) in try await base.generations(at: positions) }
  }
  func appends(after position: Position, limit: Int) async throws(EventLogError) -> [AppendRecord] {
    try await reading { () async throws(EventLogError) in try await base.appends(after: position, limit: limit) }
  }
  func head() async throws(EventLogError) -> LogHead {
    try await reading { () async throws(EventLogError) in try await base.head() }
  }
  func consumer(_ consumer: Consumer) async throws(EventLogError) -> ConsumerRecord {
    try await reading { () async throws(EventLogError) in try await base.consumer(consumer) }
  }
  func segments() async throws(EventLogError) -> [SegmentRecord] {
    try await reading { () async throws(EventLogError) in
      try await base.segments()
    }
  }
  func checksums(
    from first: Position, to last: Position
  ) async throws(EventLogError) -> [Position: RowChecksums] {
    try await reading { () async throws(EventLogError) in
      try await base.checksums(from: first, to: last)
    }
  }
  func snapshot(
    of fold: String, experiment: ExperimentID, notAfter version: Int64
  ) async throws(EventLogError) -> FoldSnapshot? {
    try await reading { () async throws(EventLogError) in
      try await base.snapshot(of: fold, experiment: experiment, notAfter: version)
    }
  }
  func snapshots(of experiment: ExperimentID) async throws(EventLogError) -> [FoldSnapshot] {
    try await reading { () async throws(EventLogError) in
      try await base.snapshots(of: experiment)
    }
  }
  func save(_ snapshot: FoldSnapshot, of experiment: ExperimentID) async throws(EventLogError) {
    try await reading { () async throws(EventLogError) in
      try await base.save(snapshot, of: experiment)
    }
  }
  func consumers() async throws(EventLogError) -> [ConsumerRecord] {
    try await reading { () async throws(EventLogError) in try await base.consumers() }
  }
  func acknowledge(_ acknowledgement: Acknowledgement) async throws(EventLogError) -> Acknowledged {
    try await reading { () async throws(EventLogError) in try await base.acknowledge(acknowledgement) }
  }
  func setState(_ state: ConsumerState, of consumer: Consumer, failure: String?) async throws(EventLogError) {
    try await reading { () async throws(EventLogError) in
      try await base.setState(state, of: consumer, failure: failure)
    }
  }
}
