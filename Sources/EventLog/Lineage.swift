/// One experiment's part of a stream: a fork's stream is its root's first events, then those of each fork on the way, then
/// its own. Positions and versions increase from part to part, because a fork begins after what it shares.
package struct LineagePart: Hashable, Sendable {
  package let experiment: ExperimentID
  package let name: String
  /// The last of its events that belongs to the stream; nil for the experiment itself, all of whose events do.
  package let last: ParentLink?

  package init(experiment: ExperimentID, name: String, last: ParentLink?) {
    self.experiment = experiment
    self.name = name
    self.last = last
  }

  /// Whether an event after `position` may be in this part.
  package func continues(after position: Position) -> Bool { last.map { position < $0.position } ?? true }
}

extension EventLog {
  /// The parts of an experiment's stream, root first, itself last; one part if it is no fork, none if it is unknown.
  /// - Throws: `.corrupt` for a parent that is not in the log, and what reading throws.
  package func lineage(of experiment: ExperimentID) async throws(EventLogError) -> [LineagePart] {
    var parts: [LineagePart] = []
    var link: ParentLink?
    var next: ExperimentID? = experiment
    while let id = next {
      guard let record = try await self.experiment(id) else {
        guard parts.isEmpty else { throw .corrupt("experiment \(id), a parent of \(experiment), is not in the log") }
        return []
      }
      parts.insert(LineagePart(experiment: id, name: record.name, last: link), at: 0)
      link = record.parent
      next = record.parent?.experiment
    }
    return parts
  }
}
