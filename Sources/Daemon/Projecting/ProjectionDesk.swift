import EventLog
import Foundation

/// What `autodidact projection` does: list, rebuild, switch and verify the stored projections.
package struct ProjectionDesk: Sendable {
  private let store: any ProjectionStore
  private let definitions: [ProjectionDefinition]

  /// What was asked for is not there, or not possible.
  package struct Refusal: Error, CustomStringConvertible {
    package let description: String
  }

  /// - Throws: `Refusal` for a log that keeps no projections.
  package init(_ log: any EventLog, _ definitions: [ProjectionDefinition]) throws(Refusal) {
    guard let store = log as? any ProjectionStore else {
      throw Refusal(description: "this log is not in a database, and keeps no projections")
    }
    self.store = store
    self.definitions = definitions
  }

  /// A projection of an experiment, as listed.
  package struct Line: Hashable, Encodable, Sendable {
    package var projection: String
    package var version: Int
    package var current: Bool
    package var experiment: String
    /// running, paused or failed.
    package var state: String
    package var failure: String?
    package var position: Int64
    package var lag: Int64
    package var lagSeconds: Double
    /// Of the stored rows; nil where it was not asked for, or this program has no code for the version.
    package var digest: String?

    enum CodingKeys: String, CodingKey {
      case projection, version, current, experiment, state, failure, position, lag, digest
      case lagSeconds = "lag_seconds"
    }
  }

  /// - Parameter digests: read every row for them.
  package func list(experiment: String?, digests: Bool) async throws -> [Line] {
    let only: ExperimentRecord? = if let experiment { try await store.requireExperiment(experiment) } else { nil }
    var lines: [Line] = []
    for status in try await store.projectionStatuses() where only == nil || status.experiment == only?.id {
      var line = Line(
        projection: status.identity.name, version: status.identity.version, current: status.isCurrent,
        experiment: status.experimentName, state: status.state.rawValue, failure: status.failure,
        position: status.position.rawValue, lag: status.lag, lagSeconds: status.lagSeconds)
      if digests, let definition = definitions.first(where: { $0.identity == status.identity }) {
        line.digest = try await store.storedRows(of: definition, for: status.experiment).digest(of: definition)
      }
      lines.append(line)
    }
    return lines
  }

  /// What a rebuild did.
  package struct Rebuilt: Hashable, Sendable {
    package var experiments = 0
    /// Events, each counted once for every projection.
    package var events = 0
    /// `EXPERIMENT: reason` of what could not be rebuilt.
    package var failures: [String] = []
  }

  /// Folds projections again from the first event. A version without tables gets them, beside the ones before.
  ///
  /// - Parameters:
  ///   - name: `all` for every projection of this program.
  ///   - parallel: so many experiments at a time.
  package func rebuild(
    _ name: String, version: Int?, experiment: String?, parallel: Int
  ) async throws -> Rebuilt {
    let chosen = name == "all" ? definitions : [try definition(name, version)]
    for definition in chosen { try await store.prepare(definition.identity) }
    let records =
      if let experiment { [try await store.requireExperiment(experiment)] } else { try await store.playedExperiments() }
    var rebuilt = Rebuilt(experiments: records.count)
    try await withThrowingTaskGroup(of: (String, ExperimentProjector.Outcome).self) { group in
      var waiting = records[...]
      func start() {
        guard let record = waiting.popFirst() else { return }
        group.addTask { (record.name, try await rebuild(chosen, record)) }
      }
      for _ in 0..<max(1, parallel) { start() }
      while let (name, outcome) = try await group.next() {
        rebuilt.events += outcome.events
        rebuilt.failures += outcome.failures.sorted { $0.key < $1.key }.map { "\(name), \($0.key): \($0.value)" }
        start()
      }
    }
    rebuilt.failures.sort()
    return rebuilt
  }

  private func rebuild(
    _ chosen: [ProjectionDefinition], _ record: ExperimentRecord
  ) async throws -> ExperimentProjector.Outcome {
    for definition in chosen { try await store.reset(definition.identity, for: record.id) }
    var projector = ExperimentProjector(chosen, of: record.id, in: store)
    var outcome = try await projector.catchUp()
    // A daemon that projects too takes pages of it away; in the end all are there.
    for _ in 0..<1000 where outcome.isContended {
      let more = try await projector.catchUp()
      outcome.events += more.events
      outcome.failures.merge(more.failures) { $1 }
      outcome.isContended = more.isContended
    }
    try await projector.saveStates()
    return outcome
  }

  /// Makes a version the one that queries see, once it has everything the current one has.
  package func makeCurrent(_ name: String, version: Int?) async throws -> ProjectionIdentity {
    let definition = try definition(name, version)
    try await store.prepare(definition.identity)
    // A live experiment moves the goal meanwhile.
    for _ in 0..<20 {
      for record in try await store.playedExperiments() {
        var projector = ExperimentProjector([definition], of: record.id, in: store)
        _ = try await projector.catchUp()
      }
      do {
        try await store.makeCurrent(definition.identity)
        return definition.identity
      } catch {
        guard case .projectionBehind = error else { throw error }
      }
    }
    try await store.makeCurrent(definition.identity)
    return definition.identity
  }

  /// A comparison, and whose it was.
  package struct Verified: Sendable {
    package var experiment: String
    package var identity: ProjectionIdentity
    package var check: ProjectionCheck?
    /// Why it could not be compared: events that are in a file, not in the database.
    package var left: String?
  }

  /// Folds projections from the first event and compares the stored rows.
  ///
  /// - Parameter name: `all`, or nil, for every projection of this program.
  package func verify(_ name: String?, version: Int?, experiment: String?) async throws -> [Verified] {
    let made = Set(try await store.projectionVersions().map(\.identity))
    let chosen = name == nil || name == "all" ? definitions : [try definition(name ?? "", version)]
    let records =
      if let experiment { [try await store.requireExperiment(experiment)] } else { try await store.playedExperiments() }
    var verified: [Verified] = []
    for definition in chosen where made.contains(definition.identity) {
      for record in records {
        var line = Verified(experiment: record.name, identity: definition.identity)
        do {
          line.check = try await ProjectionCheck.check(definition, of: record.id, in: store)
        } catch let error as EventLogError {
          guard case .detached = error else { throw error }
          line.left = "\(error)"
        }
        verified.append(line)
      }
    }
    return verified
  }

  /// - Throws: `Refusal` with what there is.
  private func definition(_ name: String, _ version: Int?) throws -> ProjectionDefinition {
    let named = definitions.filter { $0.identity.name == name }.sorted { $0.identity < $1.identity }
    guard let newest = named.last else {
      let names = Set(definitions.map(\.identity.name)).sorted().joined(separator: ", ")
      throw Refusal(description: "no projection is named '\(name)'; there are: \(names)")
    }
    guard let version else { return newest }
    guard let found = named.first(where: { $0.identity.version == version }) else {
      let versions = named.map { "\($0.identity.version)" }.joined(separator: ", ")
      throw Refusal(description: "this program has no version \(version) of projection \(name); it has: \(versions)")
    }
    return found
  }
}
