import Daemon
import Domain
import EventLog
import Foundation
import Testing

@Suite("Snapshots of the fold")
struct SnapshotTests {
  @Test(
    "encoded and read again at every event, the fold decides and goes on as if it never had been",
    arguments: LogKind.available)
  func everywhere(_ kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      try await daemon.run(record, iterations: 2)
      let events = try await daemon.recorded(record)
      var straight = try await StoredExperiment.begin(record, from: daemon.log)
      var broken = straight
      for event in events.dropFirst() {
        straight.take(try event.event(), version: event.version, position: event.position)
        broken = try JSONDecoder().decode(StoredExperiment.self, from: broken.encoded)
        broken.take(try event.event(), version: event.version, position: event.position)
        #expect(broken == straight && broken.encoded == straight.encoded, "at \(event.position)")
        #expect(broken.experiment.nextStep == straight.experiment.nextStep, "at \(event.position)")
      }
    }
  }

  @Test("loading begins at the newest snapshot and gives what the whole fold gives", arguments: LogKind.available)
  func loaded(_ kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      try await daemon.run(record, iterations: 1)
      let log = daemon.log.base
      var half = try await StoredExperiment.load(record, from: log)
      try await half.saveSnapshot(in: log)
      try await daemon.run(record, iterations: 1)
      let whole = try await StoredExperiment.load(record, from: daemon.log)  // which keeps no snapshots
      var loaded = try await StoredExperiment.load(record, from: log)
      let snapshots = try await log.snapshots(of: record.id)
      #expect(snapshots.map(\.version) == [half.experiment.version] && half.experiment.version > 1)
      #expect(loaded.encoded == whole.encoded)
      try await loaded.saveSnapshotIfDue(in: log)
      let same = try await log.snapshots(of: record.id).count
      #expect(same == 1)
    }
  }

  @Test("the newest three are kept", arguments: LogKind.available)
  func kept(_ kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      for version in 1...5 {
        try await daemon.log.base.save(
          FoldSnapshot(fold: "f", version: Int64(version), position: Position(1), bytes: Data([UInt8(version)])),
          of: record.id)
      }
      let kept = try await daemon.log.base.snapshots(of: record.id)
      #expect(kept.map(\.version) == [3, 4, 5] && kept.allSatisfy { $0.isWhole })
      let newest = try await daemon.log.base.snapshot(of: "f", experiment: record.id, notAfter: 4)
      #expect(newest?.version == 4)
    }
  }
}
