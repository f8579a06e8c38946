import EventLog
import Foundation
import Synchronization
import Testing

@Suite("A consumer's loop")
struct ConsumerLoopTests {
  private struct Poisoned: Error, CustomStringConvertible {
    let description = "cannot be handled"
  }

  /// A log with 20 events `Happened`, but the 13th is `Poison`.
  private func withEvents(_ kind: LogKind, _ body: (any EventLog, ExperimentID) async throws -> Void) async throws {
    try await kind.withExperiment { log, id in
      let events = (2...20).map { NewEvent.named($0 == 13 ? "Poison" : "Happened") }
      _ = try await log.append(Append(key: "k", experiment: id, expectedVersion: 1, epoch: nil, events: events))
      try await body(log, id)
    }
  }

  @Test(
    "every event is dealt with once, in order, whatever the size of batches", arguments: LogKind.available, [1, 7, 100])
  func order(_ kind: LogKind, _ size: Int) async throws {
    try await withEvents(kind) { log, id in
      let seen = Mutex<[Int64]>([])
      let loop = ConsumerLoop(log, consumer: Consumer(name: "c", experiment: id), batchMax: size) {
        events, acknowledgement in
        _ = try await log.acknowledge(acknowledgement)
        seen.withLock { $0 += events.map(\.version) }
      }
      let end = try await loop.catchUp()
      #expect(end == .caughtUp(Position(20)))
      let again = try await loop.catchUp()
      #expect(again == .caughtUp(Position(20)))
      #expect(seen.withLock { $0 } == Array(1...20))
    }
  }

  @Test(
    "a poisoned event stops its consumer at it, names it, and leaves the other running", arguments: LogKind.available)
  func poison(_ kind: LogKind) async throws {
    try await withEvents(kind) { log, id in
      let (bad, good) = (Consumer(name: "bad", experiment: id), Consumer(name: "good", experiment: id))
      let loop = ConsumerLoop(log, consumer: bad, batchMax: 8) { events, acknowledgement in
        if events.contains(where: { $0.type == "Poison" }) { throw Poisoned() }
        _ = try await log.acknowledge(acknowledgement)
      }
      let failure = "Poison at position 13: cannot be handled"
      let end = try await loop.catchUp()
      #expect(end == .failed(failure))
      let row = try await log.consumer(bad)
      #expect(row == ConsumerRecord(consumer: bad, position: Position(12), state: .failed, failure: failure))
      let again = try await loop.catchUp()
      #expect(again == .failed(failure))
      let other = ConsumerLoop(log, consumer: good) { _, acknowledgement in
        _ = try await log.acknowledge(acknowledgement)
      }
      let others = try await other.catchUp()
      #expect(others == .caughtUp(Position(20)))
    }
  }

  @Test("a paused consumer does nothing until it is resumed", arguments: LogKind.available)
  func paused(_ kind: LogKind) async throws {
    try await withEvents(kind) { log, id in
      let consumer = Consumer(name: "c", experiment: id)
      let loop = ConsumerLoop(log, consumer: consumer) { _, acknowledgement in
        _ = try await log.acknowledge(acknowledgement)
      }
      try await log.setState(.paused, of: consumer, failure: nil)
      let end = try await loop.follow(poll: .milliseconds(10))
      #expect(end == .paused)
      let position = try await log.consumer(consumer).position
      #expect(position == .start)
      try await log.setState(.running, of: consumer, failure: nil)
      let resumed = try await loop.catchUp()
      #expect(resumed == .caughtUp(Position(20)))
    }
  }

  @Test(
    "an effect whose acknowledgement was refused is not repeated when another took over", arguments: LogKind.available)
  func overtaken(_ kind: LogKind) async throws {
    try await withEvents(kind) { log, id in
      let consumer = Consumer(name: "c", experiment: id)
      let loop = ConsumerLoop(log, consumer: consumer) { _, acknowledgement in
        _ = try await log.acknowledge(Acknowledgement(consumer: consumer, from: .start, to: Position(3)))
        _ = try await log.acknowledge(acknowledgement)
      }
      await #expect(
        throws: EventLogError.acknowledgeConflict(consumer: consumer, expected: .start, found: Position(3))
      ) { try await loop.catchUp() }
    }
  }
}
