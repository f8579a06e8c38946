import Domain
import EventLog
import Foundation

/// Pausing, resuming and stopping by appending to the log (architecture §1): no connection to a daemon is needed, so it
/// works while the daemon is down, busy or on another host.
package struct ControlDesk: Sendable {
  private let log: any EventLog
  private let surroundings: Surroundings

  package init(log: any EventLog, surroundings: Surroundings) {
    self.log = log
    self.surroundings = surroundings
  }

  /// What can be asked of an experiment.
  package enum Request: String, Sendable, CaseIterable {
    case pause, resume, stop
  }

  /// What came of a request.
  package enum Answer: Hashable, Sendable {
    /// Appended; the experiment obeys at its next step boundary.
    case requested(Position)
    /// The experiment is so already, or on its way; nothing was appended.
    case already(String)
    /// It cannot be: stopped experiments do not come back.
    case refused(String)
  }

  /// Appends the request unless it has no meaning in the experiment's present state.
  ///
  /// - Throws: `UnknownExperiment`, `UnfinishedImport` and the log's errors.
  package func request(_ request: Request, of name: String, reason: String) async throws -> Answer {
    let record = try await log.requireExperiment(name)
    try await ImportState.requireWhole(record.id, in: log)
    var stored = try await StoredExperiment.load(record, from: log)
    let key = "control/\(surroundings.makeID().uuidString.lowercased())"
    while true {
      if let answer = Self.settled(request, stored.experiment) { return answer }
      let event = Self.event(request, ControlRequest(reason: reason, by: "\(NSUserName())@\(surroundings.host)"))
      let version = stored.experiment.version
      var after = stored.experiment
      after.evolve(event, version: version + 1, position: stored.position.rawValue + 1)
      do {
        let appended = try await log.append(
          Append(
            key: "\(key)/\(version)", experiment: record.id, expectedVersion: version, epoch: nil,
            events: [NewEvent(event)],
            state: after.stateName))
        return .requested(appended.last)
      } catch {
        guard case .wrongExpectedVersion = error else { throw error }
        _ = try await stored.readOn(log)
      }
    }
  }

  private static func event(_ request: Request, _ body: ControlRequest) -> Event {
    switch request {
    case .pause: .pauseRequested(body)
    case .resume: .resumeRequested(body)
    case .stop: .stopRequested(body)
    }
  }

  /// The answer where nothing is to be appended.
  private static func settled(_ request: Request, _ experiment: Experiment) -> Answer? {
    switch (request, experiment.life) {
    case (_, .stopped): .refused("\(experiment.name) is stopped for good; fork or create another experiment")
    case (.stop, .stopRequested): .already("stopping")
    case (_, .stopRequested): .refused("\(experiment.name) is being stopped")
    case (.pause, .paused), (.pause, .pauseRequested): .already(experiment.life.name)
    case (.pause, .failed): .already("failed, which waits like a pause")
    case (.resume, .running), (.resume, .resumeRequested): .already(experiment.stateName)
    default: nil
    }
  }
}
