import Daemon
import Domain
import EventLog
import Foundation
import PostgresLog
import Testing

@Suite("Taking segments out of the database and back", .needsPostgres)
struct ArchivistTests {
  @Test("sealed, exported, detached and restored, an experiment's log is whole at each stage and its end stays known")
  func cycle() async throws {
    try await withTestDaemon(.postgres) { daemon in
      let settings = try #require(daemon.database)
      let log = daemon.log.base
      let archivist = SegmentArchivist(
        url: try databaseURL(settings), role: DatabaseRole.writer.rawValue, software: "test")
      try await archivist.setSize(25)
      let record = try await daemon.create()
      let end = try await daemon.run(record)
      #expect(end == .finished)
      let before = try await StoredExperiment.load(record, from: daemon.log)
      let events = try await daemon.recorded(record)

      let sealed = try await archivist.seal()
      #expect(sealed.map(\.number) == Array(1...events.count / 25))
      let folder = daemon.folder + "/archive"
      for segment in sealed {
        _ = try await archivist.export(segment.number, to: folder)
        _ = try await archivist.detach(segment.number)
      }
      let home = Home(state: URL(filePath: daemon.folder), share: TestServer.migrations.deletingLastPathComponent())
      let detached = try await LogVerification(log: log, home: home, isFull: true).verify(nil)
      #expect(detached.damage == nil, "\(String(describing: detached.damage))")
      #expect(detached.checks.first { $0.subject == "archive files" }?.count == sealed.count)
      let known = try await StoredExperiment.load(try await log.requireExperiment(record.name), from: log)
      #expect(known.encoded == before.encoded)

      for segment in sealed { _ = try await archivist.restore(segment.number, from: nil) }
      let restored = try await log.read(experiment: record.id, after: .start, types: nil, limit: LogLimits.readMax)
      #expect(restored == events)
      let whole = try await LogVerification(log: log, home: home, isFull: true).verify(nil)
      #expect(whole.damage == nil, "\(String(describing: whole.damage))")
      #expect(whole.checks.first { $0.subject == "segment roots" }?.count == sealed.count)
    }
  }

  @Test("a file that was damaged since is neither reason to detach nor restored from, and is named")
  func damaged() async throws {
    try await withTestDaemon(.postgres) { daemon in
      let settings = try #require(daemon.database)
      let archivist = SegmentArchivist(url: try databaseURL(settings), role: nil, software: "test")
      try await archivist.setSize(25)
      let record = try await daemon.create()
      try await daemon.run(record)
      _ = try await archivist.seal()
      let exported = try await archivist.export(1, to: daemon.folder + "/archive")
      let file = try #require(exported.file)
      let whole = try Data(contentsOf: URL(filePath: file))
      var bad = whole
      bad[bad.count / 2] ^= 1
      try bad.write(to: URL(filePath: file))
      let refused = await #expect(throws: SegmentFile.Mismatch.self) { try await archivist.detach(1) }
      #expect(refused?.description.contains(file) == true)
      try whole.write(to: URL(filePath: file))
      _ = try await archivist.detach(1)
      try bad.write(to: URL(filePath: file))
      await #expect(throws: SegmentFile.Mismatch.self) { try await archivist.restore(1, from: nil) }
      let state = try await archivist.segments()[0].state
      #expect(state == .detached)
    }
  }
}
