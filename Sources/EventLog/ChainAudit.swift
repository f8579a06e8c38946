import FoundationEssentials

/// Recomputes the log's hash chain from what is stored: contiguity, versions, links, digests of events and generations,
/// roots of sealed segments, head.
///
/// It reads in pages, so its memory does not grow with the log. `autodidact verify` calls it, and every fault test.
package struct ChainAudit {
  /// What is recomputed. Links, positions and versions always are.
  package struct Scope: Hashable, Sendable {
    /// Digests of this experiment's appends only; nil: of all, and the roots of segments.
    package var experiment: ExperimentID?
    /// Digests of appends that begin after this position only.
    package var digestsAfter: Position

    package init(experiment: ExperimentID? = nil, digestsAfter: Position = .start) {
      self.experiment = experiment
      self.digestsAfter = digestsAfter
    }
  }

  /// How far the audit came, all of it found whole.
  package struct Report: Hashable, Sendable {
    package var appends: Int
    package var head: LogHead
    /// Events whose digest was recomputed.
    package var events = 0
    /// Sealed segments whose root was recomputed.
    package var segments = 0
    /// Where each experiment's appends end.
    package var ends: [ExperimentID: End] = [:]

    /// Version and position of an experiment's last event.
    package struct End: Hashable, Sendable {
      package let version: Int64
      package let position: Position
    }

    package init(appends: Int, head: LogHead) {
      self.appends = appends
      self.head = head
    }
  }

  /// What came of an audit.
  package enum Outcome: Hashable, Sendable {
    case whole(Report)
    case damaged(Damage)
  }

  private enum Stop: Error {
    case damage(Damage)
    case log(EventLogError)
  }

  private let log: any EventLog
  private let scope: Scope
  private let pages: AuditPages
  private var position = Position.start
  private var hash = HashChain.genesis
  private var report: Report
  /// Forks: the last version they share with their parent, from which their own count on.
  private var shared: [ExperimentID: Int64] = [:]
  private var segments: SegmentRoots
  private let detached: [SegmentRecord]

  private init(_ log: any EventLog, head: LogHead, segments: [SegmentRecord], scope: Scope, pageSize: Int) {
    self.log = log
    self.scope = scope
    pages = AuditPages(log, experiment: scope.experiment, pageSize: pageSize)
    report = Report(appends: 0, head: head)
    let isWhole = scope.experiment == nil && scope.digestsAfter == .start
    self.segments = SegmentRoots(isWhole ? segments : [])
    detached = segments.filter { $0.state == .detached }
  }

  /// Audits the log up to its head as it was at the beginning.
  /// - Throws: `.corrupt` naming the first bad position, or what reading throws.
  package static func audit(_ log: any EventLog, pageSize: Int = 1000) async throws(EventLogError) -> Report {
    switch try await inspect(log, pageSize: pageSize) {
    case .whole(let report): return report
    case .damaged(let damage): throw .corrupt(damage.description)
    }
  }

  /// Audits, and says what is wrong first instead of throwing it.
  /// - Throws: what reading throws.
  package static func inspect(
    _ log: any EventLog, scope: Scope = Scope(), pageSize: Int = 1000
  ) async throws(EventLogError) -> Outcome {
    let head = try await log.head()
    let segments = try await log.segments()
    var audit = ChainAudit(log, head: head, segments: segments, scope: scope, pageSize: pageSize)
    for record in try await log.experiments() { audit.shared[record.id] = record.parent?.version }
    do throws(Stop) {
      try await audit.run(pageSize: pageSize)
      return .whole(audit.report)
    } catch {
      switch error {
      case .damage(let damage): return .damaged(damage)
      case .log(let error): throw error
      }
    }
  }

  private mutating func run(pageSize: Int) async throws(Stop) {
    let head = report.head
    while position < head.position {
      let page = try await reading { [log, position] () async throws(EventLogError) in
        try await log.appends(after: position, limit: pageSize)
      }
      guard !page.isEmpty else {
        throw bad("log.head", head.position, nil, "the head is at \(head.position), the appends end at \(position)")
      }
      for append in page where append.first <= head.position { try await check(append) }
    }
    guard hash == head.hash else {
      throw bad("log.head", head.position, nil, "the head's hash differs from the chain's")
    }
  }

  private mutating func check(_ append: AppendRecord) async throws(Stop) {
    func wrong(_ reason: String) -> Stop { bad("log.appends", append.first, append.key, reason) }
    guard append.first == position.advanced(by: 1), append.last >= append.first else {
      throw wrong("the append after position \(position) covers \(append.first)...\(append.last)")
    }
    guard append.firstVersion == (report.ends[append.experiment]?.version ?? shared[append.experiment] ?? 0) + 1 else {
      throw wrong("the append starts at version \(append.firstVersion) of its experiment")
    }
    guard append.previousHash == hash else { throw wrong("the append is not linked to the one before it") }
    if isInScope(append) { try await checkEvents(of: append) }
    guard append.hash == hash(of: append) else { throw wrong("the hash of the append is wrong") }
    hash = append.hash
    position = append.last
    report.ends[append.experiment] = Report.End(
      version: append.firstVersion + Int64(append.count) - 1, position: append.last)
    report.appends += 1
  }

  /// What the hash of the next append must be.
  private func hash(of append: AppendRecord) -> Data {
    HashChain.hash(
      previous: hash, digest: append.digest, first: append.first, last: append.last, epoch: append.epoch,
      recordedAt: append.recordedAt, key: append.key)
  }

  /// Whether the events are to be read. Those of a detached segment are in its file, which is audited by itself.
  private func isInScope(_ append: AppendRecord) -> Bool {
    if let only = scope.experiment, only != append.experiment { return false }
    if append.first <= scope.digestsAfter { return false }
    return !detached.contains { $0.first <= append.last && append.first <= $0.last }
  }

  private mutating func checkEvents(of append: AppendRecord) async throws(Stop) {
    var digest = AppendDigest(
      experiment: append.experiment, firstVersion: append.firstVersion, count: append.count)
    var written: [NewEvent] = []
    written.reserveCapacity(append.count)
    for index in 0..<append.count {
      let position = append.first.advanced(by: index)
      let found = try await reading { [pages] () async throws(EventLogError) in try await pages.event(at: position) }
      guard let (event, generation) = found else {
        throw bad("log.events", position, append.key, "an event is missing at position \(position)")
      }
      guard event.belongs(to: append) else {
        throw bad("log.events", position, append.key, "it disagrees with its append on experiment, version or time")
      }
      let asWritten = event.asWritten(first: append.first, generation: generation)
      digest.add(asWritten)
      written.append(asWritten)
      if let damage = segments.take(event, generation) { throw .damage(damage) }
    }
    guard digest.finish() == append.digest else { throw try await culprit(in: append, written) }
    report.events += append.count
    report.segments = segments.checked
  }

  /// Which row of an append with a wrong digest is the damaged one, by the rows' checksums.
  private func culprit(in append: AppendRecord, _ written: [NewEvent]) async throws(Stop) -> Stop {
    let kept = try await reading { [log] () async throws(EventLogError) in
      try await log.checksums(from: append.first, to: append.last)
    }
    for (index, event) in written.enumerated() {
      let position = append.first.advanced(by: index)
      guard let sums = kept[position] else { continue }
      if let sum = sums.event, sum != RowChecksum.of(event: event) {
        return bad("log.events", position, append.key, "the event differs from what was written")
      }
      if sums.generation != event.generation.map({ RowChecksum.of(generation: $0) }) {
        return bad("log.generations", position, append.key, "the generation differs from what was written")
      }
    }
    // No row that is there was changed. A digest that the hash covers is the writer's own: then a row is gone or was added.
    let isDigestWhole = append.hash == hash(of: append)
    let table = !isDigestWhole ? "log.appends" : kept.isEmpty ? "log.events or log.generations" : "log.generations"
    return bad(
      table, append.first, append.key,
      "the events or generations at \(append.first)...\(append.last) differ from their digest")
  }

  private func bad(_ table: String, _ position: Position?, _ key: String?, _ reason: String) -> Stop {
    .damage(Damage(table: table, position: position, key: key.map { "append \($0)" }, reason: reason))
  }

  private func reading<Value>(_ body: () async throws(EventLogError) -> Value) async throws(Stop) -> Value {
    do throws(EventLogError) { return try await body() } catch { throw .log(error) }
  }
}
