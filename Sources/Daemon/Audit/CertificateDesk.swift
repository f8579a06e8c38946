import Domain
import EventLog
import Foundation

/// Makes certificates from the log and checks them, against the log or against an exported file.
package enum CertificateDesk {
  /// The certificate of an experiment as the log stands now. The chain is audited first: nothing damaged is certified.
  /// - Throws: `EventLogError.corrupt` naming what is damaged, `UnknownExperiment`, the log's errors.
  package static func make(_ name: String, from log: any EventLog) async throws -> Certificate {
    let record = try await log.requireExperiment(name)
    switch try await ChainAudit.inspect(log, scope: ChainAudit.Scope(experiment: record.id)) {
    case .damaged(let damage): throw EventLogError.corrupt(damage.description)
    case .whole(let report):
      return Certificate(
        name: record.name, experiment: record.id, headPosition: report.head.position.rawValue,
        headHash: report.head.hash.hexadecimal, segments: try await segments(log, upTo: report.head.position),
        contents: try await contents(of: record.id, in: log, upTo: report.head.position))
    }
  }

  /// Checks a certificate against an exported file; no database is needed.
  /// - Returns: what differs, in words; empty if nothing does.
  /// - Throws: `ArchiveError` for a file that is damaged or contradicts itself.
  package static func check(_ certificate: Certificate, export path: String) throws -> [String] {
    var fold = CertificateFold()
    var hashes: [Int64: String] = [:]
    let report = try ArchiveAudit.audit(path: path) { record in
      switch record {
      case .append(let append), .link(let append):
        if append.last.rawValue == certificate.headPosition { hashes[append.last.rawValue] = append.hash.hexadecimal }
      case .event(let event, let generation):
        guard event.experiment == certificate.experiment, event.position.rawValue <= certificate.headPosition else {
          break
        }
        try fold.take(event, generation)
      }
    }
    var differences: [String] = []
    if report.previousHash != HashChain.genesis {
      differences.append("the file does not begin with the log: the chain before its first append is not in it")
    }
    let found = hashes[certificate.headPosition]
    if found != certificate.headHash {
      differences.append(
        "chain head at \(certificate.headPosition): the certificate says \(certificate.headHash), found \(found ?? "none")"
      )
    }
    return differences + certificate.differences(from: fold.result)
  }

  /// Checks a certificate against the database, which may have grown since.
  /// - Returns: what differs, in words; empty if nothing does.
  package static func check(_ certificate: Certificate, log: any EventLog) async throws -> [String] {
    if case .damaged(let damage) = try await ChainAudit.inspect(
      log, scope: ChainAudit.Scope(experiment: certificate.experiment))
    {
      return ["\(damage)"]
    }
    var differences: [String] = []
    let head = Position(certificate.headPosition)
    let append = try await log.appends(after: Position(head.rawValue - 1), limit: 1).first
    if append?.last != head || append?.hash.hexadecimal != certificate.headHash {
      differences.append(
        "chain head at \(head): the certificate says \(certificate.headHash), the log has another hash there")
    }
    let segments = try await segments(log, upTo: head)
    for segment in certificate.segments where !segments.contains(segment) {
      differences.append("segment \(segment.number): the certificate says root \(segment.root), the log another")
    }
    return differences
      + certificate.differences(from: try await contents(of: certificate.experiment, in: log, upTo: head))
  }

  private static func segments(_ log: any EventLog, upTo head: Position) async throws -> [Certificate.Segment] {
    try await log.segments().compactMap { segment in
      guard let root = segment.root, segment.last <= head else { return nil }
      return Certificate.Segment(
        number: segment.number, firstPosition: segment.first.rawValue, lastPosition: segment.last.rawValue,
        root: root.hexadecimal)
    }
  }

  private static func contents(
    of experiment: ExperimentID, in log: any EventLog, upTo head: Position
  ) async throws -> Certificate.Contents {
    var fold = CertificateFold()
    var position = Position.start
    while true {
      let page = try await log.read(experiment: experiment, after: position, types: nil, limit: 1000)
      let generations = try await log.generations(at: page.map(\.position))
      for event in page {
        position = event.position
        guard position <= head else { return fold.result }
        // A fork reads its parent's events too; its own are what it is certified for.
        if event.experiment == experiment { try fold.take(event, generations[position]) }
      }
      if page.count < 1000 { return fold.result }
    }
  }
}
