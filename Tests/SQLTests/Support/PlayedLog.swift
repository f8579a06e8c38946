import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Projections
import Testing

/// An experiment played by `Player` into a real log, and what the domain itself says about it.
struct PlayedExperiment {
  let name: String
  let settings: ExperimentSettings
  /// All events by position.
  var recorded: [(position: Int64, event: Event)] = []
  /// Every iteration, seeding rounds each by itself, as it was after its last event.
  var ledgers: [IterationLedger] = []
  /// Summaries of the iterations of self-play.
  var summaries: [IterationSummary] = []
  /// The generations at the positions of `ProposalMade` and `AttemptMade`.
  var generations: [Int64: GenerationRecord] = [:]

  /// Version of the weights that propose where those of the solver are of `version`.
  func proposerVersion(_ version: PolicyVersion) -> PolicyVersion { settings.play.proposer == .base ? 0 : version }

  /// Iterations of self-play, not of seeding.
  var played: [IterationLedger] { ledgers.filter { !$0.isSeeding } }
}

/// A database with played experiments in it.
struct PlayedLog {
  let log: PostgresEventLog
  let connection: Connection
  let experiments: [PlayedExperiment]
  /// Of the first experiment's weights.
  let evaluations: [RecordedEvaluation]

  /// Settings of experiments that differ in everything a view depends on.
  static let settings: [(name: String, settings: ExperimentSettings)] = [
    ("first", smallSettings { $0.play.batch = 6 }),
    (
      "it's another",
      smallSettings(seed: 2) { settings in
        settings.iterations = 4
        settings.play.batch = 8
        settings.play.probes = 3
        settings.play.duplicates = .allow
        settings.play.trainProposer = false
        settings.rewards.malformed = -0.7
        settings.rewards.incorrect = -0.1
        settings.rewards.unlearnable = -0.3
        settings.advantages.baseline = .role
        settings.health.window = 1
        settings.health.saturatedShareMax = 0.25
      }
    ),
    ("by role", smallSettings(seed: 3) { $0.advantages.baseline = .role }),
    (
      "probes reused",
      smallSettings(seed: 4) { settings in
        settings.play.batch = 6
        settings.play.probes = 4
        settings.play.reuseProbes = true
        settings.play.thinking = true
        settings.rewards.formula = .azrCode
        settings.rewards.unlearnable = 0.125
      }
    ),
    (
      "control",
      smallSettings(seed: .max - 4) { settings in
        settings.play.batch = 6
        settings.play.probes = 3
        settings.play.reuseProbes = true
        settings.play.thinking = true
        settings.rewards.formula = .random
        settings.rewards.unlearnable = 0.125
      }
    ),
    (
      "base proposer",
      smallSettings(seed: 6) { settings in
        settings.play.batch = 6
        settings.play.proposer = .base
        settings.play.thinking = true
      }
    ),
    (
      "tried",
      smallSettings(seed: 11) { settings in
        settings.play.batch = 6
        settings.acceptance.problems = 8
        settings.acceptance.lostMax = 2
      }
    ),
    ("composed", intrinsicSettings(seed: 7, .sum) { $0.composite.probability = 0.6 }),
    ("multiplied", intrinsicSettings(seed: 8, .multiply) { $0.rewards.formula = .azrCode }),
    ("sum of all", intrinsicSettings(seed: 9, .multiplySum) { $0.play.references = 0 }),
    (
      "product of all",
      intrinsicSettings(seed: 10, .sumMultiply) { settings in
        settings.intrinsic.complexityCoefficient = 0
        settings.composite.probability = 0.9
      }
    ),
  ]

  /// Everything is paid for, with coefficients that no float holds exactly.
  private static func intrinsicSettings(
    seed: UInt64, _ combination: IntrinsicSettings.Combination, _ change: (inout ExperimentSettings) -> Void
  ) -> ExperimentSettings {
    smallSettings(seed: seed) { settings in
      settings.iterations = 4
      settings.play.batch = 6
      settings.play.probes = 3
      settings.play.duplicates = .allow
      settings.play.thinking = true
      settings.intrinsic.complexityCoefficient = 0.7
      settings.intrinsic.editDistanceCoefficient = 0.3
      settings.intrinsic.halsteadCoefficient = 1.1
      settings.intrinsic.halsteadMax = 0.35
      settings.intrinsic.answerDiversityCoefficient = 0.9
      settings.intrinsic.answerDiversityMax = 0.8
      settings.intrinsic.inputDiversityCoefficient = 0.6
      settings.intrinsic.outputDiversityCoefficient = 0.45
      settings.intrinsic.combination = combination
      change(&settings)
    }
  }

  /// Runs `body` with a database that holds these experiments, the third one stopped in the middle of an iteration.
  static func with(_ body: (PlayedLog) async throws -> Void) async throws {
    try await TestServer.withDatabase { database in
      let log = PostgresEventLog(database, clock: ContinuousClock())
      var experiments: [PlayedExperiment] = []
      for (index, named) in settings.enumerated() {
        var writer = PlayWriter(named.name, named.settings, id: UInt8(index + 1), log: log)
        try await writer.play(stepsMax: index == 2 ? 24 : 10_000)
        experiments.append(writer.played)
      }
      let first = ExperimentID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1)))
      let evaluations = RecordedEvaluation.all(of: first, name: experiments[0].name)
      for (index, evaluation) in evaluations.enumerated() { try await evaluation.append(to: log, id: UInt8(index)) }
      let connection = try await Connection.open(database)
      try await connection.execute("analyze")
      try await body(PlayedLog(log: log, connection: connection, experiments: experiments, evaluations: evaluations))
      await connection.close()
    }
  }

  /// The experiments, without the streams of evaluations.
  func experimentRecords() async throws -> [ExperimentRecord] {
    let names = Set(experiments.map(\.name))
    return try await log.experiments().filter { names.contains($0.name) }
  }

  /// Brings all projections of all experiments up to date.
  func project() async throws {
    for record in try await experimentRecords() {
      var projector = ExperimentProjector(ProjectionCatalogue.all, of: record.id, in: log)
      #expect(try await projector.catchUp().failures == [:], "\(record.name)")
    }
  }

  /// The rows of a query, read by the names of its columns.
  func rows<Row: Decodable>(_ sql: String, as row: Row.Type = Row.self) async throws -> [Row] {
    let result = try await connection.query("select coalesce(json_agg(row_to_json(q)), '[]')::text from (\(sql)) as q")
    return try EventCoding.value([Row].self, from: Data(try result[0].text(0).utf8))
  }

  /// The first column of a query, which must be text.
  func texts(_ sql: String) async throws -> [String] {
    try await connection.query(sql).map { try $0.text(0) }
  }
}

/// Writes what a `Player` does as the daemon would: one append a step, with causes, generations and measures.
struct PlayWriter {
  private let log: PostgresEventLog
  private(set) var id: ExperimentID
  private var player: Player
  private var experiment: Experiment
  private var epoch: Int64?
  private var flushed = 0
  private var causes: [String: Int64] = [:]
  private var phases: [IterationSummary.Phase] = []
  private(set) var played: PlayedExperiment
  /// For logs too long for memory: what was played is not remembered.
  var keepsNothing = false
  /// Attempts verified.
  private(set) var attempts = 0

  init(_ name: String, _ settings: ExperimentSettings, id: UInt8, log: PostgresEventLog) {
    self.log = log
    self.id = Self.id(id)
    player = Player(settings)
    experiment = player.experiment
    played = PlayedExperiment(name: name, settings: settings)
  }

  mutating func play(stepsMax: Int) async throws {
    try await begin()
    for number in 0..<stepsMax {
      if number == 9 {
        player.pause()
        try await flush(measure: nil)
        while case .some(let step) = player.step(), step.name != "pause" { try await flush(step, number) }
        try await flush(measure: nil)
        player.resume()
        try await flush(measure: nil)
      }
      guard try await step(number) else { return }
    }
  }

  /// Performs and appends one step. Returns false if there is none.
  mutating func step(_ number: Int = 0) async throws -> Bool {
    guard let step = player.step() else { return false }
    try await flush(step, number)
    return true
  }

  /// An experiment that goes on from here by itself, under the same settings.
  func fork(_ name: String, id: UInt8) async throws -> PlayWriter {
    var fork = self
    fork.id = Self.id(id)
    fork.played = PlayedExperiment(name: name, settings: played.settings)
    let head = try await log.head().position.rawValue
    let parent = try await log.experiment(self.id)
    let forked = Event.experimentForked(
      ExperimentForked(
        name: name, parent: played.name, parentExperiment: self.id, parentVersion: experiment.version,
        parentPosition: parent?.lastPosition.rawValue ?? head, changes: [], settings: played.settings))
    _ = try await log.forkExperiment(
      fork.id, name: name, state: "running", parent: self.id, parentVersion: experiment.version,
      event: NewEvent(type: forked.type, policyVersion: experiment.policyVersion, body: forked.body),
      key: "fork \(fork.id)", acknowledgement: nil)
    fork.player.append(forked)
    fork.flushed = fork.player.events.count
    fork.experiment.evolve(forked, version: experiment.version + 1, position: head + 1)
    fork.epoch = try await log.raiseEpoch(of: fork.id, takeOver: false)
    return fork
  }

  private static func id(_ number: UInt8) -> ExperimentID {
    ExperimentID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number)))
  }

  mutating func begin() async throws {
    var created = player.created
    created.name = played.name
    let first = Event.experimentCreated(created)
    let appended = try await log.createExperiment(
      id, name: played.name, state: "running", events: [NewEvent(type: first.type, policyVersion: 0, body: first.body)],
      key: "create \(id)")
    played.recorded.append((appended.first.rawValue, first))
    experiment = Experiment(id: id, created: created)
    epoch = try await log.raiseEpoch(of: id, takeOver: false)
  }

  private mutating func flush(_ step: Step, _ number: Int) async throws {
    let phase = IterationSummary.Phase(name: step.name, seconds: Double(number) + 0.25, tokens: number * 7)
    try await flush(measure: phase)
  }

  /// Appends what the player did since the last time.
  private mutating func flush(measure phase: IterationSummary.Phase?) async throws {
    let events = Array(player.events[flushed...])
    flushed = player.events.count
    guard !events.isEmpty else { return }
    if keepsNothing {
      player.forget()
      flushed = 0
    }
    let measure = phase.map { Data(#"{"seconds":\#($0.seconds),"step":"\#($0.name)","tokens":\#($0.tokens)}"#.utf8) }
    let version = experiment.version
    let appended = try await log.append(
      Append(
        key: "\(id) \(version)", experiment: id, expectedVersion: version, epoch: epoch,
        events: events.enumerated().map { newEvent($1, $0) }, state: keepsNothing ? nil : state(after: events),
        measure: measure))
    if let phase { take(phase, begins: events[0]) }
    for (index, event) in events.enumerated() { take(event, position: appended.first.rawValue + Int64(index)) }
  }

  /// The word for the experiment's state that the daemon would store with these events.
  private func state(after events: [Event]) -> String {
    var after = experiment
    for event in events { after.evolve(event, version: after.version + 1, position: 0) }
    return after.stateName
  }

  private mutating func take(_ phase: IterationSummary.Phase, begins event: Event) {
    if case .iterationStarted = event { phases = [] }
    phases.append(phase)
  }

  private mutating func take(_ event: Event, position: Int64) {
    if !keepsNothing { played.recorded.append((position, event)) }
    if case .attemptVerified = event { attempts += 1 }
    switch event {
    case .proposalMade(let made):
      causes[made.proposal.description] = position
      if !keepsNothing { played.generations[position] = generation(of: made.proposal.description) }
    case .attemptMade(let made):
      causes[made.attempt.description] = position
      if !keepsNothing { played.generations[position] = generation(of: made.attempt.description) }
    default: break
    }
    var before = experiment.ledger
    experiment.evolve(event, version: experiment.version + 1, position: position)
    guard before != nil, experiment.ledger == nil else { return }
    before?.apply(event, at: position)
    guard let ledger = before else { return }
    if keepsNothing {
      causes = [:]
      return
    }
    played.ledgers.append(ledger)
    if !ledger.isSeeding {
      played.summaries.append(IterationSummary(ledger, settings: played.settings, phases: phases))
    }
  }

  private func newEvent(_ event: Event, _ index: Int) -> NewEvent {
    var iteration = experiment.ledger?.iteration
    var cause: Int64?
    var record: GenerationRecord?
    var version = experiment.policyVersion
    switch event {
    case .iterationStarted(let started): iteration = started.iteration
    case .conditionBegan(let change), .conditionEnded(let change): iteration = change.iteration
    case .proposalMade(let made):
      record = generation(of: made.proposal.description)
      if played.settings.play.proposer == .base { version = 0 }
    case .attemptMade(let made): record = generation(of: made.attempt.description)
    case .proposalVerified(let verified): cause = causes[verified.proposal.description]
    case .attemptVerified(let verified): cause = causes[verified.attempt.description]
    default: break
    }
    return NewEvent(
      type: event.type, iteration: iteration, policyVersion: version,
      cause: cause.map { .recorded(Position($0)) }, body: event.body, generation: record)
  }

  /// Tokens and log-probabilities that follow from the id, of every size and sign of exponent.
  private func generation(of id: String) -> GenerationRecord {
    let bytes = Array(id.utf8)
    let count = 1 + bytes.reduce(0) { $0 + Int($1) } % 8
    let values = (0..<count).map { place in
      count == 1 ? -Float.leastNonzeroMagnitude : -Float(bytes[place % bytes.count]) / Float(3 + place * place)
    }
    return GenerationRecord(
      tokens: (0..<count).map { Int32($0) }, logProbabilities: values, prompt: "prompt of \(id)",
      completion: "completion of \(id)", sampling: Data("{}".utf8), randomKey: Data([1]), finish: "stop")
  }
}
