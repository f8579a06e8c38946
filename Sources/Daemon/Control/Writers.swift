import Domain
import EventLog

/// A process that holds an experiment: what it said when it took it up. `ps`, `list`, `status` and `top` show it.
package struct Writer: Hashable, Sendable {
  package var experiment: String
  package var state: String
  package var epoch: Int64
  /// nil until its `ExperimentStarted` of this epoch is in the log.
  package var started: ExperimentStarted?
  package var since: Timestamp?

  /// `host:process`, as people name it.
  package var place: String? { started.map { "\($0.host):\($0.process)" } }
}

extension EventLog {
  /// The processes that hold experiments now, in order of the experiments' creation.
  package func writers() async throws -> [Writer] {
    let held = try await held()
    guard !held.isEmpty else { return [] }
    var writers: [Writer] = []
    for record in try await playedExperiments() {
      guard let epoch = held[record.id] else { continue }
      var writer = Writer(experiment: record.name, state: record.state, epoch: epoch)
      // A fork's own starts come after what it shares.
      var position = record.parent?.position ?? .start
      while true {
        let page = try await read(experiment: record.id, after: position, types: ["ExperimentStarted"], limit: 1000)
        for recorded in page {
          position = recorded.position
          guard case .experimentStarted(let started) = try recorded.event(), Int64(started.epoch) == epoch else {
            continue
          }
          (writer.started, writer.since) = (started, recorded.recordedAt)
        }
        if page.count < 1000 { break }
      }
      writers.append(writer)
    }
    return writers
  }
}
