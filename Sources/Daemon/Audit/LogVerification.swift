import Crypto
import Domain
import EventLog
import Foundation
import Projections
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
      try await folds(records, &report)
      if isFull { try await evaluations(all.filter(\.isEvaluation), &report) }
      try await projections(records, &report)
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
  /// Snapshots are what was saved; in full, each experiment is folded once from its first event and compared with its
  /// snapshots, its row and its learner. One that grows meanwhile, or whose events are detached, is left out.
  private func folds(_ records: [ExperimentRecord], _ report: inout VerificationReport) async throws {
    var (folds, count) = (0, 0)
    var unfolded: [String] = []
    for record in records {
      let snapshots = try await log.snapshots(of: record.id)
      for snapshot in snapshots where !snapshot.isWhole {
        throw damaged(snapshot, record, "its bytes differ from its digest")
      }
      count += snapshots.count
      guard isFull else { continue }
      let known = snapshots.filter { $0.fold == StoredExperiment.fold }
      do {
        if try await fold(record, known) { folds += 1 }
      } catch let error as EventLogError {
        guard case .detached = error else { throw error }
        if !known.isEmpty { unfolded.append(record.name) }
      }
    }
    if isFull { report.checks.append(VerificationReport.Check("folds", folds)) }
    let note = unfolded.isEmpty ? nil : "not folded again, for events are detached: \(unfolded.joined(separator: ", "))"
    report.checks.append(VerificationReport.Check("snapshots", count, note: note))
  }

  /// In full, every stored row of every projection is folded again.
  private func projections(_ records: [ExperimentRecord], _ report: inout VerificationReport) async throws {
    guard isFull, let desk = try? ProjectionDesk(log, ProjectionCatalogue.all) else { return }
    var (rows, left) = (0, 0)
    for record in records {
      for verified in try await desk.verify(nil, version: nil, experiment: record.name) {
        guard let check = verified.check else {
          left += 1
          continue
        }
        if let first = check.first {
          throw Found(
            damage: Damage(
              table: first.table, position: first.position, key: "\(first.key) of \(record.name)",
              reason: first.reason))
        }
        rows += check.rows
      }
    }
    let note = left == 0 ? nil : "\(left) not folded again, for events are detached"
    report.checks.append(VerificationReport.Check("projected rows", rows, note: note))
  }

  private func damaged(_ snapshot: FoldSnapshot, _ record: ExperimentRecord, _ reason: String) -> Found {
    Found(
      damage: Damage(
        table: "read.snapshots", position: snapshot.position,
        key: "\(snapshot.fold), version \(snapshot.version) of \(record.name)", reason: reason))
  }

  /// Folds an experiment page by page and compares each snapshot at its version; then the row and the learner.
  ///
  /// - Parameter snapshots: of this fold, in order of version.
  /// - Returns: false for an experiment that grew meanwhile.
  private func fold(_ record: ExperimentRecord, _ snapshots: [FoldSnapshot]) async throws -> Bool {
    var stored = try await StoredExperiment.begin(record, from: log)
    var rest = snapshots[...]
    var lastUpdate = Position.start
    try compare(stored, record, &rest)
    while true {
      let page = try await log.read(
        experiment: record.id, after: stored.position, types: nil, limit: LogLimits.readMax)
      for recorded in page {
        let event = try recorded.event()
        if event.isDecision, let reason = stored.experiment.objection(to: event) {
          throw Found(
            damage: Damage(table: "log.events", position: recorded.position, key: record.name, reason: reason))
        }
        stored.take(event, version: recorded.version, position: recorded.position)
        if event.isUpdate { lastUpdate = recorded.position }
        try compare(stored, record, &rest)
      }
      if page.count < LogLimits.readMax { break }
    }
    if let beyond = rest.first { throw damaged(beyond, record, "the log ends before it") }
    guard let row = try await log.experiment(record.id), row.version == stored.experiment.version else { return false }
    try await compare(row, stored, lastUpdate)
    return true
  }

  /// Compares the snapshots of the version that the fold has reached.
  private func compare(
    _ stored: StoredExperiment, _ record: ExperimentRecord, _ rest: inout ArraySlice<FoldSnapshot>
  ) throws {
    while let next = rest.first, stored.experiment.version >= next.version {
      guard stored.experiment.version == next.version, stored.encoded == next.bytes else {
        throw damaged(next, record, "the fold from the beginning gives another state")
      }
      rest.removeFirst()
    }
  }

  /// The row says the state of the fold, or that of an import; the learner has acknowledged its last lesson.
  private func compare(_ row: ExperimentRecord, _ stored: StoredExperiment, _ lastUpdate: Position) async throws {
    func damaged(_ table: String, _ reason: String) -> Found {
      Found(damage: Damage(table: table, position: stored.position, key: "experiment \(row.name)", reason: reason))
    }
    if row.state != stored.experiment.stateName, !ImportState.all.contains(row.state) {
      throw damaged("log.experiments", "the row says \(row.state), the fold \(stored.experiment.stateName)")
    }
    guard stored.experiment.shadow == nil else { return }
    let learner = try await log.consumer(Consumer(name: "learner", experiment: row.id)).position
    if learner != lastUpdate {
      throw damaged("log.consumers", "the learner acknowledged \(learner), the last update is at \(lastUpdate)")
    }
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
    // A file that came with an imported experiment was saved at a head of the log it was recorded in.
    guard head.position > 0, try await !isImported(position) else { return }
    let append = try await log.appends(after: Position(head.position - 1), limit: 1).first
    guard append?.last.rawValue == head.position, append?.hash.hexadecimal == head.hash else {
      throw damaged(
        "it was saved when the log's head at \(head.position) was \(head.hash); the log has another hash there")
    }
  }

  private func isImported(_ position: Position) async throws -> Bool {
    try await log.appends(after: Position(position.rawValue - 1), limit: 1).first?.key.hasPrefix(ImportState.keyPrefix)
      ?? false
  }
}
