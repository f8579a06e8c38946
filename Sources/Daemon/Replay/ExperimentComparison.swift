import Domain
import EventLog
import Settings

/// Two experiments side by side: the settings that differ, the first event of the play where they part, the learning
/// curves. `autodidact diff` calls it.
package struct ExperimentComparison: Sendable {
  private let log: any EventLog

  package init(log: any EventLog) { self.log = log }

  /// What was found. `left` and `right` are the experiments in the order they were given.
  package struct Report: Hashable, Codable, Sendable {
    package var left: String
    package var right: String
    /// Settings that differ: key, left value, right value.
    package var settings: [Setting] = []
    /// Version of the last event they share by reference; nil if neither is the other's fork or sister.
    package var sharedVersion: Int64?
    /// Whether only updates were compared, because one of the two is a shadow learner and has nothing else.
    package var isOfUpdatesOnly = false
    /// Events of the play that were compared and are the same, after the shared ones.
    package var equalEvents = 0
    /// nil if all events of the shorter one are the same.
    package var divergence: Divergence?
    /// Which one goes on after the other's end, where there is no divergence.
    package var longer: String?
    package var leftCurve = LearningCurve()
    package var rightCurve = LearningCurve()
  }

  package struct Setting: Hashable, Codable, Sendable {
    package var key: String
    package var left: String
    package var right: String
  }

  /// The first event of the play that is not the same.
  package struct Divergence: Hashable, Codable, Sendable {
    package var leftPosition: Int64
    package var rightPosition: Int64
    package var iteration: Int?
    package var type: String
    package var subject: String
    package var difference: EventDifference
  }

  package func compare(_ left: ExperimentRecord, _ right: ExperimentRecord) async throws -> Report {
    let (a, b) = (
      try await StoredExperiment.load(left, from: log).experiment,
      try await StoredExperiment.load(right, from: log).experiment
    )
    var report = Report(left: left.name, right: right.name)
    report.settings = SettingsDocument.differences(a.settings, b.settings).map {
      Setting(key: $0.key, left: $0.left, right: $0.right)
    }
    let shared = try await shared(left, right)
    report.sharedVersion = shared?.version
    report.isOfUpdatesOnly = a.shadow != nil || b.shadow != nil
    try await part(left, right, after: shared?.position ?? .start, &report)
    report.leftCurve = try await LearningCurve.of(a, in: log)
    report.rightCurve = try await LearningCurve.of(b, in: log)
    return report
  }

  /// Walks both plays until they part.
  private func part(
    _ left: ExperimentRecord, _ right: ExperimentRecord, after position: Position, _ report: inout Report
  ) async throws {
    var (a, b) = (EventCursor(left.id, log, after: position), EventCursor(right.id, log, after: position))
    while true {
      let (l, r) = (
        try await a.nextPlayed(updatesOnly: report.isOfUpdatesOnly),
        try await b.nextPlayed(updatesOnly: report.isOfUpdatesOnly)
      )
      guard let l, let r else {
        report.longer = l != nil ? left.name : r != nil ? right.name : nil
        return
      }
      guard let difference = EventDifference.first(l.played, r.played) else {
        report.equalEvents += 1
        continue
      }
      report.divergence = Divergence(
        leftPosition: l.recorded.position.rawValue, rightPosition: r.recorded.position.rawValue,
        iteration: l.recorded.iteration, type: l.recorded.type,
        subject: try l.recorded.event().subject ?? "", difference: difference)
      return
    }
  }

  /// The last event that is in both streams by reference.
  private func shared(_ left: ExperimentRecord, _ right: ExperimentRecord) async throws -> ParentLink? {
    let (a, b) = (try await log.lineage(of: left.id), try await log.lineage(of: right.id))
    guard let common = Array(zip(a, b)).last(where: { $0.0.experiment == $0.1.experiment }) else { return nil }
    switch (common.0.last, common.1.last) {
    case (let one?, let other?): return one.version < other.version ? one : other
    case (let one?, nil), (nil, let one?): return one
    case (nil, nil): return ParentLink(experiment: left.id, version: left.version, position: left.lastPosition)
    }
  }
}
