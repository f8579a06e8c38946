import Crypto
import Domain
import EventLog
import Foundation
import Transformer

/// Recomputes what the log says about itself, and compares it with everything that was derived from it: `autodidact verify`.
///
/// In the order of what depends on what: the chain with its events, generations and segments; the experiments' rows;
/// consumers; folds; snapshots; checkpoint files. The first difference ends it. Reads in pages; memory does not grow with the log.
package struct LogVerification: Sendable {
  private let log: any EventLog
  private let home: Home
  private let isFull: Bool

  /// - Parameter isFull: every digest from the first event on, every fold from the beginning, every byte of every file.
  ///   Otherwise the chain's links, versions and positions of everything, the digests that no sealed segment vouches for,
  ///   and the files' headers.
  package init(log: any EventLog, home: Home, isFull: Bool) {
    self.log = log
    self.home = home
    self.isFull = isFull
  }

  private struct Found: Error {
    let damage: Damage
  }

  /// - Parameter name: only this experiment's events and files; the chain itself is everybody's.
  /// - Throws: `UnknownExperiment`, the log's errors. What is damaged is in the report.
  package func verify(_ name: String?) async throws -> VerificationReport {
    var report = VerificationReport()
    do {
      let head = try await log.head()
      report.headPosition = head.position.rawValue
      report.headHash = head.hash.hexadecimal
      let only: ExperimentRecord? = if let name { try await log.requireExperiment(name) } else { nil }
      try await chain(only, &report)
      let all = if let only { [only] } else { try await log.experiments() }
      let records = all.filter { !$0.isEvaluation }
      try await files(&report)
      try await consumers(&report)
      if isFull {
        try await folds(records, &report)
        try await evaluations(all.filter(\.isEvaluation), &report)
      }
      try await snapshots(records, &report)
      try await checkpoints(records, &report)
    } catch let found as Found {
      report.damage = found.damage
    }
    return report
  }

  private func chain(_ only: ExperimentRecord?, _ report: inout VerificationReport) async throws {
    let before = try await log.experiments()
    var scope = ChainAudit.Scope(experiment: only?.id)
    if !isFull {
      let sealed = try await log.segments().filter { $0.state != .open }
      scope.digestsAfter = sealed.map(\.last).max() ?? .start
    }
    switch try await ChainAudit.inspect(log, scope: scope) {
    case .damaged(let damage): throw Found(damage: damage)
    case .whole(let audited):
      report.checks.append(VerificationReport.Check("appends", audited.appends))
      let left = audited.head.position.rawValue - Int64(audited.events)
      let note = left > 0 ? "\(left) others are vouched for by sealed segments, in files, or of other experiments" : nil
      report.checks.append(VerificationReport.Check("events", audited.events, note: note))
      if audited.segments > 0 { report.checks.append(VerificationReport.Check("segment roots", audited.segments)) }
      for record in before {
        guard let end = audited.ends[record.id], end.version >= record.version, end.position >= record.lastPosition
        else {
          throw Found(
            damage: Damage(
              table: "log.experiments", position: record.lastPosition, key: record.name,
              reason: "it says version \(record.version), its appends end at \(audited.ends[record.id]?.version ?? 0)"))
        }
      }
      report.checks.append(VerificationReport.Check("experiments", before.count))
    }
  }

  /// The archive files of exported and detached segments.
  private func files(_ report: inout VerificationReport) async throws {
    var count = 0
    var missing: [String] = []
    for segment in try await log.segments() {
      guard let file = segment.file, segment.state == .exported || segment.state == .detached else { continue }
      guard FileManager.default.fileExists(atPath: file) else {
        missing.append(file)
        continue
      }
      guard isFull else { continue }
      do {
        try SegmentFile.check(file, of: segment)
      } catch {
        let reason = (error as? SegmentFile.Mismatch)?.reason ?? "\(error)"
        throw Found(
          damage: Damage(table: file, position: segment.first, key: "segment \(segment.number)", reason: reason))
      }
      count += 1
    }
    if count + missing.count > 0 {
      let note = missing.isEmpty ? nil : "not on this machine: \(missing.joined(separator: ", "))"
      report.checks.append(VerificationReport.Check("archive files", count, note: note))
    }
  }

  private func consumers(_ report: inout VerificationReport) async throws {
    let consumers = try await log.consumers()
    let head = try await log.head().position
    for record in consumers where record.position > head {
      throw Found(
        damage: Damage(
          table: "log.consumers", position: record.position, key: "\(record.consumer)",
          reason: "it acknowledged what is beyond the head, \(head)"))
    }
    report.checks.append(VerificationReport.Check("consumers", consumers.count))
  }
}

// MARK: - What is derived from the log

extension LogVerification {
  /// The fold from the beginning gives the state that the row beside the log says, and the learner's last lesson is the one
  /// it acknowledged. An experiment that grows meanwhile, or whose events are detached, is left out.
  private func folds(_ records: [ExperimentRecord], _ report: inout VerificationReport) async throws {
    var count = 0
    for record in records {
      do {
        if try await fold(record) { count += 1 }
      } catch let error as EventLogError {
        guard case .detached = error else { throw error }
      }
    }
    report.checks.append(VerificationReport.Check("folds", count))
  }

  /// - Returns: false for an experiment that grew meanwhile.
  private func fold(_ record: ExperimentRecord) async throws -> Bool {
    var stored = try await StoredExperiment.begin(record, from: log)
    _ = try await stored.readOn(log)
    guard let row = try await log.experiment(record.id), row.version == stored.experiment.version else { return false }
    let place = stored.position
    func damaged(_ table: String, _ reason: String) -> Found {
      Found(damage: Damage(table: table, position: place, key: "experiment \(record.name)", reason: reason))
    }
    if row.state != stored.experiment.stateName {
      throw damaged("log.experiments", "the row says \(row.state), the fold \(stored.experiment.stateName)")
    }
    guard stored.experiment.shadow == nil else { return true }
    let learner = try await log.consumer(Consumer(name: "learner", experiment: record.id)).position
    let last = try await log.allEvents(of: record.id, types: ["WeightsUpdated", "UpdateSkipped"]).last?.position
    if learner != last ?? .start {
      throw damaged("log.consumers", "the learner acknowledged \(learner), the last update is at \(last ?? .start)")
    }
    return true
  }

  /// Each evaluation's answers give the digest that it completed with.
  private func evaluations(_ records: [ExperimentRecord], _ report: inout VerificationReport) async throws {
    var (count, open) = (0, 0)
    for record in records {
      do {
        let stream = try await EvaluationStream.load(record, from: log)
        if stream.completed == nil { open += 1 } else { count += 1 }
      } catch EventLogError.corrupt(let reason) {
        throw Found(
          damage: Damage(table: "log.events", position: record.lastPosition, key: record.name, reason: reason))
      } catch EventLogError.detached {
        continue
      }
    }
    guard !records.isEmpty else { return }
    report.checks.append(
      VerificationReport.Check("evaluations", count, note: open > 0 ? "\(open) are not complete" : nil))
  }

  private func snapshots(_ records: [ExperimentRecord], _ report: inout VerificationReport) async throws {
    var count = 0
    var unfolded: [String] = []
    for record in records {
      let snapshots = try await log.snapshots(of: record.id)
      func damaged(_ snapshot: FoldSnapshot, _ reason: String) -> Found {
        Found(
          damage: Damage(
            table: "read.snapshots", position: snapshot.position,
            key: "\(snapshot.fold), version \(snapshot.version) of \(record.name)", reason: reason))
      }
      for snapshot in snapshots where !snapshot.isWhole { throw damaged(snapshot, "its bytes differ from its digest") }
      count += snapshots.count
      guard isFull else { continue }
      let known = snapshots.filter { $0.fold == StoredExperiment.fold }
      do {
        if let wrong = try await firstDifference(known, record) {
          throw damaged(wrong, "the fold from the beginning gives another state")
        }
      } catch let error as EventLogError {
        guard case .detached = error else { throw error }
        unfolded.append(record.name)
      }
    }
    let note = unfolded.isEmpty ? nil : "not folded again, for events are detached: \(unfolded.joined(separator: ", "))"
    report.checks.append(VerificationReport.Check("snapshots", count, note: note))
  }

  /// Folds the experiment once and stops at each snapshot's version to compare.
  private func firstDifference(_ snapshots: [FoldSnapshot], _ record: ExperimentRecord) async throws -> FoldSnapshot? {
    guard var rest = snapshots.isEmpty ? nil : snapshots[...] else { return nil }
    var stored = try await StoredExperiment.begin(record, from: log)
    while let next = rest.first {
      if stored.experiment.version >= next.version {
        guard stored.experiment.version == next.version, stored.encoded == next.bytes else { return next }
        rest.removeFirst()
        continue
      }
      let page = try await log.read(
        experiment: record.id, after: stored.position, types: nil,
        limit: min(LogLimits.readMax, Int(next.version - stored.experiment.version)))
      guard !page.isEmpty else { return next }
      for recorded in page {
        stored.take(try recorded.event(), version: recorded.version, position: recorded.position)
      }
    }
    return nil
  }

  private func checkpoints(_ records: [ExperimentRecord], _ report: inout VerificationReport) async throws {
    var count = 0
    var absent = 0
    // What recorded the older ones is in the files of detached segments; those files have been checked.
    let attached = try await log.segments().last { $0.state == .detached }?.last ?? .start
    for record in records {
      var position = attached
      while true {
        let page = try await log.read(
          experiment: record.id, after: position, types: ["CheckpointSaved"], limit: LogLimits.readMax)
        for recorded in page {
          position = recorded.position
          guard case .checkpointSaved(let saved) = try recorded.event() else { continue }
          let path = home.checkpoints(record.name).appendingPathComponent(saved.file).path
          guard FileManager.default.fileExists(atPath: path) else {
            absent += 1
            continue
          }
          try await check(saved, at: path, position, record)
          count += 1
        }
        if page.count < LogLimits.readMax { break }
      }
    }
    let notes = [
      absent > 0 ? "\(absent) recorded ones are not kept here" : nil,
      attached > .start ? "those recorded up to position \(attached) were left out" : nil,
    ].compactMap(\.self)
    let note = notes.isEmpty ? nil : notes.joined(separator: "; ")
    report.checks.append(VerificationReport.Check("checkpoints", count, note: note))
  }

  /// A file against the event that recorded it, and against the chain at the position that it was saved at.
  private func check(
    _ saved: Checkpoint, at path: String, _ position: Position, _ record: ExperimentRecord
  ) async throws {
    func damaged(_ reason: String) -> Found {
      Found(
        damage: Damage(
          table: path, position: position, key: "version \(saved.policyVersion) of \(record.name)", reason: reason))
    }
    let file: CheckpointFile
    do {
      file = try CheckpointFile(path: path)
      if isFull { try file.checkDigests() }
    } catch { throw damaged("\(error)") }
    guard file.digests.weights == saved.weightsDigest else {
      throw damaged("its weights are \(file.digests.weights), the event says \(saved.weightsDigest)")
    }
    let head = file.header.logHead
    guard head.position > 0 else { return }
    let append = try await log.appends(after: Position(head.position - 1), limit: 1).first
    guard append?.last.rawValue == head.position, append?.hash.hexadecimal == head.hash else {
      throw damaged(
        "it was saved when the log's head at \(head.position) was \(head.hash); the log has another hash there")
    }
  }
}
