import FoundationEssentials

/// Checks what an archive file records, without a database: links of the chain, digests of events and generations,
/// versions, counts and root. `autodidact verify --certificate` and `archive restore` call it.
package struct ArchiveAudit {
  /// What a whole file turned out to be.
  package struct Report: Hashable, Sendable {
    package var header: ArchiveHeader
    package var trailer: ArchiveTrailer
    /// Hash of the chain before its first append, and where its last append ends.
    package var previousHash: Data
    package var head: LogHead
  }

  private let path: String
  private let header: ArchiveHeader
  private var first: AppendRecord?
  /// The append read last, and the digest of its events so far.
  private var append: AppendRecord?
  private var digest: AppendDigest?
  private var eventsLeft = 0
  private var nextEvent = Position.start
  private var versions: [ExperimentID: Int64] = [:]
  private var tree = MerkleTree()
  private var found = ArchiveTrailer()

  private init(path: String, header: ArchiveHeader) {
    self.path = path
    self.header = header
  }

  /// Reads the whole file. `visit` is given each record after it has been checked.
  /// - Throws: `.contradiction` with the first bad position, and what reading throws.
  package static func audit(
    path: String, visit: (ArchiveRecord) throws -> Void = { _ in }
  ) throws -> Report {
    let reader = try ArchiveReader(path: path)
    var audit = ArchiveAudit(path: path, header: reader.header)
    while let record = try reader.next() {
      try audit.check(record)
      try visit(record)
    }
    guard let trailer = reader.trailer else { preconditionFailure("\(path) ended without a trailer") }
    return try audit.end(trailer)
  }

  private mutating func check(_ record: ArchiveRecord) throws(ArchiveError) {
    switch record {
    case .append(let next):
      try begin(next)
      found.appends += 1
      guard header.holds(next) else {
        throw bad(next.first, "events of \(next.experiment), which is not in the header")
      }
      nextEvent = max(next.first, header.firstPosition)
      eventsLeft = Int(min(next.last, header.lastPosition).rawValue - nextEvent.rawValue) + 1
      if header.covers(next) {
        digest = AppendDigest(experiment: next.experiment, firstVersion: next.firstVersion, count: next.count)
      }
    case .link(let next):
      try begin(next)
      found.links += 1
      guard !header.holds(next) else { throw bad(next.first, "the events of an append are missing") }
    case .event(let event, let generation): try check(event, generation)
    }
  }

  /// Ends the append before and takes the next link of the chain.
  private mutating func begin(_ next: AppendRecord) throws(ArchiveError) {
    try endAppend()
    if let append {
      guard next.first == append.last.advanced(by: 1) else {
        throw bad(next.first, "the append after position \(append.last) begins at \(next.first)")
      }
      guard next.previousHash == append.hash else { throw bad(next.first, "not linked to the append before it") }
      guard next.first <= header.lastPosition else { throw bad(next.first, "an append beyond \(header.lastPosition)") }
    } else {
      guard next.first <= header.firstPosition else { throw bad(next.first, "appends before it are missing") }
      first = next
    }
    let expected = HashChain.hash(
      previous: next.previousHash, digest: next.digest, first: next.first, last: next.last, epoch: next.epoch,
      recordedAt: next.recordedAt, key: next.key)
    guard next.hash == expected else { throw bad(next.first, "the hash of the append is wrong") }
    if let version = versions[next.experiment], version + 1 != next.firstVersion {
      throw bad(next.first, "version \(next.firstVersion) of its experiment follows \(version)")
    }
    versions[next.experiment] = next.firstVersion + Int64(next.count) - 1
    append = next
  }

  private mutating func endAppend() throws(ArchiveError) {
    guard let append else { return }
    guard eventsLeft == 0 else { throw bad(nextEvent, "the event is missing") }
    guard var digest else { return }
    guard digest.finish() == append.digest else {
      throw bad(append.first, "the events or generations at \(append.first)...\(append.last) differ from their digest")
    }
    self.digest = nil
  }

  private mutating func check(_ event: RecordedEvent, _ generation: GenerationRecord?) throws(ArchiveError) {
    guard let append, eventsLeft > 0, event.position == nextEvent else {
      throw bad(event.position, "the event belongs to no append, or is out of order")
    }
    guard event.belongs(to: append) else {
      throw bad(event.position, "the event disagrees with its append on experiment, version or time")
    }
    digest?.add(event.asWritten(first: append.first, generation: generation))
    tree.add(EventLeaf.hash(event, generation))
    found.events += 1
    if generation != nil { found.generations += 1 }
    nextEvent = nextEvent.advanced(by: 1)
    eventsLeft -= 1
  }

  private mutating func end(_ trailer: ArchiveTrailer) throws(ArchiveError) -> Report {
    try endAppend()
    guard let first, let append, append.last >= header.lastPosition else {
      throw .contradiction(file: path, position: nil, reason: "it does not reach position \(header.lastPosition)")
    }
    found.root = tree.root.hexadecimal
    found.contentDigest = trailer.contentDigest
    guard found == trailer else {
      throw .contradiction(file: path, position: nil, reason: "its trailer says \(trailer), its records are \(found)")
    }
    return Report(
      header: header, trailer: trailer, previousHash: first.previousHash,
      head: LogHead(position: append.last, hash: append.hash))
  }

  private func bad(_ position: Position, _ reason: String) -> ArchiveError {
    .contradiction(file: path, position: position, reason: reason)
  }
}
