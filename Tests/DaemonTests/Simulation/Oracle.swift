import Daemon
import Domain
import EventLog

/// What must hold of a log whatever happened to the processes that wrote it. Returns violations instead of recording
/// them, so that a test can show that the oracle fails where it should.
struct Oracle {
  let log: any EventLog
  let record: ExperimentRecord
  /// The play of the same experiment, undisturbed.
  let expected: [PlayEvent]
  let folder: String

  func violations(promised: [Promised]) async -> [String] {
    do {
      let appends = try await log.appends(after: .start, limit: LogLimits.readMax)
      return try await chain() + keys(appends) + epochs(appends) + kept(promised, appends) + positions() + fold()
        + play()
    } catch {
      return ["the oracle itself: \(error)"]
    }
  }

  private func chain() async -> [String] {
    do {
      _ = try await ChainAudit.audit(log, pageSize: 1000)
      return []
    } catch {
      return ["chain: \(error)"]
    }
  }

  private func keys(_ appends: [AppendRecord]) -> [String] {
    let keys = Set(appends.map(\.key))
    return keys.count == appends.count ? [] : ["\(appends.count - keys.count) append keys occur twice"]
  }

  /// Nobody writes under an epoch that a later writer has ended.
  private func epochs(_ appends: [AppendRecord]) -> [String] {
    let epochs = appends.compactMap(\.epoch)
    return zip(epochs, epochs.dropFirst()).filter { $0 > $1 }.map { "epoch \($1) was written after epoch \($0)" }
  }

  /// What was acknowledged is in the log: where it was said to be, once, under the epoch it was sent with.
  private func kept(_ promised: [Promised], _ appends: [AppendRecord]) -> [String] {
    let byKey = Dictionary(appends.map { ($0.key, $0) }) { first, _ in first }
    return promised.compactMap { promise in
      guard let found = byKey[promise.append.key] else { return "acknowledged and lost: \(promise.append.key)" }
      guard found.first == promise.first, found.last == promise.last, found.count == promise.append.events.count
      else { return "\(promise.append.key) was acknowledged at \(promise.first), it is at \(found.first)" }
      guard found.epoch == promise.append.epoch else {
        return "\(promise.append.key) was sent under another epoch than it is recorded with"
      }
      return nil
    }
  }

  private func positions() async throws -> [String] {
    let all = try await log.read(experiment: nil, after: .start, types: nil, limit: LogLimits.readMax)
    let head = try await log.head().position
    let isGapless = all.map(\.position.rawValue) == Array(1...max(1, head.rawValue))
    let own = all.filter { $0.experiment == record.id }.map(\.version)
    return (isGapless ? [] : ["positions have gaps"])
      + (own == Array(1...Int64(own.count)) ? [] : ["versions have gaps"])
  }

  /// The rows beside the log agree with the fold from zero.
  private func fold() async throws -> [String] {
    let stored = try await StoredExperiment.load(record, from: log)
    guard let row = try await log.experiment(record.id) else { return ["the experiment is gone"] }
    let consumer = try await log.consumer(Consumer(name: "learner", experiment: record.id))
    let updates = try await log.read(
      experiment: record.id, after: .start, types: ["WeightsUpdated", "UpdateSkipped"], limit: LogLimits.readMax)
    var found: [String] = []
    if row.version != stored.experiment.version { found.append("version \(row.version) beside the fold's") }
    if row.state != stored.experiment.stateName { found.append("state \(row.state) beside the fold's") }
    if consumer.position != updates.last?.position ?? .start {
      found.append("the learner is at \(consumer.position), the last update at \(String(describing: updates.last))")
    }
    return found
  }

  /// Resume = never stopped: the same events, samples and weights digests.
  private func play() async throws -> [String] {
    let daemon = TestDaemon(log: HookedLog(log), folder: folder, surroundings: .test(), database: nil)
    let play = try await daemon.play(record)
    guard play != expected else { return [] }
    let place = zip(play, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    return [
      "the play differs from the undisturbed one at event \(place ?? min(play.count, expected.count)) "
        + "(\(play.count) events, \(expected.count) expected)"
    ]
  }
}
