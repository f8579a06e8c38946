import FoundationEssentials

/// Recomputes the log's hash chain from what is stored: contiguity, digests of events and generations, links, head.
///
/// It reads in pages, so its memory does not grow with the log. `autodidact verify` calls it, and every fault test.
package struct ChainAudit {
  /// How far the audit came, all of it found whole.
  package struct Report: Hashable, Sendable {
    package let appends: Int
    package let head: LogHead

    package init(appends: Int, head: LogHead) {
      self.appends = appends
      self.head = head
    }
  }

  private let log: any EventLog
  private var versions: [ExperimentID: Int64] = [:]
  private var position = Position.start
  private var hash = HashChain.genesis
  private var appends = 0
  /// Events read ahead, contiguous, with their generations: small appends share a read.
  private var pageEvents: ArraySlice<RecordedEvent> = []
  private var pageGenerations: [Position: GenerationRecord] = [:]
  private let pageSize: Int

  private init(_ log: any EventLog, pageSize: Int) {
    self.log = log
    self.pageSize = pageSize
  }

  /// Audits the log up to its head as it was at the beginning.
  /// - Throws: `.corrupt` naming the first bad position, or what reading throws.
  package static func audit(_ log: any EventLog, pageSize: Int = 1000) async throws(EventLogError) -> Report {
    let head = try await log.head()
    var audit = ChainAudit(log, pageSize: pageSize)
    // A fork's own events count on from the last one it shares.
    for record in try await log.experiments() { audit.versions[record.id] = record.parent?.version }
    while audit.position < head.position {
      let page = try await log.appends(after: audit.position, limit: pageSize)
      guard !page.isEmpty else {
        throw .corrupt("the head is at \(head.position), but the appends end at \(audit.position)")
      }
      for append in page where append.first <= head.position { try await audit.check(append) }
    }
    guard audit.hash == head.hash else {
      throw .corrupt("the head's hash at \(head.position) differs from the chain's")
    }
    return Report(appends: audit.appends, head: head)
  }

  private mutating func check(_ append: AppendRecord) async throws(EventLogError) {
    guard append.first == position.advanced(by: 1), append.last >= append.first else {
      throw .corrupt("the append after position \(position) covers \(append.first)...\(append.last)")
    }
    guard append.firstVersion == versions[append.experiment, default: 0] + 1 else {
      throw .corrupt("the append at \(append.first) starts at version \(append.firstVersion) of its experiment")
    }
    guard append.previousHash == hash else {
      throw .corrupt("the append at \(append.first) is not linked to the one before it")
    }
    guard try await digest(of: append) == append.digest else {
      throw .corrupt("the events or generations at \(append.first)...\(append.last) differ from their digest")
    }
    let expected = HashChain.hash(
      previous: hash, digest: append.digest, first: append.first, last: append.last, epoch: append.epoch,
      recordedAt: append.recordedAt, key: append.key)
    guard append.hash == expected else { throw .corrupt("the hash of the append at \(append.first) is wrong") }
    hash = append.hash
    position = append.last
    versions[append.experiment] = append.firstVersion + Int64(append.count) - 1
    appends += 1
  }

  private mutating func digest(of append: AppendRecord) async throws(EventLogError) -> Data {
    let events = try await take(append.count, from: append.first)
    var digest = AppendDigest(
      experiment: append.experiment, firstVersion: append.firstVersion, count: append.count)
    for (index, event) in events.enumerated() {
      guard event.position == append.first.advanced(by: index) else {
        throw .corrupt("an event is missing at position \(append.first.advanced(by: index))")
      }
      guard event.experiment == append.experiment, event.version == append.firstVersion + Int64(index),
        event.recordedAt == append.recordedAt
      else {
        throw .corrupt("the event at \(event.position) disagrees with its append on experiment, version or time")
      }
      digest.add(event.asWritten(first: append.first, generation: pageGenerations[event.position]))
    }
    guard events.count == append.count else {
      throw .corrupt("an event is missing at position \(append.first.advanced(by: events.count))")
    }
    return digest.finish()
  }

  /// The events from a position on, at most `count`, out of the page or of the next one.
  private mutating func take(_ count: Int, from first: Position) async throws(EventLogError) -> ArraySlice<
    RecordedEvent
  > {
    if pageEvents.count < count || pageEvents.first?.position != first {
      let before = Position(first.rawValue - 1)
      let page = try await log.read(experiment: nil, after: before, types: nil, limit: max(count, pageSize))
      pageGenerations = try await log.generations(at: page.map(\.position))
      pageEvents = page[...]
    }
    defer { pageEvents = pageEvents.dropFirst(count) }
    return pageEvents.prefix(count)
  }
}

extension RecordedEvent {
  /// The event as its writer gave it: a cause inside the same append was an index then.
  fileprivate func asWritten(first: Position, generation: GenerationRecord?) -> NewEvent {
    let writtenCause = cause.map { cause in
      cause < first ? NewEvent.Cause.recorded(cause) : .sibling(Int(cause.rawValue - first.rawValue))
    }
    return NewEvent(
      type: type, schemaVersion: schemaVersion, iteration: iteration, policyVersion: policyVersion,
      cause: writtenCause, body: body, generation: generation)
  }
}
