import EventLog
import Foundation
import Testing

@Suite("Every log: consumers")
struct ConsumerConformanceTests {
  @Test("a consumer begins at the start and moves by compare-and-set", arguments: LogKind.available)
  func compareAndSet(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      _ = try await log.append(.control("k", id, at: 1))
      let learner = Consumer(name: "learner", experiment: id)
      #expect(
        try await log.consumer(learner)
          == ConsumerRecord(consumer: learner, position: .start, state: .running, failure: nil))
      let step = Acknowledgement(consumer: learner, from: .start, to: Position(1))
      #expect(try await log.acknowledge(step) == .stored)
      #expect(try await log.acknowledge(step) == .alreadyThere)
      await #expect(
        throws: EventLogError.acknowledgeConflict(consumer: learner, expected: .start, found: Position(1))
      ) { try await log.acknowledge(Acknowledgement(consumer: learner, from: .start, to: Position(2))) }
      #expect(try await log.consumer(learner).position == Position(1))
    }
  }

  @Test("a position beyond the head cannot be acknowledged", arguments: LogKind.available)
  func beyondHead(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let learner = Consumer(name: "learner", experiment: id)
      await #expect(throws: EventLogError.acknowledgedBeyondHead(to: Position(2), head: Position(1))) {
        try await log.acknowledge(Acknowledgement(consumer: learner, from: .start, to: Position(2)))
      }
    }
  }

  @Test("an append acknowledges up to itself, or up to where it says", arguments: LogKind.available)
  func withAppend(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let learner = Consumer(name: "learner", experiment: id)
      let all = Consumer(name: "learner", experiment: nil)
      var append = Append.control("k1", id, at: 1)
      append.acknowledgement = Acknowledgement(consumer: learner, from: .start)
      _ = try await log.append(append)
      #expect(try await log.consumer(learner).position == Position(2))

      append = .control("k2", id, at: 2)
      append.acknowledgement = Acknowledgement(consumer: all, from: .start, to: Position(1))
      _ = try await log.append(append)
      #expect(try await log.consumer(all).position == Position(1))

      append = .control("k3", id, at: 3)
      append.acknowledgement = Acknowledgement(consumer: learner, from: Position(1))
      await #expect(
        throws: EventLogError.acknowledgeConflict(consumer: learner, expected: Position(1), found: Position(2))
      ) { try await log.append(append) }
      #expect(try await log.head().position == Position(3))
    }
  }

  @Test("versions and experiments of one name have rows of their own", arguments: LogKind.available)
  func rows(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let consumers = [
        Consumer(name: "a", version: 1, experiment: nil), Consumer(name: "a", version: 1, experiment: id),
        Consumer(name: "a", version: 2, experiment: id), Consumer(name: "b", version: 1, experiment: nil),
      ]
      for consumer in consumers.reversed() {
        _ = try await log.acknowledge(Acknowledgement(consumer: consumer, from: .start, to: Position(1)))
      }
      #expect(try await log.consumers().map(\.consumer) == consumers)
    }
  }

  @Test(
    "a failure stops one consumer, keeps its position, and is cleared by running again", arguments: LogKind.available)
  func states(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let learner = Consumer(name: "learner", experiment: id)
      _ = try await log.acknowledge(Acknowledgement(consumer: learner, from: .start, to: Position(1)))
      try await log.setState(.failed, of: learner, failure: "unknown event type Foo")
      #expect(
        try await log.consumer(learner)
          == ConsumerRecord(
            consumer: learner, position: Position(1), state: .failed, failure: "unknown event type Foo"))
      try await log.setState(.running, of: learner, failure: nil)
      #expect(try await log.consumer(learner).failure == nil)
      await #expect(throws: EventLogError.unknownExperiment(.numbered(9))) {
        try await log.setState(.paused, of: Consumer(name: "x", experiment: .numbered(9)), failure: nil)
      }
    }
  }

  @Test(
    "one that is paused or failed acknowledges nothing, by itself or with an append, until it runs again",
    arguments: LogKind.available)
  func stopped(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      let learner = Consumer(name: "learner", experiment: id)
      for state in [ConsumerState.paused, .failed] {
        try await log.setState(state, of: learner, failure: "no")
        await #expect(throws: EventLogError.consumerStopped(learner)) {
          try await log.acknowledge(Acknowledgement(consumer: learner, from: .start, to: Position(1)))
        }
        var append = Append.control("with \(state)", id, at: 1)
        append.acknowledgement = Acknowledgement(consumer: learner, from: .start)
        let refused = append
        await #expect(throws: EventLogError.consumerStopped(learner)) { try await log.append(refused) }
      }
      let head = try await log.head().position
      #expect(head == Position(1))
      try await log.setState(.running, of: learner, failure: nil)
      let outcome = try await log.acknowledge(Acknowledgement(consumer: learner, from: .start, to: Position(1)))
      #expect(outcome == .stored)
    }
  }

  @Test("of eight that acknowledge different positions at once, exactly one is stored", arguments: LogKind.available)
  func race(_ kind: LogKind) async throws {
    try await kind.withExperiment { log, id in
      _ = try await log.append(
        Append(key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: (0..<8).map { .named("E\($0)") }))
      let learner = Consumer(name: "learner", experiment: id)
      let stored = await withTaskGroup(of: Bool.self) { group in
        for number in 1...8 {
          let step = Acknowledgement(consumer: learner, from: .start, to: Position(Int64(number)))
          group.addTask { (try? await log.acknowledge(step)) == .stored }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(stored == 1)
    }
  }
}
