import Daemon
import Domain
import EventLog
import Testing

@Suite("Tags, notes and priorities")
struct AnnotationTests {
  private func desk(_ daemon: TestDaemon) -> AnnotationDesk {
    AnnotationDesk(log: daemon.log, surroundings: daemon.surroundings)
  }

  @Test("tags are added and removed, the last note and priority hold, and what changes nothing is not recorded")
  func fold() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      let desk = desk(daemon)
      _ = try await desk.annotate("one", ExperimentAnnotated(by: "", tagsAdded: ["b", "a", "b"], note: "first"))
      let outcome = try await desk.annotate(
        "one", ExperimentAnnotated(by: "", tagsAdded: ["c"], tagsRemoved: ["a"], note: "second", priority: 3))
      #expect(outcome.annotations.tags == ["b", "c"] && outcome.position == Position(3))
      #expect(outcome.annotations.note == "second" && outcome.annotations.priority == 3)
      let again = try await desk.annotate("one", ExperimentAnnotated(by: "", tagsAdded: ["c"], note: "second"))
      #expect(again.position == nil && again.annotations == outcome.annotations)
      #expect(try await daemon.types(record) == ["ExperimentCreated", "ExperimentAnnotated", "ExperimentAnnotated"])
      let cleared = try await desk.annotate("one", ExperimentAnnotated(by: "", note: ""))
      #expect(cleared.annotations.note.isEmpty && cleared.position != nil)
    }
  }

  @Test(
    "what is no tag, note or priority is refused, and nothing is recorded",
    arguments: [
      ExperimentAnnotated(by: "", tagsAdded: ["has space"]), ExperimentAnnotated(by: "", tagsAdded: ["-a"]),
      ExperimentAnnotated(by: "", tagsAdded: [""]), ExperimentAnnotated(by: "", tagsRemoved: ["é"]),
      ExperimentAnnotated(by: "", tagsAdded: [String(repeating: "a", count: 65)]),
      ExperimentAnnotated(by: "", tagsAdded: (0..<33).map { "t\($0)" }),
      ExperimentAnnotated(by: "", tagsAdded: ["a"], tagsRemoved: ["a"]),
      ExperimentAnnotated(by: "", note: String(repeating: "n", count: 4097)),
      ExperimentAnnotated(by: "", note: "a\u{1B}[31m"), ExperimentAnnotated(by: "", priority: 1001),
      ExperimentAnnotated(by: "", priority: -1001),
    ])
  func refused(event: ExperimentAnnotated) async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      await #expect(throws: AnnotationRefused.self) { try await desk(daemon).annotate("one", event) }
      #expect(try await daemon.types(record).count == 1)
      // A file from elsewhere is asked the same, as far as one event can tell.
      let stored = try await daemon.stored(record)
      #expect(stored.experiment.objection(to: .experimentAnnotated(event)) != nil)
    }
  }

  @Test("said by many at once, everything is recorded once", arguments: LogKind.available)
  func together(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let record = try await daemon.create()
      let desk = desk(daemon)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<8 {
          group.addTask { _ = try await desk.annotate("one", ExperimentAnnotated(by: "", tagsAdded: ["t\(number)"])) }
        }
        try await group.waitForAll()
      }
      let current = try #require(try await daemon.log.experiment(record.id))
      #expect(try await daemon.log.annotations(of: current).tags == (0..<8).map { "t\($0)" })
      #expect(try await daemon.types(record).count == 9)
    }
  }

  @Test(
    "said in the middle of a step, it changes nothing that is played, and the digest is the same",
    arguments: LogKind.available)
  func notPlay(kind: LogKind) async throws {
    try await withTestDaemon(kind) { daemon in
      let whole = try await daemon.create("whole")
      _ = try await daemon.run(whole)
      let record = try await daemon.create()
      let desk = desk(daemon)
      let process = daemon.process(policy: { call in
        _ = try await desk.annotate("one", ExperimentAnnotated(by: "", tagsAdded: ["call\(call)"], note: "\(call)"))
      })
      #expect(try await daemon.run(record, in: process) == .finished)
      #expect(try await daemon.types(record).count { $0 == "ExperimentAnnotated" } > 3)
      #expect(try await daemon.play(record) == daemon.play(whole))
      let digests = try await (
        ExperimentDigest.of(record.id, in: daemon.log).hexadecimal,
        ExperimentDigest.of(whole.id, in: daemon.log).hexadecimal
      )
      #expect(digests.0 == digests.1)
      let report = try await ExperimentComparison(log: daemon.log).compare(record, whole)
      #expect(report.divergence == nil)
    }
  }

  @Test("a fork has nothing that was said of its parent, and can be said other things of")
  func fork() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      _ = try await desk(daemon).annotate("one", ExperimentAnnotated(by: "", tagsAdded: ["parent"], priority: 7))
      _ = try await daemon.run(record)
      let fork = try await ExperimentForker(log: daemon.log, surroundings: daemon.surroundings)
        .fork("one", at: .iteration(1), as: "two").record
      #expect(try await daemon.log.annotations(of: fork) == Annotations())
      let outcome = try await desk(daemon).annotate("two", ExperimentAnnotated(by: "", tagsAdded: ["child"]))
      #expect(outcome.annotations.tags == ["child"])
      #expect(try await daemon.run(fork) == .finished)
    }
  }
}
