import VerifierProtocol

/// What waits, what is out, and what is done: the pool's state as a value. Inputs move it, answers say what to do; no
/// clock, no process, no suspension. `VerifierPool` is the shell around it.
package struct PoolQueue {
  /// A job in the queue: whom its reply belongs to, and how often it lost a worker.
  package struct Ticket: Hashable {
    package var id: Int
    package var job: VerifierJob
    package var losses: Int
  }

  /// A caller's list of jobs, complete when every reply is there.
  private struct Order {
    var replies: [VerifierReply?]
    var missing: Int
  }

  /// What became of an order.
  package enum Completion {
    case finished([VerifierReply])
    case failed(VerificationError)
  }

  package let retriesMax: Int
  package private(set) var isClosed = false
  package private(set) var failure: VerificationError?
  /// Jobs whose worker was lost and that were queued again, since the start.
  package private(set) var lossesCount = 0
  private var waiting: [Ticket] = []
  private var places: [Int: (order: Int, index: Int)] = [:]
  private var orders: [Int: Order] = [:]
  private var nextTicket = 0

  package init(retriesMax: Int) { self.retriesMax = retriesMax }

  package var hasWaiting: Bool { !waiting.isEmpty }
  package var waitingCount: Int { waiting.count }
  /// Tickets that belong to an order not yet complete, waiting or out.
  package var openCount: Int { places.count }

  /// Queues an order's jobs, in their order. An empty order is complete at once.
  package mutating func add(order: Int, jobs: [VerifierJob]) -> Completion? {
    if let failure { return .failed(failure) }
    if isClosed { return .failed(.closed) }
    if jobs.isEmpty { return .finished([]) }
    orders[order] = Order(replies: Array(repeating: nil, count: jobs.count), missing: jobs.count)
    for (index, job) in jobs.enumerated() {
      places[nextTicket] = (order, index)
      waiting.append(Ticket(id: nextTicket, job: job, losses: 0))
      nextTicket += 1
    }
    return nil
  }

  /// Takes the next batch for a worker. A job that lost a worker travels alone, so that it cannot take others with it.
  package mutating func take(max: Int) -> [Ticket] {
    guard let first = waiting.first else { return [] }
    let count = first.losses > 0 ? 1 : waiting.prefix(max).prefix { $0.losses == 0 }.count
    defer { waiting.removeFirst(count) }
    return Array(waiting.prefix(count))
  }

  /// A reply has arrived. Replies to forgotten orders are dropped.
  package mutating func answer(ticket: Int, reply: VerifierReply) -> (order: Int, Completion)? {
    guard let place = places.removeValue(forKey: ticket), var order = orders[place.order] else { return nil }
    precondition(order.replies[place.index] == nil, "ticket \(ticket) is answered twice")
    order.replies[place.index] = reply
    order.missing -= 1
    orders[place.order] = order.missing == 0 ? nil : order
    return order.missing == 0 ? (place.order, .finished(order.replies.map { $0! })) : nil
  }

  /// A worker is gone with these tickets. Only the first was being worked on and counts the loss; all are queued again, in
  /// front. An order whose job has been lost too often fails.
  package mutating func lose(_ tickets: [Ticket]) -> (order: Int, Completion)? {
    var tickets = tickets.filter { places[$0.id] != nil }
    guard !tickets.isEmpty else { return nil }
    lossesCount += 1
    tickets[0].losses += 1
    var failed: (order: Int, Completion)?
    if tickets[0].losses > retriesMax, let order = places[tickets[0].id]?.order {
      failed = (order, .failed(.workerLost(attempts: tickets[0].losses)))
      forget(order: order)
      tickets.removeAll { places[$0.id] == nil }
    }
    waiting.insert(contentsOf: tickets, at: 0)
    return failed
  }

  /// The caller of an order is no longer interested.
  package mutating func forget(order: Int) {
    orders[order] = nil
    places = places.filter { $0.value.order != order }
    waiting.removeAll { places[$0.id] == nil }
  }

  /// No more orders; those under way fail. `error` is the reason, remembered for later callers; nil for an ordinary
  /// shutdown. Returns the orders that must be told.
  package mutating func close(error: VerificationError?) -> [Int] {
    isClosed = true
    failure = failure ?? error
    let open = orders.keys.sorted()
    orders.removeAll()
    places.removeAll()
    waiting.removeAll()
    return open
  }
}
