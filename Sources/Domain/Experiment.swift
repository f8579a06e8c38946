import Foundation

/// One run of self-play as a fold over its events: pure, without clock, random source or IO.
///
/// `nextStep` (decide) chooses what to do, `evolve` takes what happened. Crash recovery, replay and fork follow from this
/// one fact: given the same events, the same next step (architecture §1).
package struct Experiment: Hashable, Codable, Sendable {
  package let id: ExperimentID
  package private(set) var name: String
  package private(set) var settingsHistory: SettingsHistory
  /// The settings in force now.
  package var settings: ExperimentSettings { settingsHistory.current }
  /// Set if it plays nothing and learns from another's samples.
  package private(set) var shadow: ShadowStarted?
  /// Where this experiment left its parent; nil if it is none's fork.
  package private(set) var fork: ExperimentForked?
  /// Version of the last event taken; the expected version of the next append.
  package private(set) var version: Int64 = 0
  package private(set) var life: Life = .running
  package private(set) var policyVersion: PolicyVersion = 0
  /// Completed self-play iterations.
  package private(set) var iterationsDone = 0
  package private(set) var seedingRoundsDone = 0
  package private(set) var buffers: [Kind: ProblemBuffer]
  /// The iteration in progress.
  package private(set) var ledger: IterationLedger?
  /// How difficult its problems are, from every outcome so far.
  package private(set) var difficulty = Difficulty()
  /// The values of its problems, while something is paid for new ones.
  package private(set) var history = ValueHistory()
  /// What its iterations say about its health.
  package private(set) var health = Health()
  /// The newest recorded weights file.
  package private(set) var checkpoint: Checkpoint?

  /// Whether the experiment may go on.
  package enum Life: Hashable, Codable, Sendable {
    case running
    case pauseRequested(String)
    case paused(String)
    case resumeRequested(String)
    case stopRequested(String)
    case stopped(String)
    case failed(String)
  }

  /// Begins the fold with the first event of a stream.
  package init(id: ExperimentID, created: ExperimentCreated) {
    self.id = id
    name = created.name
    settingsHistory = SettingsHistory(created.settings)
    version = 1
    buffers = Self.emptyBuffers(created.settings)
  }

  /// The buffers before the first proposal: the zero problem of each kind that is played.
  private static func emptyBuffers(_ settings: ExperimentSettings) -> [Kind: ProblemBuffer] {
    let play = settings.play
    var buffers: [Kind: ProblemBuffer] = [:]
    for kind in Kind.allCases {
      var buffer = ProblemBuffer(capacity: play.bufferMax, eviction: play.eviction)
      if play.kinds.contains(kind) {
        var problem = Problem.zero(kind, inputs: play.inputs)
        if play.duplicatesBy == .normalised { problem.normalForm = sha256(Data(Problem.zeroNormalForm.utf8)) }
        buffer.admit(Self.zero(kind), problem, seed: settings.seed.value)
      }
      buffers[kind] = buffer
    }
    return buffers
  }

  /// Whether anything has been played. Until then a fork may change every setting.
  package var hasPlayed: Bool { ledger != nil || seedingRoundsDone > 0 || iterationsDone > 0 }

  /// The name of the zero problem of a kind: slot 0 of iteration 0. It is given, not proposed; seeding's slots begin at 1.
  package static func zero(_ kind: Kind) -> ProposalID { ProposalID(iteration: 0, kind: kind, slot: 0) }

  /// Takes the next event of the experiment's stream.
  ///
  /// - Precondition: `version` is the successor of the last one taken. The log is gapless; a hole is corruption.
  package mutating func evolve(_ event: Event, version: Int64, position: Int64) {
    precondition(version == self.version + 1, "event version \(version) after \(self.version) of \(name)")
    self.version = version
    difficulty.apply(event)
    switch event {
    case .experimentCreated: preconditionFailure("\(name) was created twice")
    case .experimentForked(let forked): evolveFork(forked, position: position)
    case .shadowStarted(let started):
      shadow = started
      life = .stopped("a shadow learner of \(started.source): it plays nothing")
    case .pauseRequested(let request):
      if life.canPause { life = .pauseRequested(request.reason) }
    case .experimentPaused(let change): life = .paused(change.reason)
    case .resumeRequested(let request):
      switch life {
      case .paused, .failed: life = .resumeRequested(request.reason)
      case .pauseRequested: life = .running
      default: break
      }
    case .experimentResumed: life = .running
    case .stopRequested(let request):
      if !life.isOver { life = .stopRequested(request.reason) }
    case .experimentStopped(let change): life = .stopped(change.reason)
    case .experimentFailed(let failure):
      // Whoever asked for the end gets it: what could not be saved any more is in the log, as samples.
      if case .stopRequested(let reason) = life { life = .stopped(reason) } else { life = .failed(failure.error) }
    case .experimentStarted, .experimentAnnotated: break
    case .checkpointSaved(let saved): checkpoint = saved
    case .conditionBegan(let change):
      health.began(change)
      if settings.health.action == .pause, life.canPause {
        life = .pauseRequested("\(change.condition.rawValue): \(change.condition.sentence(change))")
      }
    case .conditionEnded(let change): health.ended(change)
    case .iterationStarted(let started): ledger = IterationLedger(started)
    case .proposalMade, .proposalVerified, .attemptMade, .attemptVerified, .problemAdmitted, .weightsUpdated,
      .updateSkipped:
      evolvePlay(event, position: position)
    case .evaluationStarted, .answerEvaluated, .evaluationCompleted:
      preconditionFailure("\(event.type) in the stream of experiment \(name)")
    case .curriculumChosen, .updateTried: break
    }
    closeSeedingRound()
  }

  /// What was shared ends here: from now on it is another experiment, and it runs whatever its parent was asked to do.
  private mutating func evolveFork(_ forked: ExperimentForked, position: Int64) {
    if !hasPlayed { buffers = Self.emptyBuffers(forked.settings) }
    name = forked.name
    fork = forked
    settingsHistory.change(to: forked.settings, at: position)
    life = .running
  }

  private mutating func evolvePlay(_ event: Event, position: Int64) {
    ledger?.apply(event, at: position)
    switch event {
    case .problemAdmitted(let admitted):
      guard let problem = ledger?.accepted.first(where: { $0.id == admitted.problem })?.problem else {
        preconditionFailure("admitted problem \(admitted.problem) was never accepted")
      }
      let seed = settings.seed.value
      buffers[admitted.problem.kind]?.admit(admitted.problem, problem, seed: seed)
    case .weightsUpdated(let updated):
      policyVersion = updated.toVersion
      endIteration()
    case .updateSkipped: endIteration()
    default: break
    }
  }

  private mutating func endIteration() {
    if let ledger { take(ledger) }
    ledger = nil
    iterationsDone += 1
  }

  /// A seeding round is over once everything proposed is verified and what was accepted is admitted.
  private mutating func closeSeedingRound() {
    guard let ledger, ledger.isSeeding, !ledger.proposals.isEmpty else { return }
    let open = ledger.proposals.contains { $0.verified == nil || ($0.verified?.problem != nil && !$0.admitted) }
    guard !open else { return }
    take(ledger)
    self.ledger = nil
    seedingRoundsDone += 1
  }

  /// Remembers what an iteration or a seeding round came to.
  private mutating func take(_ ledger: IterationLedger) {
    health.take(HealthFigures(ledger), settings.health)
    if settings.intrinsic.needsHistory { history.take(ledger.accepted.map(\.problem)) }
  }
}

extension Experiment.Life {
  fileprivate var canPause: Bool {
    switch self {
    case .running, .resumeRequested: true
    case .pauseRequested, .paused, .stopRequested, .stopped, .failed: false
    }
  }

  fileprivate var isOver: Bool {
    if case .stopped = self { true } else { false }
  }

  /// Word for the state column and for people.
  package var name: String {
    switch self {
    case .running: "running"
    case .pauseRequested: "pausing"
    case .paused: "paused"
    case .resumeRequested: "resuming"
    case .stopRequested: "stopping"
    case .stopped: "stopped"
    case .failed: "failed"
    }
  }
}

extension Experiment {
  /// An admitted problem by name.
  ///
  /// - Precondition: it is in a buffer. References and programs are drawn from the buffers in the same iteration.
  package func problem(_ id: ProposalID) -> Problem {
    guard let entry = buffers[id.kind]?.entries.first(where: { $0.id == id }) else {
      preconditionFailure("problem \(id) is not in the buffer of \(name)")
    }
    return entry.problem
  }

  /// All iterations of the settings are done.
  package var isFinished: Bool { iterationsDone >= settings.iterations && ledger == nil }

  /// Word for the state column and for people. Not finished before the last weights are saved and the last conditions
  /// recorded: a daemon that dies between the last update and its checkpoint is to find something to do.
  package var stateName: String {
    life == .running && isFinished && !unsavedWeights && assessment == nil ? "finished" : life.name
  }
}
