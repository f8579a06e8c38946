import FoundationEssentials
import Synchronization

/// Keeps projections of one experiment up to the log: reads each page of events once, folds it with every projection, and
/// writes each one's rows with its acknowledgement in a transaction of its own. Projections take a page beside each other, one
/// task each; the next page begins when all have it.
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
    var pieces: [Piece] = []
    for definition in definitions {
      guard let position = running[definition.identity]?.position else { continue }
      let events = page.events.drop { $0.position <= position }
      if !events.isEmpty, let piece = piece(definition, events) { pieces.append(piece) }
    }
    try await take(pieces, &outcome)
    // Those that have taken everything before it stop there.
    guard let failure = page.failure else { return }
    let end = page.events.last?.position ?? start
    for identity in running.keys.sorted() where running[identity].map({ $0.position >= end }) ?? false {
      try await stop(identity, "\(failure)", &outcome)
    }
  }

  /// A projection's part of a page. The state is handed over, not copied: a fold that fails is loaded again.
  private struct Piece: Sendable {
    let definition: ProjectionDefinition
    let events: ArraySlice<ProjectedEvent>
    let fold: Handover
    var identity: ProjectionIdentity { definition.identity }
  }

  /// Holds a fold until its task takes it, so that nobody else refers to the state when it changes.
  private final class Handover: Sendable {
    private let running: Mutex<Running?>

    init(_ running: consuming Running) { self.running = Mutex(running) }

    func take() -> Running {
      let taken = running.withLock { running in
        defer { running = nil }
        return running
      }
      guard let taken else { preconditionFailure("a fold is handed over twice") }
      return taken
    }
  }

  private mutating func piece(_ definition: ProjectionDefinition, _ events: ArraySlice<ProjectedEvent>) -> Piece? {
    running.removeValue(forKey: definition.identity).map {
      Piece(definition: definition, events: events, fold: Handover($0))
    }
  }

  /// What came of a piece.
  private enum Taken: Sendable {
    /// The rows are stored; perhaps the state is not.
    case written(Running, notSaved: EventLogError?)
    case unwritten(EventLogError)
    /// The fold cannot take the event at a position.
    case failed(Position, reason: String)
  }

  /// Folds pieces of different projections beside each other.
  private mutating func take(_ pieces: [Piece], _ outcome: inout Outcome) async throws(EventLogError) {
    let (store, experiment, savedEvery) = (store, experiment, savedEvery)
    let results = await withTaskGroup(of: (Int, Taken).self) { group in
      for (index, piece) in pieces.enumerated() {
        group.addTask {
          (index, await Self.fold(piece, of: experiment, in: store, savedEvery: savedEvery))
        }
      }
      return await group.reduce(into: [Taken?](repeating: nil, count: pieces.count)) { $0[$1.0] = $1.1 }
    }
    var failures: [(Piece, Position, String)] = []
    var stops: [(ProjectionIdentity, String)] = []
    var error: EventLogError?
    for (piece, result) in zip(pieces, results) {
      switch result {
      case .written(let fold, let notSaved):
        running[piece.identity] = fold
        outcome.events += piece.events.count
        error = error ?? notSaved
      case .unwritten(.acknowledgeConflict): outcome.isContended = true
      case .unwritten(.consumerStopped): break
      case .unwritten(let reason) where reason.stopsProjection: stops.append((piece.identity, "\(reason)"))
      case .unwritten(let reason): error = error ?? reason
      case .failed(let position, let reason): failures.append((piece, position, reason))
      case nil: break
      }
    }
    for (identity, reason) in stops { try await stop(identity, reason, &outcome) }
    for (piece, position, reason) in failures {
      try await takeWhole(piece.definition, piece.events.prefix { $0.position < position }, &outcome)
      try await stop(piece.identity, reason, &outcome)
    }
    if let error { throw error }
  }

  /// Folds a piece and stores its rows.
  @concurrent private static func fold(
    _ piece: Piece, of experiment: ExperimentID, in store: any ProjectionStore, savedEvery: Int64
  ) async -> Taken {
    var fold = piece.fold.take()
    let from = fold.position
    var changes = RowChanges(piece.definition.tables)
    for event in piece.events {
      do {
        try fold.fold.apply(event, &changes)
      } catch {
        return .failed(event.position, reason: "\(event.recorded.type) at position \(event.position): \(error)")
      }
    }
    guard let last = piece.events.last else { return .written(fold, notSaved: nil) }
    do {
      try fold.fold.finish(&changes)
    } catch {
      return .failed(from, reason: "the rows of positions after \(from), up to \(last.position): \(error)")
    }
    fold.position = last.position
    fold.version = last.recorded.version
    do throws(EventLogError) {
      try await store.write(
        changes, of: piece.identity, for: experiment,
        Acknowledgement(consumer: piece.identity.consumer(of: experiment), from: from, to: last.position))
    } catch { return .unwritten(error) }
    do throws(EventLogError) {
      try await save(&fold, of: piece.identity, experiment, in: store, after: max(savedEvery, fold.savedVersion / 4))
      return .written(fold, notSaved: nil)
    } catch { return .written(fold, notSaved: error) }
  }

  /// The events before one that failed, by a fold that has not seen that one.
  private mutating func takeWhole(
    _ definition: ProjectionDefinition, _ events: ArraySlice<ProjectedEvent>, _ outcome: inout Outcome
  ) async throws(EventLogError) {
    guard !events.isEmpty else { return }
    try await load(&outcome)
    guard let position = running[definition.identity]?.position else { return }
    let left = events.drop { $0.position <= position }
    guard !left.isEmpty, let piece = piece(definition, left) else { return }
    try await take([piece], &outcome)
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
      try found.fold.finish(&changes)
    }
    return found
  }

  private mutating func saveIfDue(
    _ identity: ProjectionIdentity, always: Bool
  ) async throws(EventLogError) {
    guard var fold = running[identity] else { return }
    try await Self.save(
      &fold, of: identity, experiment, in: store, after: always ? 1 : max(savedEvery, fold.savedVersion / 4))
    running[identity]?.savedVersion = fold.savedVersion
  }

  /// Saves a state if so many events have come since it was saved.
  private static func save(
    _ fold: inout Running, of identity: ProjectionIdentity, _ experiment: ExperimentID, in store: any ProjectionStore,
    after events: Int64
  ) async throws(EventLogError) {
    guard fold.version - fold.savedVersion >= events, let bytes = try? fold.fold.saved() else { return }
    try await store.save(
      FoldSnapshot(fold: identity.fold, version: fold.version, position: fold.position, bytes: bytes), of: experiment)
    fold.savedVersion = fold.version
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
