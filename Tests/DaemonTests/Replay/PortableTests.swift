import Daemon
import Domain
import EventLog
import Foundation
import Synchronization
import Testing

/// An experiment goes to another database in one file, and is the same there: digest, replay, and how it goes on.
@Suite("Portable experiments")
struct PortableTests {
  /// A world that has played 2 of 3 iterations beside another experiment, and the file of what it has played.
  private func withExported(
    _ kind: LogKind = .inMemory, iterations: Int = 2,
    _ body: (TinyWorld, ExperimentRecord, ExperimentFile) async throws -> Void
  ) async throws {
    try await TinyWorld.with(kind) { world in
      let record = try await world.daemon.create("one", TinyWorld.settings())
      _ = try await world.daemon.create("beside", TinyWorld.settings(seed: 2))
      try await play(world, record, iterations)
      try await body(world, record, try await export(world))
    }
  }

  private func play(
    _ world: TinyWorld, _ record: ExperimentRecord, _ iterations: Int? = nil, in log: (any EventLog)? = nil
  ) async throws {
    let runner = ExperimentRunner(
      log: log ?? world.daemon.log, parts: try await world.parts(), surroundings: world.daemon.surroundings,
      observer: world.daemon.observer)
    _ = try await runner.run(record, iterations: iterations)
  }

  private func export(
    _ world: TinyWorld, _ name: String = "one", to file: String = "one.adlog", force: Bool = false
  ) async throws -> ExperimentFile {
    try await ExperimentFile.export(
      name, of: world.daemon.log, to: world.daemon.folder + "/" + file, software: "test", force: force)
  }

  private func take(_ file: ExperimentFile, into world: TinyWorld, name: String? = nil) async throws
    -> ExperimentImporter.Outcome
  {
    try await ExperimentImporter(log: world.daemon.log).import(file.path, name: name)
  }

  /// The ids of every world count from 1: this one is none of theirs.
  private func surroundings(_ world: TinyWorld, id: UInt8) -> Surroundings {
    var surroundings = world.daemon.surroundings
    surroundings.makeID = { UUID(uuid: (id, 9, 9, 9, 9, 9, 0x49, 9, 0x89, 9, 9, 9, 9, 9, 9, 9)) }
    return surroundings
  }

  private func createOther(_ name: String, in world: TinyWorld) async throws {
    _ = try await ExperimentCreator(log: world.daemon.log, surroundings: surroundings(world, id: 9))
      .create(name, settings: TinyWorld.settings(seed: 3))
  }

  private func damage(_ world: TinyWorld) async throws -> Damage? {
    let home = Home(state: URL(filePath: world.daemon.folder), share: URL(filePath: world.daemon.folder))
    return try await LogVerification(log: world.daemon.log, home: home, isFull: true).verify(nil).damage
  }

  @Test(
    "what is imported has the same digest and weights, replays equal, and goes on alike", arguments: LogKind.available)
  func roundTrip(_ kind: LogKind) async throws {
    try await withExported { here, record, file in
      try await TinyWorld.with(kind) { there in
        // Positions are others there.
        try await createOther("earlier", in: there)
        let outcome = try await take(file, into: there)
        #expect(outcome.record.id == record.id && outcome.appended == outcome.events)
        let expected = try await here.digest(record)
        #expect(try await there.digest(outcome.record) == expected)
        #expect(file.digest.hexadecimal == expected)
        #expect(try await damage(there) == nil)
        let report = try await there.replay(outcome.record)
        #expect(report.isEqual && report.updates.count == 2)
        try await play(here, record)
        try await play(there, outcome.record)
        #expect(try await there.digest(outcome.record) == here.digest(record))
        #expect(try await there.weights(outcome.record) == here.weights(record))
        #expect(try await there.weights(outcome.record).count == 3)
        #expect(try await damage(there) == nil)
      }
    }
  }

  @Test("causes point at the same events, at their new positions")
  func causes() async throws {
    try await withExported { here, record, file in
      try await TinyWorld.with { there in
        try await createOther("earlier", in: there)
        let imported = try await take(file, into: there).record
        func causes(_ world: TinyWorld, _ record: ExperimentRecord) async throws -> [Int64?] {
          let events = try await world.daemon.recorded(record)
          let versions = Dictionary(uniqueKeysWithValues: events.map { ($0.position, $0.version) })
          return try events.map { event in try event.cause.map { try #require(versions[$0]) } }
        }
        let expected = try await causes(here, record)
        #expect(expected.compactMap(\.self).count > 5)
        #expect(try await causes(there, imported) == expected)
      }
    }
  }

  @Test("the exported file is replayed without a database, with the same report")
  func offline() async throws {
    try await withExported { here, record, file in
      let home = Home(state: URL(filePath: here.daemon.folder), share: URL(filePath: here.daemon.folder))
      let (open, imported) = try await OpenLog.offline(file.path, home: home)
      var (found, expected) = (try await here.replay(imported, in: open.log), try await here.replay(record))
      // Times are this run's, positions the log's.
      for index in found.updates.indices { (found.updates[index].seconds, found.updates[index].position) = (0, 0) }
      for index in expected.updates.indices {
        (expected.updates[index].seconds, expected.updates[index].position) = (0, 0)
      }
      #expect(found.isEqual)
      #expect(EventCoding.json(found) == EventCoding.json(expected))
    }
  }

  @Test("importing twice changes nothing, and importing where it came from neither", arguments: LogKind.available)
  func twice(_ kind: LogKind) async throws {
    try await withExported { here, _, file in
      try await TinyWorld.with(kind) { there in
        _ = try await take(file, into: there)
        for world in [here, there] {
          let before = try await world.daemon.log.head()
          #expect(try await take(file, into: world).appended == 0)
          #expect(try await world.daemon.log.head() == before)
        }
      }
    }
  }

  @Test("a newer export adds what has happened since")
  func newer() async throws {
    try await withExported(iterations: 1) { here, record, file in
      try await TinyWorld.with { there in
        let first = try await take(file, into: there)
        try await play(here, record)
        let outcome = try await take(try await export(here, to: "newer.adlog"), into: there)
        #expect(outcome.appended > 0 && outcome.appended == outcome.events - first.events)
        #expect(try await there.digest(outcome.record) == here.digest(record))
        #expect(outcome.record.state == "finished")
        #expect(try await damage(there) == nil)
      }
    }
  }

  @Test("an import that is interrupted at any append goes on where it stopped")
  func interrupted() async throws {
    try await withExported(iterations: 1) { here, record, file in
      try await TinyWorld.with { whole in
        _ = try await take(file, into: whole)
        let events = try await whole.daemon.log.head().position
        for stop in 1...6 {
          let base = InMemoryEventLog(clock: ContinuousClock()) { Timestamp(microseconds: 0) }
          let log = HookedLog(base)
          log.beforeAppend { (_, number) throws(EventLogError) in
            if number == stop { throw .unavailable(operation: "append", attempts: 1, reason: "cut") }
          }
          await #expect(throws: EventLogError.self) { try await ExperimentImporter(log: log).import(file.path) }
          let head = try await base.head().position
          #expect(head > .start && head < events)
          #expect(try await base.experiment(record.id)?.state == ImportState.unfinished)
          await #expect(throws: UnfinishedImport.self) { try await play(here, record, in: base) }
          await #expect(throws: UnfinishedImport.self) {
            try await ControlDesk(log: base, surroundings: here.daemon.surroundings).request(
              .stop, of: "one", reason: "")
          }
          #expect(try await base.head().position == head)
          let outcome = try await ExperimentImporter(log: base).import(file.path)
          #expect(outcome.events - outcome.appended == Int(head.rawValue), "stopped at append \(stop)")
          #expect(try await ExperimentDigest.of(record.id, in: base).hexadecimal == file.digest.hexadecimal)
          #expect(outcome.record.state == "running")
        }
      }
    }
  }

  @Test("what the steps took is kept")
  func measures() async throws {
    try await withExported { here, record, file in
      try await TinyWorld.with { there in
        _ = try await take(file, into: there)
        func measures(_ world: TinyWorld) async throws -> [Data?] {
          try await world.daemon.log.appends(after: .start, limit: LogLimits.readMax)
            .filter { $0.experiment == record.id }.map(\.measure)
        }
        let expected = try await measures(here)
        #expect(expected.compactMap(\.self).count > 5)
        #expect(try await measures(there) == expected)
      }
    }
  }

  @Test("weights files that are copied beside the import are used, and are no damage")
  func weightsFiles() async throws {
    try await withExported { here, record, file in
      try await TinyWorld.with { there in
        try await createOther("earlier", in: there)
        let imported = try await take(file, into: there).record
        for folder in ["/checkpoints", "/state/checkpoints/one"] {
          let target = URL(filePath: there.daemon.folder + folder)
          try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
          try FileManager.default.copyItem(at: URL(filePath: here.daemon.folder + "/checkpoints"), to: target)
        }
        let home = Home(
          state: URL(filePath: there.daemon.folder + "/state"), share: URL(filePath: there.daemon.folder))
        let report = try await LogVerification(log: there.daemon.log, home: home, isFull: true).verify(nil)
        #expect(report.damage == nil)
        #expect(report.checks.first { $0.subject == "checkpoints" }?.count == 2)
        let experiment = try await there.daemon.stored(imported).experiment
        let told = Told()
        try await WeightsRestorer(log: there.daemon.log, learner: try await there.parts().learner)
          .restore(experiment) { told.add($0) }
        #expect(told.texts.count == 1 && told.texts[0].hasPrefix("weights of version 2 from"))
        #expect(try await here.daemon.stored(record).experiment.policyVersion == 2)
      }
    }
  }

  @Test("a file recorded on another numerics profile is compared within the tolerance and never called equal")
  func otherProfile() async throws {
    try await withExported { here, _, file in
      let home = Home(state: URL(filePath: here.daemon.folder), share: URL(filePath: here.daemon.folder))
      let (open, imported) = try await OpenLog.offline(file.path, home: home)
      var elsewhere = here.daemon.surroundings
      elsewhere.numericsProfile = "another machine"
      let report = try await here.replay(imported, in: open.log, surroundings: elsewhere)
      #expect(report.difference == nil && !report.isEqual)
      #expect(report.updates.map(\.verdict) == [.withinTolerance, .withinTolerance])
      #expect(report.updates.allSatisfy { $0.recordedProfile == "scripted" })
    }
  }

  @Test("what is imported can be forked, and the fork goes on alike")
  func forkedThere() async throws {
    try await withExported { here, _, file in
      try await TinyWorld.with { there in
        try await createOther("earlier", in: there)
        _ = try await take(file, into: there)
        var digests: [String] = []
        for world in [here, there] {
          let fork = try await ExperimentForker(log: world.daemon.log, surroundings: surroundings(world, id: 8))
            .fork("one", at: .iteration(1), as: "two", overrides: ["solver.temperature=0.5"]).record
          try await play(world, fork)
          digests.append(try await world.digest(fork))
        }
        #expect(digests[0] == digests[1])
      }
    }
  }

  @Test("a fork brings its parent's shared history along, and goes on alike", arguments: LogKind.available)
  func forked(_ kind: LogKind) async throws {
    try await withExported(kind, iterations: 2) { here, record, _ in
      let two = try await ExperimentForker(log: here.daemon.log, surroundings: here.daemon.surroundings)
        .fork("one", at: .iteration(1), as: "two").record
      try await play(here, two, 1)
      let file = try await export(here, "two", to: "two.adlog")
      #expect(file.parts.map(\.name) == ["one", "two"])
      try await TinyWorld.with { there in
        try await createOther("earlier", in: there)
        let imported = try await take(file, into: there).record
        #expect(try await there.digest(imported) == here.digest(two))
        #expect(try await damage(there) == nil)
        let parent = try #require(try await there.daemon.log.experiment(named: "one"))
        let grown = try #require(try await here.daemon.log.experiment(record.id))
        #expect(parent.version < grown.version && imported.parent?.version == parent.version)
        #expect(parent.state == ImportState.shared && imported.state == "running")
        #expect(try await there.replay(imported).isEqual)
        try await play(here, two)
        try await play(there, imported)
        #expect(try await there.weights(imported) == here.weights(two))
        // The parent's own file brings the rest of it.
        let rest = try await take(try await export(here, to: "parent.adlog"), into: there)
        #expect(rest.appended > 0)
        #expect(try await there.digest(rest.record) == here.digest(record))
        #expect(rest.record.state == "running")
      }
    }
  }

  @Test("a taken name is refused before anything is written; another name can be given")
  func names() async throws {
    try await withExported { _, record, file in
      try await TinyWorld.with { there in
        try await createOther("one", in: there)
        let before = try await there.daemon.log.head()
        await #expect(throws: ExperimentFile.Refusal.self) { try await take(file, into: there) }
        await #expect(throws: ExperimentCreator.InvalidName.self) { try await take(file, into: there, name: "a/b") }
        #expect(try await there.daemon.log.head() == before)
        let imported = try await take(file, into: there, name: "other").record
        #expect(imported.id == record.id && imported.name == "other")
        #expect(try await there.daemon.stored(imported).experiment.name == "other")
        #expect(try await there.digest(imported) == file.digest.hexadecimal)
        #expect(try await take(file, into: there).appended == 0)
        // A second copy would need another id.
        await #expect(throws: ExperimentFile.Refusal.self) { try await take(file, into: there, name: "third") }
      }
    }
  }

  @Test("an experiment that went on otherwise is refused, and one that only went on is left alone")
  func divergence() async throws {
    try await withExported(iterations: 1) { here, record, file in
      try await TinyWorld.with { there in
        let imported = try await take(file, into: there).record
        try await play(there, imported, 1)
        let head = try await there.daemon.log.head()
        #expect(try await take(file, into: there).appended == 0)
        _ = try await here.daemon.desk.request(.pause, of: record.name, reason: "here only")
        try await play(here, record)
        let newer = try await export(here, to: "newer.adlog")
        await #expect(throws: ExperimentFile.Refusal.self) { try await take(newer, into: there) }
        #expect(try await there.daemon.log.head() == head)
      }
    }
  }

  @Test("a file that is there is replaced only when asked, and a log with a changed event is not exported")
  func overwriting() async throws {
    try await withExported(iterations: 1) { here, record, file in
      let before = try Data(contentsOf: URL(filePath: file.path))
      await #expect(throws: ExperimentFile.Refusal.self) { try await export(here) }
      #expect(try await export(here, force: true).trailer == file.trailer)
      let sampled = try #require(try await here.daemon.recorded(record).first { $0.type == "ProposalMade" })
      here.daemon.log.change(at: sampled.position)
      await #expect(throws: ArchiveError.self) { try await export(here, force: true) }
      #expect(try Data(contentsOf: URL(filePath: file.path)) == before)
      #expect(!FileManager.default.fileExists(atPath: file.path + ".temporary"))
    }
  }
}

private final class Told: Sendable {
  private let state = Mutex<[String]>([])
  var texts: [String] { state.withLock { $0 } }
  func add(_ text: String) { state.withLock { $0.append(text) } }
}
