/// Drives one consumer: reads what it has not dealt with yet, hands it over batch by batch, and goes on with what comes.
///
/// Whoever handles a batch acknowledges it in the transaction of its effect, so that neither is there without the other; after
/// a crash in between nothing has happened. A batch that cannot be handled is handed over again event by event, so that the
/// one that cannot be is known: it stops this consumer, by name and position, and nobody else.
package struct ConsumerLoop: Sendable {
  /// Why a loop ended.
  package enum End: Hashable, Sendable {
    /// Everything that was in the log is dealt with.
    case caughtUp(Position)
    /// Somebody paused it.
    case paused
    /// An event could not be handled; the consumer's row says which and why.
    case failed(String)
    case cancelled
  }

  /// Deals with events, at least one, in order, and acknowledges as it is told, in one transaction.
  package typealias Handler = @Sendable ([RecordedEvent], Acknowledgement) async throws -> Void

  private let log: any EventLog
  private let consumer: Consumer
  private let types: [String]?
  private let batchMax: Int
  private let handle: Handler

  /// - Parameters:
  ///   - types: only events of these types are handed over; the others are acknowledged with them.
  ///   - batchMax: events of one batch, at most `LogLimits.readMax`.
  package init(
    _ log: any EventLog, consumer: Consumer, types: [String]? = nil, batchMax: Int = 1000, handle: @escaping Handler
  ) {
    precondition((1...LogLimits.readMax).contains(batchMax), "batches of \(batchMax) events")
    self.log = log
    self.consumer = consumer
    self.types = types
    self.batchMax = batchMax
    self.handle = handle
  }

  /// Deals with what is in the log now.
  /// - Throws: the log's errors, such as an outage: the consumer goes on where it was when it is called again.
  package func catchUp() async throws(EventLogError) -> End {
    while true {
      if Task.isCancelled { return .cancelled }
      let record = try await log.consumer(consumer)
      switch record.state {
      case .running: break
      case .paused: return .paused
      case .failed: return .failed(record.failure ?? "")
      }
      let events = try await log.read(
        experiment: consumer.experiment, after: record.position, types: types, limit: batchMax)
      guard let last = events.last else { return .caughtUp(record.position) }
      if let failure = try await deal(with: events, from: record.position, to: last.position) {
        return try await stop(failure)
      }
    }
  }

  /// Catches up, and again whenever the log grows, until it is paused, fails or is cancelled.
  /// - Parameter poll: how long a paused consumer, or a lost notification, can go unnoticed.
  package func follow(poll: Duration) async throws(EventLogError) -> End {
    while true {
      let end = try await catchUp()
      guard case .caughtUp(let position) = end else { return end }
      await log.wait(after: position, timeout: poll)
    }
  }

  /// Hands a batch over; when that fails, its events one by one. Returns what the one that cannot be handled is.
  private func deal(
    with events: [RecordedEvent], from: Position, to: Position
  ) async throws(EventLogError) -> String? {
    guard try await attempt(events, from: from, to: to) != nil else { return nil }
    var position = from
    for event in events {
      if let failure = try await attempt([event], from: position, to: event.position) {
        return "\(event.type) at position \(event.position): \(failure)"
      }
      position = event.position
    }
    return nil
  }

  /// - Returns: why the events cannot be handled; nil if they were.
  private func attempt(
    _ events: [RecordedEvent], from: Position, to: Position
  ) async throws(EventLogError) -> String? {
    do {
      try await handle(events, Acknowledgement(consumer: consumer, from: from, to: to))
      return nil
    } catch let error as EventLogError {
      throw error
    } catch is CancellationError {
      throw .cancelled(operation: "handling events")
    } catch {
      return "\(error)"
    }
  }

  private func stop(_ failure: String) async throws(EventLogError) -> End {
    try await log.setState(.failed, of: consumer, failure: failure)
    return .failed(failure)
  }
}
