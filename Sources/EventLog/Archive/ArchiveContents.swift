import FoundationEssentials

/// What an archive file says about itself in its first block, as JSON with sorted keys.
package struct ArchiveHeader: Hashable, Codable, Sendable {
  /// Who is in the file: enough to read it without the database.
  package struct Experiment: Hashable, Codable, Sendable {
    package let id: ExperimentID
    package let name: String
    /// The last of its events that a fork shares, where the file holds a fork: what its parent recorded later is not in
    /// the file. nil: all events of the range.
    package let lastPosition: Position?

    package init(id: ExperimentID, name: String, lastPosition: Position? = nil) {
      self.id = id
      self.name = name
      self.lastPosition = lastPosition
    }

    enum CodingKeys: String, CodingKey {
      case id, name
      case lastPosition = "last_position"
    }
  }

  package static let currentFormat = "autodidact-log/1"

  package let format: String
  /// The program that wrote it.
  package let software: String
  /// Whose stream it holds; nil: all experiments' (a segment). Appends of others are kept as links of the chain only.
  package let experiment: ExperimentID?
  /// The experiments whose events it holds: of a fork's file its parents, root first, and itself.
  package let experiments: [Experiment]
  /// The range of the log it covers: every append that touches it is in the file.
  package let firstPosition: Position
  package let lastPosition: Position

  package init(
    software: String, experiment: ExperimentID?, experiments: [Experiment], firstPosition: Position,
    lastPosition: Position
  ) {
    precondition(firstPosition > .start && firstPosition <= lastPosition, "a range \(firstPosition)...\(lastPosition)")
    format = Self.currentFormat
    self.software = software
    self.experiment = experiment
    self.experiments = experiments
    self.firstPosition = firstPosition
    self.lastPosition = lastPosition
  }

  enum CodingKeys: String, CodingKey {
    case format, software, experiment, experiments
    case firstPosition = "first_position"
    case lastPosition = "last_position"
  }
}

/// One record of an archive, in the order of the log: an append, then those of its events that the file holds.
package enum ArchiveRecord: Hashable, Sendable {
  /// An append whose events follow.
  case append(AppendRecord)
  /// An append of an experiment that is not in the file: a link of the chain, without its events.
  case link(AppendRecord)
  case event(RecordedEvent, GenerationRecord?)
}

/// What an archive file says about its records in its last block.
package struct ArchiveTrailer: Hashable, Codable, Sendable {
  /// Appends whose events are in the file.
  package var appends = 0
  package var links = 0
  package var events = 0
  package var generations = 0
  /// Root of the Merkle tree over its events (`EventLeaf`), in hexadecimal: for a segment, that of `log.segments`.
  package var root = ""
  /// sha256 of the file's bytes before the trailer's block, in hexadecimal.
  package var contentDigest = ""

  enum CodingKeys: String, CodingKey {
    case appends, links, events, generations, root
    case contentDigest = "content_digest"
  }
}

extension ArchiveHeader {
  /// Whether its positions are a range; a header that was read has not been through `init`.
  var isRange: Bool {
    firstPosition > .start && firstPosition <= lastPosition && lastPosition.rawValue <= ArchiveFormat.positionMax
  }

  /// Whether the file holds all events of an append, so that its digest can be taken.
  package func covers(_ append: AppendRecord) -> Bool {
    append.first >= firstPosition && append.last <= lastPosition
  }

  /// Whether the file holds the events of this append at all.
  package func holds(_ append: AppendRecord) -> Bool {
    guard experiment != nil else { return true }
    return experiments.contains { held in
      held.id == append.experiment && (held.lastPosition.map { append.last <= $0 } ?? true)
    }
  }
}
