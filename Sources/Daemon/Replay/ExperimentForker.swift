import Domain
import EventLog
import Settings

/// Forks experiments: a new experiment whose history up to some place is another's, by reference, and whose settings may
/// differ from there on (docs/decisions/0006-fork.md). `autodidact fork` calls it.
package struct ExperimentForker: Sendable {
  private let log: any EventLog
  private let surroundings: Surroundings

  package init(log: any EventLog, surroundings: Surroundings) {
    self.log = log
    self.surroundings = surroundings
  }

  /// Where a fork leaves its parent. Written `12` for the end of an iteration, `@1412` for a position.
  package enum Place: Hashable, Sendable, CustomStringConvertible, LosslessStringConvertible {
    /// After the update of this iteration; 0 is after seeding.
    case iteration(Int)
    /// After the event at this position, which must be the last of its step.
    case position(Position)

    package init?(_ text: String) {
      if text.hasPrefix("@"), let position = Int64(text.dropFirst()), position > 0 {
        self = .position(Position(position))
      } else if let iteration = Int(text), iteration >= 0 {
        self = .iteration(iteration)
      } else {
        return nil
      }
    }

    package var description: String {
      switch self {
      case .iteration(let iteration): "\(iteration)"
      case .position(let position): "@\(position)"
      }
    }
  }

  /// What was made.
  package struct Fork: Sendable {
    package var record: ExperimentRecord
    package var event: ExperimentForked
  }

  /// - Parameters:
  ///   - overrides: `key=value` each, as `create --set` takes them; none for a fork that repeats its parent.
  ///   - finish: fills in what is not a setting of a file, such as the model's digest.
  /// - Throws: `ForkRefused` for a place the experiment does not have and for settings that cannot change there,
  ///   `SettingsError`, `ExperimentCreator.InvalidName`, `EventLogError.nameTaken` and the log's other errors.
  package func fork(
    _ name: String, at place: Place, as new: String, overrides: [String] = [],
    finish: (inout ExperimentSettings) throws -> Void = { _ in }
  ) async throws -> Fork {
    guard ExperimentCreator.isValid(name: new) else { throw ExperimentCreator.InvalidName(name: new) }
    let record = try await log.requireExperiment(name)
    let base = try await base(of: record, at: place)
    let before = base.experiment.settings
    var after = overrides.isEmpty ? before : try SettingsFile.change(before, overrides: overrides)
    if after.model.name != before.model.name { try finish(&after) }
    try Self.check(before, after, base.experiment)
    let parent = try await log.experiment(base.owner)
    let event = ExperimentForked(
      name: new, parent: parent?.name ?? name, parentExperiment: base.owner, parentVersion: base.experiment.version,
      parentPosition: base.position.rawValue,
      changes: SettingsDocument.differences(before, after).map(\.description), settings: after)
    let id = ExperimentID(surroundings.makeID())
    var folded = base.experiment
    folded.evolve(.experimentForked(event), version: folded.version + 1, position: base.position.rawValue + 1)
    // The learner goes on where the shared history's last update ended.
    let acknowledgement = base.lastUpdate.map {
      Acknowledgement(consumer: Consumer(name: "learner", experiment: id), from: .start, to: $0)
    }
    _ = try await log.forkExperiment(
      id, name: new, state: folded.stateName, parent: base.owner, parentVersion: base.experiment.version,
      event: NewEvent(.experimentForked(event), policyVersion: folded.policyVersion), key: "fork/\(id)",
      acknowledgement: acknowledgement)
    return Fork(record: try await log.requireExperiment(new), event: event)
  }

  // MARK: The place

  /// An experiment folded up to the place it is forked at.
  private struct Base {
    var experiment: Experiment
    var position: Position
    /// The experiment that recorded the event there: the one asked for, or one it was forked from itself.
    var owner: ExperimentID
    /// Where the last update or skipped update lies.
    var lastUpdate: Position?
  }

  private func base(of record: ExperimentRecord, at place: Place) async throws -> Base {
    if case .position(let position) = place { try await checkBoundary(position, record) }
    var cursor = EventCursor(record.id, log)
    guard let first = try await cursor.next()?.recorded, case .experimentCreated(let created) = try first.event() else {
      throw EventLogError.corrupt("experiment \(record.name) does not begin with ExperimentCreated")
    }
    var base = Base(
      experiment: Experiment(id: record.id, created: created), position: first.position, owner: first.experiment)
    var reached = Self.isReached(place, base, next: try await cursor.peek()) ? base : nil
    while reached == nil, let recorded = try await cursor.next()?.recorded {
      let event = try recorded.event()
      base.experiment.evolve(event, version: recorded.version, position: recorded.position.rawValue)
      base.position = recorded.position
      base.owner = recorded.experiment
      switch event {
      case .weightsUpdated, .updateSkipped: base.lastUpdate = recorded.position
      default: break
      }
      if Self.isReached(place, base, next: try await cursor.peek()) { reached = base }
    }
    guard let reached else {
      throw ForkRefused(
        reason:
          "\(record.name) has no place \(place): it has \(base.experiment.iterationsDone) iterations, and its last "
          + "event is at @\(base.position)")
    }
    return reached
  }

  private static func isReached(_ place: Place, _ base: Base, next: RecordedEvent?) -> Bool {
    switch place {
    case .position(let position): return base.position == position
    case .iteration(0):
      // After seeding: the first iteration is about to begin, or seeding was all there is.
      let isNext = next.map { $0.type == "IterationStarted" && ($0.iteration ?? 0) > 0 } ?? true
      return isNext && base.experiment.isSeeded && base.experiment.ledger == nil
    case .iteration(let iteration):
      // A checkpoint of the iteration's weights is worth sharing.
      return base.experiment.iterationsDone == iteration && base.experiment.ledger == nil
        && next?.type != "CheckpointSaved"
    }
  }

  /// Half a step cannot be shared: its events were appended together, and a fork would perform all of it again.
  private func checkBoundary(_ position: Position, _ record: ExperimentRecord) async throws {
    guard let append = try await log.appends(after: Position(position.rawValue - 1), limit: 1).first,
      append.first <= position,
      try await log.lineage(of: record.id).contains(where: {
        $0.experiment == append.experiment && ($0.last.map { position <= $0.position } ?? true)
      })
    else { throw ForkRefused(reason: "position @\(position) is not an event of \(record.name)") }
    guard append.last == position else {
      throw ForkRefused(
        reason: "position @\(position) of \(record.name) is within a step, whose events are @\(append.first) to "
          + "@\(append.last); fork at @\(append.last), or before the step")
    }
  }

  // MARK: The settings

  /// What cannot change once something depends on it. Everything may change while nothing has been played.
  private static func check(_ before: ExperimentSettings, _ after: ExperimentSettings, _ base: Experiment) throws {
    guard base.hasPlayed else { return }
    let changed = SettingsDocument.differences(before, after).map(\.key)
    let frozen: [(prefix: String, why: String)] = [
      ("model.", "the problems and weights so far are this model's"),
      ("play.kinds", "the buffers were begun with these kinds"),
      ("play.inputs", "the induction problems in the buffer have this many pairs"),
      ("play.buffer_max", "the buffers have been filled under this limit"),
      ("play.eviction", "the buffers have been filled under this rule"),
      ("play.duplicates_by", "the problems in the buffers are known by this rule"),
    ]
    let learned: [(prefix: String, why: String)] = [
      ("learner.method", "the optimizer's state belongs to this method"),
      ("learner.lora", "the adapters so far have this shape"),
    ]
    for (prefix, why) in frozen + (base.policyVersion > 0 ? learned : []) {
      guard let key = changed.first(where: { $0.hasPrefix(prefix) }) else { continue }
      throw ForkRefused(reason: "\(key) cannot change in a fork at version \(base.version): \(why)")
    }
    if after.iterations < base.iterationsDone {
      throw ForkRefused(
        reason: "iterations is \(after.iterations), but \(base.iterationsDone) are done at the place of the fork")
    }
  }
}

/// A fork that cannot be.
package struct ForkRefused: Error, CustomStringConvertible {
  package var reason: String
  package var description: String { reason }
}
