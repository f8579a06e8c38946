import Domain
import EventLog
import Foundation
import PostgresLog
import Testing

@Suite("Annotations and writers as views", .needsPostgres)
struct AnnotationViewTests {
  private struct Row: Decodable, Equatable {
    var experiment: String
    var tags: [String]
    var note: String?
    var priority: Int
    var changes: Int
  }

  private func annotate(_ log: PlayedLog, _ name: String, _ events: [ExperimentAnnotated]) async throws {
    for event in events {
      let record = try #require(try await log.log.experiment(named: name))
      let new = NewEvent(type: "ExperimentAnnotated", body: Event.experimentAnnotated(event).body)
      _ = try await log.log.append(
        Append(
          key: "test/\(name)/\(record.version)", experiment: record.id, expectedVersion: record.version, epoch: nil,
          events: [new]))
    }
  }

  @Test("the view says what the fold says, for experiments that were annotated and for others")
  func annotations() async throws {
    try await PlayedLog.with { log in
      let events = [
        ExperimentAnnotated(by: "a", tagsAdded: ["b", "a", "Z"], note: "first", priority: 4),
        ExperimentAnnotated(by: "a", tagsRemoved: ["a"]),
        ExperimentAnnotated(by: "a", tagsAdded: ["c"], note: ""),
        ExperimentAnnotated(by: "a", tagsAdded: ["a"], priority: -2),
      ]
      try await annotate(log, "first", events)
      try await annotate(log, "control", [ExperimentAnnotated(by: "a", note: "it's \"this\"")])
      let rows: [Row] = try await log.rows(
        "select experiment, tags, note, priority, changes from read.annotations order by experiment")
      var fold = Annotations()
      for event in events { fold.apply(event) }
      #expect(
        rows.first { $0.experiment == "first" }
          == Row(experiment: "first", tags: fold.tags, note: nil, priority: fold.priority, changes: 4))
      #expect(fold.tags == ["Z", "a", "b", "c"] && fold.note.isEmpty && fold.priority == -2)
      #expect(
        rows.first { $0.experiment == "control" }
          == Row(experiment: "control", tags: [], note: "it's \"this\"", priority: 0, changes: 1))
      #expect(rows.count == log.experiments.count)
      #expect(rows.filter { $0.changes == 0 }.allSatisfy { $0.tags.isEmpty && $0.note == nil && $0.priority == 0 })
    }
  }

  @Test("an experiment is held as long as the session of its epoch lives")
  func writers() async throws {
    try await PlayedLog.with { log in
      let held = "select experiment from read.writers where is_held"
      let before = Set(try await log.texts(held))
      let record = try #require(try await log.log.experiment(named: "first"))
      let epoch = try await log.log.raiseEpoch(of: record.id, takeOver: true)
      #expect(Set(try await log.texts(held)) == before.union(["first"]))
      #expect(try await log.log.held()[record.id] == epoch)
      await log.log.releaseEpoch(epoch, of: record.id)
      #expect(!(try await log.texts(held)).contains("first"))
      #expect(try await log.log.held()[record.id] == nil)
    }
  }
}
