import EventLog
import Foundation
import Testing

@Suite("Every log: appending")
struct AppendConformanceTests {
  @Test("events get gapless positions and versions, and come back as they were given", arguments: LogKind.available)
  func roundTrip(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let events = [NewEvent.full(7), .named("Other", body: #"{"b":2,"a":1}"#, cause: .sibling(0))]
      let appended = try await log.append(
        Append(key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: events, state: "running"))
      #expect(appended == Appended(first: Position(2), last: Position(3), version: 3, replayed: false))

      let read = try await log.read(experiment: id, after: Position(1), types: nil, limit: 10)
      #expect(read.map(\.position.rawValue) == [2, 3])
      #expect(read.map(\.version) == [2, 3])
      #expect(read.map(\.type) == ["AttemptMade", "Other"])
      #expect(read.map(\.body) == events.map(\.body))
      #expect(read.map(\.iteration) == [7, nil])
      #expect(read.map(\.policyVersion) == [8, nil])
      #expect(read.map(\.schemaVersion) == [2, 1])
      #expect(read.map(\.cause) == [nil, Position(2)])
      #expect(Set(read.map(\.recordedAt)).count == 1)
      let generations = try await log.generations(at: read.map(\.position))
      #expect(generations == [Position(2): .numbered(7)])
      let record = try #require(try await log.experiment(named: "first"))
      #expect(record.version == 3 && record.state == "running" && record.lastPosition == Position(3))
      #expect(try await log.head().position == Position(3))
    }
  }

  @Test("a retry with the same key and events returns what the first call did", arguments: LogKind.available)
  func idempotent(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let append = Append.control("k", id, at: 1)
      let first = try await log.append(append)
      _ = try await log.append(.control("later", id, at: 2))
      let again = try await log.append(append)
      #expect(again == Appended(first: first.first, last: first.last, version: first.version, replayed: true))
      #expect(try await log.head().position == Position(3))
    }
  }

  @Test("a key used again for other events is an error", arguments: LogKind.available)
  func keyReused(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      _ = try await log.append(.control("k", id, at: 1))
      await #expect(throws: EventLogError.keyReused("k")) { try await log.append(.control("k", id, at: 1, "Other")) }
      await #expect(throws: EventLogError.keyReused("k")) { try await log.append(.control("k", id, at: 2)) }
    }
  }

  @Test("an append on another version says which one it found", arguments: LogKind.available, [Int64(0), 2, -1])
  func wrongVersion(_ kind: LogKind, expected: Int64) async throws {
    try await kind.withExperiment { log, id in
      await #expect(
        throws: EventLogError.wrongExpectedVersion(experiment: id, expected: expected, found: 1)
      ) { try await log.append(.control("k", id, at: expected)) }
      let head = try await log.head()
      #expect(head.position == Position(1))
    }
  }

  @Test("an unknown experiment is refused", arguments: LogKind.available)
  func unknownExperiment(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, _ in
      let other = ExperimentID.numbered(9)
      await #expect(throws: EventLogError.unknownExperiment(other)) {
        try await log.append(.control("k", other, at: 0))
      }
    }
  }

  @Test("creating is idempotent, and refuses a taken name and a known id", arguments: LogKind.available)
  func creating(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let events = [NewEvent.named("Created")]
      let again = try await log.createExperiment(id, name: "first", state: "created", events: events, key: "create")
      #expect(again.replayed && again.first == Position(1))
      await #expect(throws: EventLogError.keyReused("create")) {
        try await log.createExperiment(id, name: "renamed", state: "created", events: events, key: "create")
      }
      await #expect(throws: EventLogError.nameTaken("first")) {
        try await log.createExperiment(.numbered(2), name: "first", state: "created", events: events, key: "k2")
      }
      await #expect(throws: EventLogError.experimentExists(id)) {
        try await log.createExperiment(id, name: "second", state: "created", events: events, key: "k3")
      }
      let second = try await log.createExperiment(.numbered(2), name: "second", state: "x", events: events, key: "k4")
      #expect(second.first == Position(2) && second.version == 1)
      #expect(try await log.experiments().map(\.name) == ["first", "second"])
      #expect(try await log.experiment(.numbered(2))?.state == "x")
    }
  }

  @Test("the largest body is kept and one byte more is refused", arguments: LogKind.available)
  func bodyLimit(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      func body(_ size: Int) -> String { #"{"x":""# + String(repeating: "a", count: size - 8) + #""}"# }
      let max = LogLimits.bodyBytesMax
      _ = try await log.append(
        Append(
          key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: [.named("Large", body: body(max))]))
      let error = await #expect(throws: EventLogError.self) {
        try await log.append(
          Append(
            key: "l", experiment: id, expectedVersion: 2, epoch: nil, events: [.named("Large", body: body(max + 1))]))
      }
      guard case .tooLarge(_, found: max + 1, max: max) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test(
    "text that SQL could not open is refused", arguments: LogKind.available,
    ["", "[1]", "{", #"{"a":}"#, #"{"a":"\u0000"}"#, "{\"a\":\"\u{0}\"}", #"{"a":1} {}"#])
  func invalidBody(_ kind: LogKind, body: String) async throws {
    try await kind.withExperiment { log, id in
      let append = Append(
        key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: [.named("Fine"), .named("Bad", body: body)])
      let error = await #expect(throws: EventLogError.self) { try await log.append(append) }
      guard case .invalidEvent = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      let head = try await log.head()
      #expect(head.position == Position(1))
    }
  }

  @Test("an escaped backslash before u0000 is not U+0000", arguments: LogKind.available)
  func escapedBackslash(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let event = NewEvent.named("Fine", body: #"{"a":"\\u0000"}"#)
      _ = try await log.append(Append(key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: [event]))
      #expect(try await log.event(at: Position(2))?.body == event.body)
    }
  }

  @Test("a cause that is not in the log is refused", arguments: LogKind.available, [Int64(0), 2, 3, -5])
  func cause(_ kind: LogKind, position: Int64) async throws {
    try await kind.withExperiment { log, id in
      let events = [NewEvent.named("Fine"), .named("Bad", cause: .recorded(Position(position)))]
      let error = await #expect(throws: EventLogError.self) {
        try await log.append(Append(key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: events))
      }
      guard case .invalidEvent = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("an append whose last part is refused writes nothing", arguments: LogKind.available)
  func allOrNone(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let learner = Consumer(name: "learner", experiment: id)
      let before = try await log.head()
      await #expect(throws: EventLogError.self) {
        try await log.append(
          Append(
            key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: [.full(1), .full(2)],
            acknowledgement: Acknowledgement(consumer: learner, from: Position(1)), state: "broken"))
      }
      #expect(try await log.head() == before)
      #expect(try await log.read(experiment: nil, after: .start, types: nil, limit: 10).count == 1)
      #expect(try await log.generations(at: [Position(2), Position(3)]).isEmpty)
      #expect(try await log.appends(after: .start, limit: 10).count == 1)
      #expect(try await log.experiment(id)?.state == "created")
      // The key is not spent either.
      #expect(try await log.append(.control("k", id, at: 1)).replayed == false)
    }
  }

  @Test("U+0000 that a model produced does not stop the log", arguments: LogKind.available)
  func nullInCompletion(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let generation = GenerationRecord(
        tokens: [1], logProbabilities: [-1], prompt: "p", completion: "a\0b", sampling: Data("{}".utf8),
        randomKey: Data(), finish: "stop")
      let event = NewEvent(type: "AttemptMade", body: Data("{}".utf8), generation: generation)
      _ = try await log.append(Append(key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: [event]))
      #expect(try await log.generations(at: [Position(2)])[Position(2)]?.completion == "a\u{FFFD}b")
      #expect(try await ChainAudit.audit(log).appends == 2)
    }
  }
}
