import FoundationEssentials

/// Events with their generations, for an audit that asks for them in order: small appends share a read, and the next page is
/// read while this one is hashed.
final class AuditPages {
  private struct Page: Sendable {
    let events: [RecordedEvent]
    let generations: [Position: GenerationRecord]
  }

  private let log: any EventLog
  private let experiment: ExperimentID?
  private let pageSize: Int
  private var events: ArraySlice<RecordedEvent> = []
  private var generations: [Position: GenerationRecord] = [:]
  private var next: (after: Position, page: Task<Page, any Error>)?

  init(_ log: any EventLog, experiment: ExperimentID?, pageSize: Int) {
    self.log = log
    self.experiment = experiment
    self.pageSize = pageSize
  }

  deinit { next?.page.cancel() }

  /// The event at a position, which is after every one asked for before; nil if it is missing.
  func event(at position: Position) async throws(EventLogError) -> (RecordedEvent, GenerationRecord?)? {
    while let first = events.first, first.position < position { events.removeFirst() }
    if events.isEmpty { try await turn(to: Position(position.rawValue - 1)) }
    guard let event = events.first, event.position == position else { return nil }
    events.removeFirst()
    return (event, generations[position])
  }

  private func turn(to before: Position) async throws(EventLogError) {
    let task = next?.after == before ? next?.page : nil
    if task == nil { next?.page.cancel() }
    next = nil
    let page: Page
    do { page = if let task { try await task.value } else { try await read(after: before).value } } catch {
      throw error as? EventLogError ?? .cancelled(operation: "reading a page")
    }
    events = page.events[...]
    generations = page.generations
    if page.events.count == pageSize, let last = page.events.last?.position { next = (last, read(after: last)) }
  }

  private func read(after position: Position) -> Task<Page, any Error> {
    let (log, experiment, limit) = (log, experiment, pageSize)
    return Task {
      let events = try await log.read(experiment: experiment, after: position, types: nil, limit: limit)
      return Page(events: events, generations: try await log.generations(at: events.map(\.position)))
    }
  }
}

/// Recomputes the roots of sealed segments from events that come in the order of the log.
struct SegmentRoots {
  private var sealed: ArraySlice<SegmentRecord>
  private var tree = MerkleTree()
  private(set) var checked = 0

  /// - Parameter segments: all of the log's, in order.
  init(_ segments: [SegmentRecord]) {
    sealed = segments.filter { $0.state == .sealed || $0.state == .exported }[...]
  }

  /// Takes the next event. Returns what is wrong when it ends a segment whose root is another.
  mutating func take(_ event: RecordedEvent, _ generation: GenerationRecord?) -> Damage? {
    guard let segment = sealed.first, segment.contains(event.position) else { return nil }
    if event.position == segment.first { tree = MerkleTree() }
    tree.add(EventLeaf.hash(event, generation))
    guard event.position == segment.last else { return nil }
    sealed.removeFirst()
    guard tree.root == segment.root else {
      return Damage(
        table: "log.segments", position: segment.first, key: "segment \(segment.number)",
        reason: "its events and generations give another root")
    }
    checked += 1
    return nil
  }
}
