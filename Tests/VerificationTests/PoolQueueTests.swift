import Testing
import Verification
import VerifierProtocol

@Suite("The pool's queue, as a value")
struct PoolQueueTests {
  private func jobs(_ count: Int) -> [VerifierJob] { (0..<count).map { .literal(LiteralJob(text: "\($0)")) } }

  private func reply(_ ticket: PoolQueue.Ticket) -> VerifierReply {
    guard case .literal(let job) = ticket.job else { preconditionFailure("only literals here") }
    return .literal(.text(job.text))
  }

  @Test("an order is complete with its last reply, in the order of its jobs")
  func completion() {
    var queue = PoolQueue(retriesMax: 1)
    _ = queue.add(order: 1, jobs: jobs(3))
    let tickets = queue.take(max: 8)
    #expect(tickets.count == 3 && !queue.hasWaiting)
    #expect(queue.answer(ticket: tickets[2].id, reply: reply(tickets[2]))?.order == nil)
    #expect(queue.answer(ticket: tickets[0].id, reply: reply(tickets[0]))?.order == nil)
    guard case (1, .finished(let replies))? = queue.answer(ticket: tickets[1].id, reply: reply(tickets[1])) else {
      Issue.record("the order is not complete")
      return
    }
    #expect(replies == ["0", "1", "2"].map { .literal(.text($0)) })
    #expect(queue.openCount == 0)
  }

  @Test("an empty order is complete at once")
  func empty() {
    var queue = PoolQueue(retriesMax: 1)
    guard case .finished([])? = queue.add(order: 1, jobs: []) else {
      Issue.record("not complete")
      return
    }
  }

  @Test("only the job being worked on counts a loss, and it travels alone afterwards")
  func loss() {
    var queue = PoolQueue(retriesMax: 1)
    _ = queue.add(order: 1, jobs: jobs(3))
    #expect(queue.lose(queue.take(max: 8))?.order == nil)
    #expect(queue.lossesCount == 1)
    let retried = queue.take(max: 8)
    #expect(retried.map(\.losses) == [1])
    let others = queue.take(max: 8)
    #expect(others.map(\.losses) == [0, 0])
  }

  @Test("a job lost too often fails its order and takes the order's other jobs out of the queue")
  func failure() {
    var queue = PoolQueue(retriesMax: 1)
    _ = queue.add(order: 1, jobs: jobs(2))
    _ = queue.add(order: 2, jobs: jobs(1))
    _ = queue.lose(queue.take(max: 1))
    guard case (1, .failed(.workerLost(attempts: 2)))? = queue.lose(queue.take(max: 1)) else {
      Issue.record("the order has not failed")
      return
    }
    #expect(queue.waitingCount == 1 && queue.openCount == 1)
  }

  @Test("a forgotten order's late replies and losses are dropped")
  func forgotten() {
    var queue = PoolQueue(retriesMax: 0)
    _ = queue.add(order: 1, jobs: jobs(2))
    let tickets = queue.take(max: 2)
    queue.forget(order: 1)
    #expect(queue.answer(ticket: tickets[0].id, reply: reply(tickets[0]))?.order == nil)
    #expect(queue.lose([tickets[1]])?.order == nil)
    #expect(queue.openCount == 0 && !queue.hasWaiting && queue.lossesCount == 0)
  }

  @Test("a closed queue refuses with the reason it was closed for")
  func closed() {
    var queue = PoolQueue(retriesMax: 0)
    _ = queue.add(order: 5, jobs: jobs(1))
    #expect(queue.close(error: .missingLayers([])) == [5])
    guard case .failed(.missingLayers([]))? = queue.add(order: 6, jobs: jobs(1)) else {
      Issue.record("not refused")
      return
    }
  }
}
