import Daemon
import Domain
import EventLog
import Logging
import Testing

/// Several experiments in one daemon.
@Suite("Priorities")
struct PriorityTests {
  /// A daemon whose every turn has new parts, as a real one has.
  private func service(_ daemon: TestDaemon, policy: @escaping CallHook = { _ in }) -> DaemonService {
    DaemonService(
      log: daemon.log, surroundings: daemon.surroundings,
      logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }, leave: LeaveRequest(), pauseSeconds: 1
    ) { _, body in
      try await body(daemon.process(policy: policy).parts)
    }
  }

  private func starts(_ daemon: TestDaemon) async throws -> [String] {
    let names = Dictionary(uniqueKeysWithValues: try await daemon.log.experiments().map { ($0.id, $0.name) })
    return try await daemon.log.read(
      experiment: nil, after: .start, types: ["ExperimentStarted"], limit: LogLimits.readMax
    ).compactMap { names[$0.experiment] }
  }

  private func desk(_ daemon: TestDaemon) -> AnnotationDesk {
    AnnotationDesk(log: daemon.log, surroundings: daemon.surroundings)
  }

  @Test("the highest priority is played first, of equals the oldest", arguments: LogKind.available)
  func order(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      for name in ["a", "b", "c", "d"] { _ = try await daemon.create(name, scriptedSettings { $0.iterations = 1 }) }
      for (name, priority) in [("b", 5), ("c", 5), ("d", -1)] {
        _ = try await desk(daemon).annotate(name, ExperimentAnnotated(by: "", priority: priority))
      }
      let service = service(daemon)
      for _ in 0..<4 { try await service.turn() }
      #expect(try await starts(daemon) == ["b", "c", "a", "d"])
      #expect(try await daemon.log.experiments().allSatisfy { $0.state == "finished" })
    }
  }

  @Test(
    "a running experiment is left at a step boundary for one of higher priority, and goes on after it as if it had not been",
    arguments: LogKind.available)
  func left(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let first = try await daemon.create("a")
      let second = try await daemon.create("b")
      let desk = desk(daemon)
      let service = service(daemon) { call in
        // In the middle of a step of the first turn; later turns have said it already, which changes nothing.
        guard call == 3 else { return }
        _ = try await desk.annotate("b", ExperimentAnnotated(by: "", priority: 1))
      }
      for _ in 0..<3 { try await service.turn() }
      #expect(try await starts(daemon) == ["whole", "a", "b", "a"])
      for record in [first, second] { #expect(try await daemon.play(record) == daemon.play(whole)) }
      let types = try await daemon.types(first)
      let again = try #require(types.lastIndex(of: "ExperimentStarted"))
      // What it was doing was committed whole, and what it knew only in memory was saved.
      #expect(!types[..<again].contains("ExperimentPaused"))
      #expect(try await daemon.log.experiment(first.id)?.state == "finished")
    }
  }

  @Test("of a higher priority that another process holds nothing is expected", arguments: LogKind.available)
  func held(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      _ = try await daemon.create("a")
      let other = try await daemon.create("b")
      let epoch = try await daemon.log.raiseEpoch(of: other.id, takeOver: false)
      #expect(try await daemon.log.held() == [other.id: epoch])
      _ = try await desk(daemon).annotate("b", ExperimentAnnotated(by: "", priority: 9))
      try await service(daemon) { call in
        // Something happens to it, as it would while it is played.
        _ = try await AnnotationDesk(log: daemon.log, surroundings: daemon.surroundings)
          .annotate("b", ExperimentAnnotated(by: "", note: "call \(call)"))
      }.turn()
      #expect(try await starts(daemon) == ["a"])
      await daemon.log.releaseEpoch(epoch, of: other.id)
      #expect(try await daemon.log.held().isEmpty)
    }
  }

  @Test("when the running one is paused the next is played", arguments: LogKind.available)
  func paused(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let first = try await daemon.create("a")
      let second = try await daemon.create("b")
      let desk = daemon.desk
      let service = service(daemon) { call in
        if call == 2 { _ = try await desk.request(.pause, of: "a", reason: "test") }
      }
      for _ in 0..<2 { try await service.turn() }
      #expect(try await daemon.log.experiment(first.id)?.state == "paused")
      #expect(try await daemon.log.experiment(second.id)?.state == "finished")
      #expect(try await starts(daemon) == ["a", "b"])
    }
  }
}
