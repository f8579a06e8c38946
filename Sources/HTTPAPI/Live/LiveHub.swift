import EventLog
import Foundation
import Logging
import Postgres
import Synchronization

/// Something was appended to an experiment: what a page needs to know what to load again. docs/http.md has its JSON.
struct LiveChange: Encodable, Hashable, Sendable {
  var experiment: String
  var position: Int64
  var state: String
  /// The newest iteration that has begun; 0 is seeding; nil before it.
  var iteration: Int?
  /// Number of its events.
  var version: Int64
}

/// Watches the log once for all clients of the live stream, however many there are.
///
/// A change is a hint to load again, so a client that is too slow loses old ones and nothing else.
final class LiveHub: Sendable {
  enum Item: Sendable {
    /// The first of a stream.
    case hello
    case change(LiveChange)
    /// A sign of life.
    case beat
  }

  private struct Client {
    var experiment: String?
    var continuation: AsyncStream<Item>.Continuation
  }

  private struct State {
    var clients: [Int: Client] = [:]
    var next = 0
    var isOver = false
  }

  /// Changes that wait for a slow client.
  private static let backlogMax = 256
  /// Experiments that one look can tell of; the next look tells of the others.
  private static let changesMax = 500

  private let log: any EventLog
  private let reading: Reading
  private let clientsMax: Int
  private let heartbeat: Duration
  private let state = Mutex(State())

  init(log: any EventLog, reading: Reading, clientsMax: Int, heartbeat: Duration) {
    self.log = log
    self.reading = reading
    self.clientsMax = clientsMax
    self.heartbeat = heartbeat
  }

  var clients: Int { state.withLock { $0.clients.count } }

  /// Adds a client.
  /// - Parameters:
  ///   - experiment: nil for all.
  ///   - changes: what it has missed, to be told first.
  /// - Throws: `tooManyClients`.
  func join(_ experiment: String?, missed changes: [LiveChange]) throws(WebError) -> AsyncStream<Item> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Item.self, bufferingPolicy: .bufferingNewest(Self.backlogMax))
    let id: Int? = state.withLock { state in
      guard !state.isOver, state.clients.count < clientsMax else { return nil }
      state.next += 1
      state.clients[state.next] = Client(experiment: experiment, continuation: continuation)
      return state.next
    }
    guard let id else {
      throw WebError(.tooManyClients, "\(clientsMax) clients follow the log already", retryAfter: 30)
    }
    continuation.onTermination = { [weak self] _ in self?.leave(id) }
    continuation.yield(.hello)
    for change in changes { continuation.yield(.change(change)) }
    continuation.yield(.beat)
    return stream
  }

  private func leave(_ id: Int) { state.withLock { _ = $0.clients.removeValue(forKey: id) } }

  /// Ends every stream; nobody joins after it.
  func end() {
    let clients = state.withLock { state in
      state.isOver = true
      return state.clients.values.map(\.continuation)
    }
    for client in clients { client.finish() }
  }

  /// Follows the log until it is cancelled. While nobody listens it only waits.
  func run() async {
    var seen: Int64?
    var lastBeat = ContinuousClock.now
    while !Task.isCancelled {
      let head = (try? await log.head().position.rawValue) ?? -1
      if head < 0 {
        // The database is away. The streams stay: their clients are told when it is back.
        try? await Task.sleep(for: .seconds(1))
      } else if let last = seen, head > last, clients > 0 {
        if let changes = try? await changes(after: last, experiment: nil) {
          tell(changes)
          seen = changes.count < Self.changesMax ? max(head, changes.last?.position ?? head) : changes.last?.position
        }
      } else {
        seen = head
      }
      if ContinuousClock.now - lastBeat >= heartbeat {
        lastBeat = .now
        for client in state.withLock({ Array($0.clients.values) }) { client.continuation.yield(.beat) }
      }
      if head >= 0 { await log.wait(after: Position(max(head, 0)), timeout: min(heartbeat, .seconds(2))) }
    }
  }

  private func tell(_ changes: [LiveChange]) {
    let clients = state.withLock { Array($0.clients.values) }
    for change in changes {
      for client in clients where client.experiment == nil || client.experiment == change.experiment {
        client.continuation.yield(.change(change))
      }
    }
  }

  /// The experiments whose last event is after a position, in order of it.
  func changes(after position: Int64, experiment: String?) async throws(WebError) -> [LiveChange] {
    try await reading.run { (connection: isolated Connection) throws(PostgresError) in
      var changes: [LiveChange] = []
      let rows = try connection.query(
        """
        select x.name, x.last_position, x.state, x.version,
               (select e.iteration from log.events e
                where e.experiment = x.number and e.type = 'IterationStarted' order by e.position desc limit 1)
        from log.experiments x
        where x.last_position > $1 and ($2::text is null or x.name = $2) and x.name not like 'evaluation/%'
        order by x.last_position limit \(Self.changesMax)
        """, [.int64(position), .text(experiment)])
      for row in rows {
        changes.append(
          LiveChange(
            experiment: try row.text(0), position: try row.int64(1), state: try row.text(2),
            iteration: try row.optionalInt32(4).map(Int.init), version: try row.int64(3)))
      }
      return changes
    }
  }
}
