import Domain
import EventLog

/// What `ops/fault-test` asks of a log after each round: the chain is whole, and the rows beside the log agree with the
/// fold from zero. Printed by `autodidactd --audit`.
package struct LogAudit: Sendable {
  private let log: any EventLog

  package init(_ log: any EventLog) { self.log = log }

  /// Everything found wrong, in words; empty if nothing is.
  package func violations() async throws -> [String] {
    do {
      _ = try await ChainAudit.audit(log)
    } catch EventLogError.corrupt(let reason) {
      return ["chain: \(reason)"]
    }
    var found: [String] = []
    for record in try await log.experiments() { found += try await violations(of: record) }
    return found
  }

  private func violations(of record: ExperimentRecord) async throws -> [String] {
    let stored = try await StoredExperiment.load(record, from: log)
    let row = try await log.experiment(record.id)
    var found: [String] = []
    if row?.version != stored.experiment.version {
      found.append(
        "\(record.name): the row is at version \(row?.version ?? -1), the fold at \(stored.experiment.version)")
    }
    if row?.state != stored.experiment.stateName {
      found.append("\(record.name): the row says \(row?.state ?? "nothing"), the fold \(stored.experiment.stateName)")
    }
    let updates = try await log.read(
      experiment: record.id, after: .start, types: ["WeightsUpdated", "UpdateSkipped"], limit: LogLimits.readMax)
    let learner = try await log.consumer(Consumer(name: "learner", experiment: record.id))
    if learner.position != updates.last?.position ?? .start {
      found.append("\(record.name): the learner is at \(learner.position), the last update elsewhere")
    }
    return found
  }
}
