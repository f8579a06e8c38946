import FoundationEssentials

/// Events with their generations, read ahead of an audit that asks for them in order: small appends share a read.
final class AuditPages {
  private let log: any EventLog
  private let experiment: ExperimentID?
  private let pageSize: Int
  private var events: ArraySlice<RecordedEvent> = []
  private var generations: [Position: GenerationRecord] = [:]

  init(_ log: any EventLog, experiment: ExperimentID?, pageSize: Int) {
    self.log = log
    self.experiment = experiment
    self.pageSize = pageSize
  }

  /// The event at a position, which is after every one asked for before; nil if it is missing.
  func event(at position: Position) async throws(EventLogError) -> (RecordedEvent, GenerationRecord?)? {
    while let first = events.first, first.position < position { events.removeFirst() }
    if events.isEmpty {
      let before = Position(position.rawValue - 1)
      let page = try await log.read(experiment: experiment, after: before, types: nil, limit: pageSize)
      generations = try await log.generations(at: page.map(\.position))
      events = page[...]
    }
    guard let event = events.first, event.position == position else { return nil }
    events.removeFirst()
    return (event, generations[position])
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
