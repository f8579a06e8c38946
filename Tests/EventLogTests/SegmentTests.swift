import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing

@Suite("Segments of the PostgreSQL log", .needsPostgres)
struct SegmentTests {
  /// A log in segments of ten positions, with 35 events of one experiment, every third with a generation.
  private func withSegments(
    _ body: (PostgresEventLog, ConnectionSettings, ExperimentID) async throws -> Void
  ) async throws {
    try await TestServer.withDatabase { settings in
      let owner = try await SegmentOwner(settings)
      try await owner.setSize(10)
      await owner.close()
      let log = PostgresEventLog(settings, clock: ContinuousClock(), listens: false)
      let id = ExperimentID.numbered(1)
      _ = try await log.createExperiment(id, name: "first", state: "s", events: [.named("Created")], key: "create")
      var version: Int64 = 1
      while version < 35 {
        let count = min(4, 35 - Int(version))
        let events = (0..<count).map { $0 % 3 == 0 ? NewEvent.full(Int(version) + $0) : .named("Happened") }
        version = try await log.append(
          Append(key: "at \(version)", experiment: id, expectedVersion: version, epoch: nil, events: events)
        ).version
      }
      try await body(log, settings, id)
    }
  }

  private func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "segments-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }

  /// Seals a segment with the root of its events.
  private func seal(_ number: Int, _ log: PostgresEventLog) async throws -> SegmentRecord {
    let segment = try await log.segments()[number - 1]
    var tree = MerkleTree()
    let events = try await log.read(
      experiment: nil, after: Position(segment.first.rawValue - 1), types: nil, limit: 10)
    let generations = try await log.generations(at: events.map(\.position))
    for event in events { tree.add(EventLeaf.hash(event, generations[event.position])) }
    try await log.seal(number, root: tree.root)
    return try await log.segments()[number - 1]
  }

  /// Seals, exports and detaches a segment. Returns the path of its file.
  private func detach(
    _ number: Int, _ log: PostgresEventLog, _ settings: ConnectionSettings, _ folder: URL
  ) async throws -> String {
    let segment = try await seal(number, log)
    let path = folder.appending(path: "segment \(number)").path
    let (_, trailer) = try await ArchiveExport.write(segment.first...segment.last, of: log, to: path, software: "test")
    let root = try #require(segment.root)
    #expect(trailer.root == root.hexadecimal)
    try await log.recordExport(of: number, root: root, file: path, digest: root, bytes: 1)
    _ = try await Connection.open(settings).query("update log.experiments set state = 'finished'")
    let owner = try await SegmentOwner(settings)
    try await owner.detach(number)
    await owner.close()
    return path
  }

  @Test("an append makes the segments it needs, also several at once, and reads pass over their bounds")
  func made() async throws {
    try await withSegments { log, _, id in
      let segments = try await log.segments()
      #expect(segments.map(\.last.rawValue) == [10, 20, 30, 40])
      let events = (0..<30).map { _ in NewEvent.named("Happened") }
      _ = try await log.append(
        Append(key: "many", experiment: id, expectedVersion: 35, epoch: nil, events: events))
      let after = try await log.segments()
      #expect(after.map(\.last.rawValue) == [10, 20, 30, 40, 50, 60, 70])
      let all = try await log.read(experiment: id, after: Position(8), types: nil, limit: 1000)
      #expect(all.map(\.position.rawValue) == Array(9...65) && all.map(\.version) == Array(9...65))
      let whole = try await log.read(experiment: nil, after: .start, types: nil, limit: 1000)
      #expect(whole.count == 65)
      _ = try await ChainAudit.audit(log, pageSize: 7)
    }
  }

  @Test("appends and segments made at the same time by several writers leave no gap")
  func concurrent() async throws {
    try await withSegments { log, _, _ in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<4 {
          group.addTask {
            let id = ExperimentID.numbered(UInt8(10 + writer))
            _ = try await log.createExperiment(
              id, name: "writer \(writer)", state: "s", events: [.named("Created")], key: "create \(writer)")
            for round in 0..<12 {
              _ = try await log.append(.control("\(writer)/\(round)", id, at: Int64(round + 1)))
            }
          }
        }
        try await group.waitForAll()
      }
      let report = try await ChainAudit.audit(log)
      #expect(report.head.position == Position(35 + 4 * 13))
    }
  }

  @Test("the same version of an experiment cannot be recorded twice, even in another segment")
  func versionUnique() async throws {
    try await withSegments { _, settings, _ in
      let connection = try await Connection.open(settings)
      let error = await #expect(throws: PostgresError.self) {
        try await connection.execute(
          """
          insert into log.appends (first_position, last_position, first_version, recorded_at, experiment, key, digest,
                                   previous_hash, hash)
          select 100, 100, first_version, recorded_at, experiment, 'other', digest, previous_hash, hash
          from log.appends limit 1
          """)
      }
      #expect(error?.constraint == "appends_version_unique")
      let within = await #expect(throws: PostgresError.self) {
        try await connection.execute(
          "insert into log_segments.events_4 select 40, cause, recorded_at, experiment, 34, iteration, policy_version, checksum, schema_version, type, body from log.events where position = 31"
        )
      }
      #expect(within?.constraint == "events_4_version_unique")
    }
  }

  @Test("only a full segment is sealed, once")
  func sealed() async throws {
    try await withSegments { log, _, _ in
      let segment = try await seal(1, log)
      #expect(segment.state == .sealed && segment.root?.count == 32)
      await #expect(throws: EventLogError.self) { try await log.seal(1, root: Data(repeating: 0, count: 32)) }
      await #expect(throws: EventLogError.self) { try await log.seal(4, root: Data(repeating: 0, count: 32)) }
      let report = try await ChainAudit.audit(log)
      #expect(report.segments == 1 && report.events == 35)
    }
  }

  @Test("a sealed segment whose rows were changed together with their digests has another root")
  func rootDiffers() async throws {
    try await withSegments { log, settings, _ in
      try await log.seal(1, root: Data(repeating: 7, count: 32))
      guard case .damaged(let damage) = try await ChainAudit.inspect(log) else {
        Issue.record("found whole")
        return
      }
      #expect(damage.table == "log.segments" && damage.key == "segment 1" && damage.position == Position(1))
      withExtendedLifetime(settings) {}
    }
  }

  @Test("reading what was detached names the file; everything else reads as before, and appends go on")
  func detached() async throws {
    try await withSegments { log, settings, id in
      try await withFolder { folder in
        let path = try await detach(1, log, settings, folder)
        for experiment in [nil, id] {
          let error = await #expect(throws: EventLogError.self) {
            try await log.read(experiment: experiment, after: Position(3), types: nil, limit: 1000)
          }
          #expect(error?.description.contains(path) == true)
        }
        await #expect(throws: EventLogError.self) { try await log.event(at: Position(10)) }
        await #expect(throws: EventLogError.self) {
          try await log.read(experiment: id, after: .start, types: ["Created"], limit: 10)
        }
        let rest = try await log.read(experiment: nil, after: Position(10), types: nil, limit: 1000)
        #expect(rest.map(\.position.rawValue) == Array(11...35))
        let own = try await log.read(experiment: id, after: Position(12), types: nil, limit: 1000)
        #expect(own.map(\.version) == Array(13...35))
        _ = try await log.append(.control("on", id, at: 35))
        let report = try await ChainAudit.audit(log)
        #expect(report.head.position == Position(36))
      }
    }
  }

  @Test("a restored segment is as it was, to the byte")
  func restored() async throws {
    try await withSegments { log, settings, _ in
      try await withFolder { folder in
        let before = try await log.read(experiment: nil, after: .start, types: nil, limit: 1000)
        let generations = try await log.generations(at: before.map(\.position))
        let path = try await detach(2, log, settings, folder)
        let segment = try await log.segments()[1]
        let batches = Batches(try ArchiveReader(path: path))
        let owner = try await SegmentOwner(settings)
        try await owner.restore(segment) { try batches.next() }
        await owner.close()
        let after = try await log.read(experiment: nil, after: .start, types: nil, limit: 1000)
        #expect(after == before)
        let same = try await log.generations(at: before.map(\.position))
        #expect(same == generations)
        let report = try await ChainAudit.audit(log)
        #expect(report.segments == 1 && report.events == 35)
      }
    }
  }

  @Test("a segment with events of an experiment that goes on is not detached")
  func needed() async throws {
    try await withSegments { log, settings, _ in
      let segment = try await seal(1, log)
      try await log.recordExport(
        of: 1, root: try #require(segment.root), file: "/nowhere", digest: Data(repeating: 0, count: 32), bytes: 1)
      let owner = try await SegmentOwner(settings)
      let error = await #expect(throws: PostgresError.self) { try await owner.detach(1) }
      #expect(error?.constraint == "segments_no_longer_needed" && error?.message.contains("first") == true)
      await owner.close()
    }
  }

  @Test("equal prompts and sampling parameters are stored once")
  func texts() async throws {
    try await withSegments { log, settings, id in
      let connection = try await Connection.open(settings)
      let count = "select count(*) from log.texts"
      let before = try await connection.query(count)[0].int64(0)
      let generation = GenerationRecord.numbered(1000)
      let events = (0..<5).map { _ in NewEvent(type: "AttemptMade", body: Data("{}".utf8), generation: generation) }
      _ = try await log.append(Append(key: "same", experiment: id, expectedVersion: 35, epoch: nil, events: events))
      let after = try await connection.query(count)[0].int64(0)
      #expect(after == before + 1)  // the prompt; the sampling parameters are those of the others
      let read = try await log.generations(at: (36...40).map { Position($0) })
      #expect(read.values.allSatisfy { $0 == generation } && read.count == 5)
    }
  }

  /// The events of a file in small batches.
  private final class Batches: @unchecked Sendable {
    // SAFETY: used by one restore at a time.
    let reader: ArchiveReader
    init(_ reader: ArchiveReader) { self.reader = reader }

    func next() throws -> [(RecordedEvent, GenerationRecord?)]? {
      var rows: [(RecordedEvent, GenerationRecord?)] = []
      while rows.count < 3, let record = try reader.next() {
        if case .event(let event, let generation) = record { rows.append((event, generation)) }
      }
      return rows.isEmpty ? nil : rows
    }
  }
}
