import FoundationEssentials

/// Writes a part of the log to an archive file: one experiment, or one range of positions of all.
///
/// The appends of the range are all in it, so the hash chain can be walked without a database; the events of one experiment
/// only, if one is asked for. `autodidact archive export` and `autodidact export --log` call it.
package struct ArchiveExport {
  private let log: any EventLog
  private let header: ArchiveHeader
  private let writer: ArchiveWriter
  /// Events read ahead: small appends share a read.
  private var page: ArraySlice<RecordedEvent> = []
  private var generations: [Position: GenerationRecord] = [:]
  private static let pageSize = 1000

  private init(_ log: any EventLog, _ header: ArchiveHeader, path: String) throws(ArchiveError) {
    self.log = log
    self.header = header
    writer = try ArchiveWriter(path: path, header: header)
  }

  /// The whole stream of one experiment, a fork's with what it shares of its parents', and the chain from the log's
  /// beginning to its head as it is now.
  /// - Parameter check: of `ArchiveWriter.finish`: reads the file before it gets its name.
  /// - Throws: `EventLogError`, `ArchiveError`, what `check` throws.
  package static func write(
    _ experiment: ExperimentRecord, of log: any EventLog, to path: String, software: String,
    check: (String) throws -> Void = { _ in }
  ) async throws -> (header: ArchiveHeader, trailer: ArchiveTrailer) {
    let parts = try await log.lineage(of: experiment.id)
    let header = ArchiveHeader(
      software: software, experiment: experiment.id,
      experiments: parts.map { .init(id: $0.experiment, name: $0.name, lastPosition: $0.last?.position) },
      firstPosition: Position(1), lastPosition: try await log.head().position)
    return (header, try await write(header, of: log, to: path, check: check))
  }

  /// All events of a range of positions, which must be in the log: a segment.
  /// - Throws: `EventLogError`, `ArchiveError`.
  package static func write(
    _ range: ClosedRange<Position>, of log: any EventLog, to path: String, software: String
  ) async throws -> (header: ArchiveHeader, trailer: ArchiveTrailer) {
    let experiments = try await log.experiments().map { ArchiveHeader.Experiment(id: $0.id, name: $0.name) }
    let header = ArchiveHeader(
      software: software, experiment: nil, experiments: experiments, firstPosition: range.lowerBound,
      lastPosition: range.upperBound)
    return (header, try await write(header, of: log, to: path) { _ in })
  }

  private static func write(
    _ header: ArchiveHeader, of log: any EventLog, to path: String, check: (String) throws -> Void
  ) async throws -> ArchiveTrailer {
    var export = try ArchiveExport(log, header, path: path)
    var position = Position(header.firstPosition.rawValue - 1)
    while position < header.lastPosition {
      let appends = try await log.appends(after: position, limit: pageSize)
      guard !appends.isEmpty else {
        throw EventLogError.corrupt("the appends end at \(position), before \(header.lastPosition)")
      }
      for append in appends where append.first <= header.lastPosition {
        try await export.add(append)
        position = append.last
      }
    }
    return try export.writer.finish(check: check)
  }

  private mutating func add(_ append: AppendRecord) async throws {
    guard header.holds(append) else { return try writer.add(.link(append)) }
    try writer.add(.append(append))
    var position = max(append.first, header.firstPosition)
    let last = min(append.last, header.lastPosition)
    while position <= last {
      let event = try await event(at: position)
      try writer.add(.event(event, generations[position]))
      position = position.advanced(by: 1)
    }
  }

  /// The event at a position, out of the page or of the next one. Positions only grow.
  private mutating func event(at position: Position) async throws -> RecordedEvent {
    if page.isEmpty {
      let before = Position(position.rawValue - 1)
      let events = try await log.read(
        experiment: header.experiment, after: before, types: nil, limit: Self.pageSize)
      generations = try await log.generations(at: events.map(\.position))
      page = events[...]
    }
    guard let event = page.popFirst(), event.position == position else {
      throw EventLogError.corrupt("an event is missing at position \(position)")
    }
    return event
  }
}
