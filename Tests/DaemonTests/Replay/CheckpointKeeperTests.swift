import Daemon
import Domain
import Engine
import EventLog
import Foundation
import Testing

/// Any weights file can go, because the log brings it back.
@Suite("Keeping checkpoints")
struct CheckpointKeeperTests {
  private func withPlayed(
    _ body: (TinyWorld, ExperimentRecord, CheckpointKeeper) async throws -> Void
  ) async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings { $0.iterations = 6 })
      _ = try await world.run(record)
      try await body(world, record, try await keeper(world, record))
    }
  }

  private func keeper(_ world: TinyWorld, _ record: ExperimentRecord) async throws -> CheckpointKeeper {
    CheckpointKeeper(
      log: world.daemon.log, experiment: try await world.daemon.stored(record).experiment,
      folders: [world.daemon.folder + "/checkpoints"])
  }

  private func present(_ keeper: CheckpointKeeper) async throws -> [Int] {
    try await keeper.entries().filter { $0.path != nil }.map(\.policyVersion)
  }

  @Test("thinning keeps every k-th version and the newest; a dry run keeps all")
  func thin() async throws {
    try await withPlayed { _, _, keeper in
      let all = try await present(keeper)
      #expect(all == [1, 2, 3, 4, 5, 6])
      #expect(try await keeper.thin(every: 4, dryRun: true).map(\.policyVersion) == [1, 2, 3, 5])
      #expect(try await present(keeper) == [1, 2, 3, 4, 5, 6])
      #expect(try await keeper.thin(every: 4, dryRun: false).map(\.policyVersion) == [1, 2, 3, 5])
      #expect(try await present(keeper) == [4, 6])
      #expect(try await keeper.thin(every: 4, dryRun: false).isEmpty)
    }
  }

  @Test("a version whose file is gone comes back as the recorded file, byte for byte", arguments: [1, 3, 5, 6])
  func restore(version: Int) async throws {
    try await withPlayed { world, record, keeper in
      let entry = try #require(try await keeper.entries().first { $0.policyVersion == version })
      let path = try #require(entry.path)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for other in try await keeper.entries() where other.policyVersion != 2 {
        if let path = other.path { try FileManager.default.removeItem(atPath: path) }
      }
      let learner = try await world.parts().learner
      let restored = try await keeper.restore(version, with: learner) { world.daemon.observer.note($0) }
      #expect(restored.path == path && !restored.wasPresent && restored.isAsRecorded)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
      #expect(try await present(keeper) == Set([2, version]).sorted())
      #expect(try await keeper.restore(version, with: learner) { _ in }.wasPresent)
    }
  }

  @Test("a version that never had a file is written too, and one that does not exist is refused")
  func unrecorded() async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings { $0.checkpoints.every = 3 })
      _ = try await world.run(record)
      let keeper = try await keeper(world, record)
      let learner = try await world.parts().learner
      let restored = try await keeper.restore(2, with: learner) { _ in }
      #expect(!restored.wasPresent && !restored.isAsRecorded)
      #expect(FileManager.default.fileExists(atPath: restored.path))
      await #expect(throws: CheckpointUnknown.self) { try await keeper.restore(9, with: learner) { _ in } }
      await #expect(throws: CheckpointUnknown.self) { try await keeper.restore(0, with: learner) { _ in } }
    }
  }

  @Test("a damaged file is replaced by the one that was recorded")
  func damaged() async throws {
    try await withPlayed { world, _, keeper in
      let path = try #require(try await keeper.entries().first { $0.policyVersion == 4 }?.path)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      var bytes = whole
      bytes[bytes.count - 1] ^= 1
      try bytes.write(to: URL(fileURLWithPath: path))
      let restored = try await keeper.restore(4, with: try await world.parts().learner) { _ in }
      #expect(!restored.wasPresent && restored.isAsRecorded)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
    }
  }
}
