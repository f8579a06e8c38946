import Domain
import EventLog
import Foundation

/// Tags, notes and priorities by appending to the log: like a request it needs no connection to a daemon. `tag`, `note` and
/// `priority` call it.
package struct AnnotationDesk: Sendable {
  private let log: any EventLog
  private let surroundings: Surroundings

  package init(log: any EventLog, surroundings: Surroundings) {
    self.log = log
    self.surroundings = surroundings
  }

  /// What came of it.
  package struct Outcome: Hashable, Sendable {
    /// As they are now.
    package var annotations: Annotations
    /// nil: they were so already, and nothing was appended.
    package var position: Position?

    package init(annotations: Annotations, position: Position?) {
      self.annotations = annotations
      self.position = position
    }
  }

  /// Appends the event unless it would change nothing.
  ///
  /// - Parameters:
  ///   - event: its `by` is filled in here: user and host of this process.
  ///   - way: how it came, if not by this process's user: `over HTTP, token laptop`.
  /// - Throws: `AnnotationRefused`, `UnknownExperiment`, `UnfinishedImport`, the log's errors.
  package func annotate(_ name: String, _ event: ExperimentAnnotated, way: String? = nil) async throws -> Outcome {
    var record = try await log.requireExperiment(name)
    try await ImportState.requireWhole(record.id, in: log)
    var event = event
    event.by = "\(NSUserName())@\(surroundings.host)" + (way.map { " (\($0))" } ?? "")
    let key = "annotate/\(surroundings.makeID().uuidString.lowercased())"
    while true {
      let before = try await log.annotations(of: record)
      if let objection = before.objection(to: event) { throw AnnotationRefused(name: name, reason: objection) }
      var after = before
      after.apply(event)
      guard after != before else { return Outcome(annotations: before, position: nil) }
      do {
        let appended = try await log.append(
          Append(
            key: "\(key)/\(record.version)", experiment: record.id, expectedVersion: record.version, epoch: nil,
            events: [NewEvent(.experimentAnnotated(event))]))
        return Outcome(annotations: after, position: appended.last)
      } catch {
        guard case .wrongExpectedVersion = error else { throw error }
        record = try await log.requireExperiment(name)
      }
    }
  }
}

/// A tag, note or priority that cannot be.
package struct AnnotationRefused: Error, Hashable, Sendable, CustomStringConvertible {
  package var name: String
  package var reason: String
  package var description: String { "\(name): \(reason)" }
}

extension EventLog {
  /// What people said about an experiment. Events that it shares with a parent are not asked.
  /// - Throws: the log's errors; `.detached` if its beginning is in an archive file.
  package func annotations(of record: ExperimentRecord) async throws -> Annotations {
    var book = AnnotationBook()
    return try await book.annotations(of: record, in: self)
  }
}

/// The annotations of several experiments, read on and not read again: a daemon asks at every step boundary.
package struct AnnotationBook: Sendable {
  private var pages: [ExperimentID: (annotations: Annotations, readTo: Position)] = [:]

  package init() {}

  /// - Throws: the log's errors.
  package mutating func annotations(
    of record: ExperimentRecord, in log: any EventLog
  ) async throws -> Annotations {
    var page = pages[record.id] ?? (Annotations(), record.parent?.position ?? .start)
    while page.readTo < record.lastPosition {
      let events = try await log.read(
        experiment: record.id, after: page.readTo, types: ["ExperimentAnnotated"], limit: Self.pageMax)
      for recorded in events {
        if case .experimentAnnotated(let annotated) = try recorded.event() { page.annotations.apply(annotated) }
        page.readTo = recorded.position
      }
      if events.count < Self.pageMax { page.readTo = max(page.readTo, record.lastPosition) }
    }
    pages[record.id] = page
    return page.annotations
  }

  private static let pageMax = 1000
}
