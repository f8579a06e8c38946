import FoundationEssentials

/// Keeps projections of one experiment up to the log: reads each page of events once, folds it with every projection, and
/// writes each one's rows with its acknowledgement in a transaction of its own.
///
/// A projection that fails is stopped by its consumer's state, and the others go on. Somebody else's progress is noticed by
/// the acknowledgement: then what was folded is dropped, not written. The folds stay in memory between calls.
package struct ExperimentProjector: Sendable {
  private let store: any ProjectionStore
  private let experiment: ExperimentID
  private let definitions: [ProjectionDefinition]
  private let pageMax: Int
  private var running: [ProjectionIdentity: Running] = [:]

  /// A state is saved when so many events have come since the last one, and a quarter of those before it: states grow with the
  /// experiment, and saving them must not cost more than folding.
  private let savedEvery: Int64

  /// A fold in memory and where it is.
  private struct Running: Sendable {
    var fold: any Projection
    var position: Position
    /// Version of the experiment there.
    var version: Int64
    var savedVersion: Int64
  }

  /// What a call did.
  package struct Outcome: Hashable, Sendable {
    /// Events written, each counted once for every projection.
    package var events = 0
    /// Projections that failed now, with their reasons.
    package var failures: [ProjectionIdentity: String] = [:]
    /// Somebody else works on the same projections.
    package var isContended = false
  }

  package init(
    _ definitions: [ProjectionDefinition], of experiment: ExperimentID, in store: any ProjectionStore,
    pageMax: Int = 10_000, savedEvery: Int64 = 20_000
  ) {
    precondition((1...LogLimits.readMax).contains(pageMax), "pages of \(pageMax) events")
    self.definitions = definitions
    self.experiment = experiment
    self.store = store
    self.pageMax = pageMax
    self.savedEvery = savedEvery
  }

  /// Deals with what is in the log now.
  ///
  /// - Throws: what the log throws when it cannot be reached, or was asked in vain: it goes on from there at the next call.
  package mutating func catchUp() async throws(EventLogError) -> Outcome {
    var outcome = Outcome()
    try await load(&outcome)
    while let start = running.values.map(\.position).min() {
      if Task.isCancelled { throw .cancelled(operation: "projecting") }
      let page: EventPage
      do throws(EventLogError) {
        page = try await next(after: start)
      } catch {
        guard error.stopsProjection else { throw error }
        for identity in behind(start) { try await stop(identity, "\(error)", &outcome) }
        continue
      }
      try await deal(with: page, from: start, &outcome)
      if page.isLast, page.failure == nil { break }
    }
    for identity in running.keys.sorted() { try await saveIfDue(identity, always: false) }
    return outcome
  }

  /// Saves the states that have changed since they were saved: before the process ends, or when nothing else is to be done.
  package mutating func saveStates() async throws(EventLogError) {
    for identity in running.keys.sorted() { try await saveIfDue(identity, always: true) }
  }

  // MARK: Pages

  private var prefetched: (after: Position, task: Task<Result<EventPage, EventLogError>, Never>)?

  /// The page after a position: the one that is being read already, if it is that. The next one is read meanwhile.
  private mutating func next(after position: Position) async throws(EventLogError) -> EventPage {
    let page: EventPage
    if let prefetched, prefetched.after == position {
      page = try await prefetched.task.value.get()
    } else {
      page = try await store.page(of: experiment, after: position, limit: pageMax)
    }
    prefetched = nil
    if let last = page.events.last, !page.isLast, page.failure == nil {
      let (store, experiment, pageMax) = (store, experiment, pageMax)
      let task = Task<Result<EventPage, EventLogError>, Never> { @concurrent in
        do throws(EventLogError) {
          return .success(try await store.page(of: experiment, after: last.position, limit: pageMax))
        } catch { return .failure(error) }
      }
      prefetched = (last.position, task)
    }
    return page
  }

  private func behind(_ position: Position) -> [ProjectionIdentity] {
    running.filter { $0.value.position == position }.keys.sorted()
  }

  private mutating func deal(
    with page: EventPage, from start: Position, _ outcome: inout Outcome
  ) async throws(EventLogError) {
    for definition in definitions {
      guard let fold = running[definition.identity] else { continue }
      let events = page.events.drop { $0.position <= fold.position }
      if !events.isEmpty { try await project(definition, fold, events, &outcome) }
    }
    // Those that have taken everything before it stop there.
    guard let failure = page.failure else { return }
    let end = page.events.last?.position ?? start
    for identity in running.keys.sorted() where running[identity].map({ $0.position >= end }) ?? false {
      try await stop(identity, "\(failure)", &outcome)
    }
  }

  private mutating func project(
    _ definition: ProjectionDefinition, _ before: Running, _ events: ArraySlice<ProjectedEvent>,
    _ outcome: inout Outcome
  ) async throws(EventLogError) {
    let identity = definition.identity
    var after = before
    // The state is not copied: a fold that fails is loaded again.
    running[identity]?.fold = definition.make()
    var changes = RowChanges(definition.tables)
    for event in events {
      do {
        try after.fold.apply(event, &changes)
        after.position = event.position
        after.version = event.recorded.version
      } catch {
        let reason = "\(event.recorded.type) at position \(event.position): \(error)"
        running[identity] = nil
        try await takeWhole(definition, events.prefix { $0.position < event.position }, &outcome)
        return try await stop(identity, reason, &outcome)
      }
    }
    if try await write(changes, identity, before, after, &outcome) { outcome.events += events.count }
    try await saveIfDue(identity, always: false)
  }

  /// The events before one that failed, by a fold that has not seen that one.
  private mutating func takeWhole(
    _ definition: ProjectionDefinition, _ events: ArraySlice<ProjectedEvent>, _ outcome: inout Outcome
  ) async throws(EventLogError) {
    guard !events.isEmpty else { return }
    try await load(&outcome)
    guard let again = running[definition.identity] else { return }
    try await project(definition, again, events.drop { $0.position <= again.position }, &outcome)
  }

  /// - Returns: whether the rows are stored now.
  private mutating func write(
    _ changes: RowChanges, _ identity: ProjectionIdentity, _ before: Running, _ after: Running,
    _ outcome: inout Outcome
  ) async throws(EventLogError) -> Bool {
    let acknowledgement = Acknowledgement(
      consumer: identity.consumer(of: experiment), from: before.position, to: after.position)
    do throws(EventLogError) {
      try await store.write(changes, of: identity, for: experiment, acknowledgement)
      running[identity] = after
      return true
    } catch {
      running[identity] = nil
      switch error {
      case .acknowledgeConflict: outcome.isContended = true
      case .consumerStopped: break
      default:
        guard error.stopsProjection else { throw error }
        try await stop(identity, "\(error)", &outcome)
      }
      return false
    }
  }

  private mutating func stop(
    _ identity: ProjectionIdentity, _ failure: String, _ outcome: inout Outcome
  ) async throws(EventLogError) {
    running[identity] = nil
    outcome.failures[identity] = failure
    try await store.setState(.failed, of: identity.consumer(of: experiment), failure: failure)
  }

  // MARK: States

  /// Brings the folds in memory in line with what is stored: those that somebody else has moved are loaded again, those that
  /// were paused or failed are left out.
  private mutating func load(_ outcome: inout Outcome) async throws(EventLogError) {
    for definition in definitions {
      let identity = definition.identity
      let record = try await store.consumer(identity.consumer(of: experiment))
      guard record.state == .running, outcome.failures[identity] == nil else {
        running[identity] = nil
        continue
      }
      if running[identity]?.position == record.position { continue }
      do {
        running[identity] = try await restored(definition, at: record.position)
      } catch let error as EventLogError {
        guard error.stopsProjection else { throw error }
        try await stop(identity, "\(error)", &outcome)
      } catch {
        try await stop(identity, "\(error)", &outcome)
      }
    }
  }

  /// The fold as it was at a position: from the newest saved state that is not beyond it, or from the first event.
  private func restored(_ definition: ProjectionDefinition, at position: Position) async throws -> Running {
    var found = Running(fold: definition.make(), position: .start, version: 0, savedVersion: 0)
    guard position > .start else { return found }
    if let snapshot = try await store.snapshot(
      of: definition.identity.fold, experiment: experiment, notAfter: .max),
      snapshot.isWhole, snapshot.position <= position, let fold = try? definition.restore(snapshot.bytes)
    {
      found = Running(
        fold: fold, position: snapshot.position, version: snapshot.version, savedVersion: snapshot.version)
    }
    while found.position < position {
      let page = try await store.page(of: experiment, after: found.position, limit: pageMax)
      let events = page.events.prefix { $0.position <= position }
      guard !events.isEmpty else {
        throw EventLogError.corrupt(
          "projection \(definition.identity) acknowledged position \(position), which is no event of its experiment")
      }
      // Their rows are stored already.
      var changes = RowChanges(definition.tables)
      for event in events {
        try found.fold.apply(event, &changes)
        found.position = event.position
        found.version = event.recorded.version
      }
    }
    return found
  }

  private mutating func saveIfDue(
    _ identity: ProjectionIdentity, always: Bool
  ) async throws(EventLogError) {
    guard let fold = running[identity] else { return }
    let due = always ? 1 : max(savedEvery, fold.savedVersion / 4)
    guard fold.version - fold.savedVersion >= due else { return }
    guard let bytes = try? fold.fold.saved() else { return }
    try await store.save(
      FoldSnapshot(fold: identity.fold, version: fold.version, position: fold.position, bytes: bytes), of: experiment)
    running[identity]?.savedVersion = fold.version
  }
}

extension EventLogError {
  /// Whether trying again would end in the same way, so that a projection stops: everything but weather and shutdown.
  fileprivate var stopsProjection: Bool {
    switch self {
    case .unavailable, .cancelled: false
    default: true
    }
  }
}
