import EventLog
import Foundation
import Postgres
import PostgresLog

/// Takes full segments of the log out of the database and back: seal, export, detach, restore. `autodidact archive`.
package struct SegmentArchivist: Sendable {
  private let log: PostgresEventLog
  private let owner: ConnectionSettings
  private let software: String

  /// Something was asked of a segment that its state or its file does not allow.
  package struct Refusal: Error, CustomStringConvertible {
    package let description: String
  }

  /// - Parameter url: of the database; detaching and restoring need a login that owns the log's tables.
  package init(url: String, role: String?, software: String) {
    var settings = ConnectionSettings(url: url, applicationName: "autodidact archive")
    owner = settings
    settings.role = role
    log = PostgresEventLog(settings, clock: ContinuousClock(), listens: false)
    self.software = software
  }

  package func segments() async throws(EventLogError) -> [SegmentRecord] { try await log.segments() }

  /// Seals every segment that is full: computes the root over its events and generations, and records it.
  /// - Returns: the segments sealed now.
  package func seal() async throws -> [SegmentRecord] {
    let head = try await log.head().position
    var sealed: [SegmentRecord] = []
    for segment in try await log.segments() where segment.state == .open && segment.last <= head {
      try await log.seal(segment.number, root: try await root(of: segment))
      sealed.append(try await require(segment.number))
    }
    return sealed
  }

  /// Exports a sealed segment to a file in a folder, reads the file back, and records it.
  package func export(_ number: Int, to folder: String) async throws -> SegmentRecord {
    let segment = try await require(number)
    guard segment.state == .sealed || segment.state == .exported, let root = segment.root else {
      throw Refusal(description: "segment \(number) is \(segment.state.rawValue); only a sealed one is exported")
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = URL(fileURLWithPath: folder).appendingPathComponent(SegmentFile.name(of: segment)).standardizedFileURL
      .path
    _ = try await ArchiveExport.write(segment.first...segment.last, of: log, to: path, software: software)
    let (digest, bytes) = try SegmentFile.digest(path)
    // Against the root, not against what was just written: a segment that was changed since it was sealed is found here.
    try SegmentFile.check(
      path,
      of: SegmentRecord(
        number: number, first: segment.first, last: segment.last, state: .sealed, root: root, fileDigest: digest))
    try await log.recordExport(of: number, root: root, file: path, digest: digest, bytes: bytes)
    return try await require(number)
  }

  /// Removes an exported segment's rows from the database, once its file has been read and found whole.
  /// - Parameter dryRun: check everything and change nothing.
  package func detach(_ number: Int, dryRun: Bool = false) async throws -> SegmentRecord {
    let segment = try await require(number)
    guard segment.state == .exported, let file = segment.file else {
      throw Refusal(description: "segment \(number) is \(segment.state.rawValue); only an exported one is detached")
    }
    try SegmentFile.check(file, of: segment)
    if dryRun { return segment }
    try await saveSnapshots()
    try await asOwner { try await $0.detach(number) }
    return try await require(number)
  }

  /// Where experiments ended stays known without their events: `status` begins at these.
  private func saveSnapshots() async throws {
    for record in try await log.experiments() where record.state == "finished" || record.state == "stopped" {
      var stored = try await StoredExperiment.load(record, from: log)
      if stored.snapshotVersion < stored.experiment.version { try await stored.saveSnapshot(in: log) }
    }
  }

  /// Brings a detached segment back from its file, after the file has been checked against the segment's root.
  /// - Parameter path: where the file is now; nil: where it was exported to.
  package func restore(_ number: Int, from path: String?) async throws -> SegmentRecord {
    let segment = try await require(number)
    guard segment.state == .detached, let file = path ?? segment.file else {
      throw Refusal(description: "segment \(number) is \(segment.state.rawValue); only a detached one is restored")
    }
    try SegmentFile.check(file, of: segment)
    let reader = RowBatches(try ArchiveReader(path: file))
    try await asOwner { try await $0.restore(segment) { try reader.next() } }
    return try await require(number)
  }

  /// How many positions the segments have that are made from now on.
  package func setSize(_ positions: Int64) async throws { try await asOwner { try await $0.setSize(positions) } }

  private func asOwner(_ body: (SegmentOwner) async throws -> Void) async throws {
    let session = try await SegmentOwner(owner)
    do { try await body(session) } catch {
      await session.close()
      throw error
    }
    await session.close()
  }

  private func require(_ number: Int) async throws -> SegmentRecord {
    let segments = try await log.segments()
    guard let segment = segments.first(where: { $0.number == number }) else {
      throw Refusal(description: "there is no segment \(number); there are 1 to \(segments.count)")
    }
    return segment
  }

  private func root(of segment: SegmentRecord) async throws -> Data {
    var tree = MerkleTree()
    var position = Position(segment.first.rawValue - 1)
    while position < segment.last {
      let limit = min(1000, Int(segment.last.rawValue - position.rawValue))
      let page = try await log.read(experiment: nil, after: position, types: nil, limit: limit)
      let generations = try await log.generations(at: page.map(\.position))
      for event in page { tree.add(EventLeaf.hash(event, generations[event.position])) }
      guard let last = page.last else { throw EventLogError.corrupt("no event follows position \(position)") }
      position = last.position
    }
    return tree.root
  }
}

/// The events of an archive file in batches.
private final class RowBatches: @unchecked Sendable {
  // SAFETY: one restore drives it, one call after the other.
  private let reader: ArchiveReader

  init(_ reader: ArchiveReader) { self.reader = reader }

  func next() throws -> [(RecordedEvent, GenerationRecord?)]? {
    var rows: [(RecordedEvent, GenerationRecord?)] = []
    while rows.count < 1000, let record = try reader.next() {
      if case .event(let event, let generation) = record { rows.append((event, generation)) }
    }
    return rows.isEmpty ? nil : rows
  }
}
