import Daemon
import Domain
import EventLog
import Foundation
import Postgres
import Projections
import Testing

@Suite("Running an experiment")
struct RunTests {
  @Test("two iterations give the events of each slot in canonical order", arguments: LogKind.available)
  func canonicalOrder(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.iterations = 2 })
      #expect(try await daemon.run(record) == .finished)
      let events = try await daemon.recorded(record).map { try $0.event() }
      var proposals: [ProposalID] = []
      var attempts: [AttemptID] = []
      var updates = 0
      for event in events {
        switch event {
        case .proposalMade(let made): proposals.append(made.proposal)
        case .attemptMade(let made): attempts.append(made.attempt)
        case .weightsUpdated, .updateSkipped: updates += 1
        default: break
        }
      }
      #expect(updates == 2)
      for iteration in 1...2 {
        let expected = Kind.allCases.flatMap { kind in
          (0..<3).map { ProposalID(iteration: iteration, kind: kind, slot: $0) }
        }
        #expect(proposals.filter { $0.iteration == iteration } == expected)
        let ofIteration = attempts.filter { $0.iteration == iteration }
        let probes = ofIteration.filter { $0.purpose == .probe }
        let solves = ofIteration.filter { $0.purpose == .solve }
        #expect(probes == probes.sorted() && Set(probes).count == probes.count)
        #expect(solves == solves.sorted() && solves.count == 9)
        #expect(ofIteration == probes + solves)
      }
      // The same world gives the same numbers: nothing depends on time, order of arrival or the kind of log.
      let counts = try await daemon.stored(record).eventCounts
      #expect(counts["IterationStarted"] == 2 + seedingRounds(events))
      #expect(counts["ProposalMade"] == 18 + 6 * seedingRounds(events))
      #expect(counts["ProposalMade"] == counts["ProposalVerified"])
      #expect(counts["AttemptMade"] == counts["AttemptVerified"])
    }
  }

  private func seedingRounds(_ events: [Event]) -> Int {
    events.count { if case .iterationStarted(let started) = $0 { started.iteration == 0 } else { false } }
  }

  @Test("both kinds of log record the same play")
  func sameOnBothLogs() async throws {
    var plays: [[PlayEvent]] = []
    for kind in LogKind.available {
      try await withTestDaemon(kind) { daemon in
        let record = try await daemon.create()
        #expect(try await daemon.run(record) == .finished)
        plays.append(try await daemon.play(record))
      }
    }
    #expect(plays.allSatisfy { $0 == plays[0] })
    #expect(plays[0].count > 100)
  }

  @Test("the play is not trivial: every verdict path, refusal and update is among it", arguments: [LogKind.inMemory])
  func richness(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.run(record)
      let text = try await daemon.play(record).map(\.description).joined(separator: "\n")
      for word in [
        "WeightsUpdated", "ProblemAdmitted", #""refusal":"malformed""#, #""refusal":"raised""#,
        #""verdict":"correct""#, #""verdict":"incorrect""#, #""verdict":"malformed""#,
      ] {
        #expect(text.contains(word), "no \(word)")
      }
      #expect(!text.contains(#""log_probability_mismatches":1"#))
    }
  }

  @Test(
    "an event that follows from another names it, and every sampled event has its key", arguments: LogKind.available)
  func causes(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.iterations = 1 })
      _ = try await daemon.run(record)
      let experiment = try await daemon.stored(record).experiment
      let recorded = try await daemon.recorded(record)
      let byPosition = Dictionary(uniqueKeysWithValues: recorded.map { ($0.position, $0) })
      let generations = try await daemon.log.generations(at: recorded.map(\.position))
      for event in recorded {
        switch try event.event() {
        case .proposalMade(let made):
          #expect(generations[event.position]?.randomKey == Data(experiment.key(of: made.proposal).bytes))
        case .attemptMade(let made):
          #expect(generations[event.position]?.randomKey == Data(experiment.key(of: made.attempt).bytes))
        case .proposalVerified(let verified):
          guard case .proposalMade(let made) = try event.cause.flatMap({ byPosition[$0] })?.event() else {
            Issue.record("\(event.position) has no cause")
            continue
          }
          #expect(made.proposal == verified.proposal)
        case .attemptVerified(let verified):
          guard case .attemptMade(let made) = try event.cause.flatMap({ byPosition[$0] })?.event() else {
            Issue.record("\(event.position) has no cause")
            continue
          }
          #expect(made.attempt == verified.attempt)
        default: #expect(generations[event.position] == nil)
        }
      }
    }
  }

  @Test(
    "the learner's place is acknowledged with its update, and the state column follows", arguments: LogKind.available)
  func learnerPosition(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      #expect(try await daemon.run(record, iterations: 2) == .iterationsDone)
      let recorded = try await daemon.recorded(record)
      let last = recorded.last { $0.type == "WeightsUpdated" || $0.type == "UpdateSkipped" }
      let consumer = try await daemon.log.consumer(Consumer(name: "learner", experiment: record.id))
      #expect(consumer.position == last?.position)
      #expect(try await daemon.log.experiment(record.id)?.state == "running")
      #expect(try await daemon.run(record) == .finished)
      #expect(try await daemon.log.experiment(record.id)?.state == "finished")
    }
  }

  @Test("status counts are those of the events by type", arguments: LogKind.available)
  func statusCounts(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.run(record, iterations: 2)
      let stored = try await daemon.stored(record)
      var counts: [String: Int] = [:]
      for type in EventCoding.types {
        let found = try await daemon.log.read(
          experiment: record.id, after: .start, types: [type], limit: LogLimits.readMax)
        if !found.isEmpty { counts[type] = found.count }
      }
      #expect(stored.eventCounts == counts)
      #expect(stored.experiment.iterationsDone == 2)
      #expect(Int64(counts.values.reduce(0, +)) == stored.experiment.version)
      guard let database = daemon.database else { return }
      let connection = try await Connection.open(database)
      let rows = try await connection.query(
        "select type::text, count(*)::bigint from log.events group by type")
      let bySQL = try rows.map { (try $0.text(0), Int(try $0.int64(1))) }
      await connection.close()
      #expect(stored.eventCounts == Dictionary(uniqueKeysWithValues: bySQL))
    }
  }

  @Test("a run of N iterations ends after N and leaves the weights saved", arguments: LogKind.available)
  func iterations(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.checkpoints.every = 10 })
      #expect(try await daemon.run(record, iterations: 1) == .iterationsDone)
      let first = try await daemon.stored(record).experiment
      #expect(first.iterationsDone == 1 && first.ledger == nil && !first.unsavedWeights)
      #expect(try await daemon.types(record).last == "CheckpointSaved")
      #expect(try await daemon.run(record, iterations: 1) == .iterationsDone)
      let second = try await daemon.stored(record).experiment
      #expect(second.iterationsDone == 2 && !second.unsavedWeights)
      #expect(second.checkpoint?.policyVersion == second.policyVersion)
    }
  }

  @Test("a finished experiment is left alone", arguments: LogKind.available)
  func finished(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create("one", scriptedSettings { $0.iterations = 1 })
      #expect(try await daemon.run(record) == .finished)
      let version = try await daemon.stored(record).experiment.version
      #expect(try await daemon.run(record) == .finished)
      #expect(try await daemon.run(record, iterations: 1) == .finished)
      #expect(try await daemon.stored(record).experiment.version == version)
    }
  }

  @Test("each iteration and each seeding round gets a summary of its own", arguments: [LogKind.inMemory])
  func summaries(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.run(record)
      let summaries = daemon.observer.summaries
      #expect(summaries.filter { $0.seedingRound == nil }.map(\.iteration) == [1, 2, 3])
      #expect(summaries.filter { $0.seedingRound != nil }.count == seedingRounds(try await events(daemon, record)))
      for summary in summaries where summary.seedingRound == nil {
        // Weights saved after an update count to the iteration that follows.
        #expect(summary.phases.first { $0.name != "checkpoint" }?.name == "begin")
        #expect(summary.phases.last?.name == "update")
      }
    }
  }

  private func events(_ daemon: TestDaemon, _ record: ExperimentRecord) async throws -> [Event] {
    try await daemon.recorded(record).map { try $0.event() }
  }

  @Test("an update that is not finite is skipped, and the experiment goes on", arguments: LogKind.available)
  func notFinite(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      let process = daemon.process(learner: { if $0 == 1 { throw LearnerError.notFinite("the loss is nan") } })
      #expect(try await daemon.run(record, in: process) == .finished)
      let skipped = try await daemon.recorded(record).first { $0.type == "UpdateSkipped" }
      guard case .updateSkipped(let event) = try skipped?.event() else {
        Issue.record("nothing was skipped")
        return
      }
      #expect(event.reason == "not finite: the loss is nan")
      #expect(event.policyVersion == 0)
      let experiment = try await daemon.stored(record).experiment
      #expect(experiment.iterationsDone == 3 && experiment.policyVersion == 2)
    }
  }
}
