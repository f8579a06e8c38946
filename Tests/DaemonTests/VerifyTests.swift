import Daemon
import Domain
import EventLog
import Foundation
import Postgres
import PostgresLog
import Testing
import Transformer

/// Damage done behind the log's back, as by a broken disk or by somebody with the owner's rights.
@Suite("Verification", .needsPostgres)
struct VerifyTests {
  /// An experiment of one iteration with a snapshot and a checkpoint file, and a home whose checkpoints it is in.
  private func withPlayed(_ body: (Played) async throws -> Void) async throws {
    try await withTestDaemon(.postgres) { daemon in
      let settings = try #require(daemon.database)
      let record = try await daemon.create()
      try await daemon.run(record, iterations: 1)
      let home = Home(
        state: URL(filePath: daemon.folder).appending(path: "state"),
        share: TestServer.migrations.deletingLastPathComponent())
      let log = daemon.log.base
      try await saveCheckpoint(record, log, home)
      var stored = try await StoredExperiment.load(record, from: log)
      try await stored.saveSnapshot(in: log)
      try await body(Played(log: log, record: record, home: home, settings: settings))
    }
  }

  private struct Played {
    let log: any EventLog
    let record: ExperimentRecord
    let home: Home
    let settings: ConnectionSettings

    func verify(full: Bool = true) async throws -> VerificationReport {
      try await LogVerification(log: log, home: home, isFull: full).verify(nil)
    }

    /// Runs SQL with the triggers off.
    func tamper(_ sql: String) async throws {
      try await Connection.open(settings).execute("set session_replication_role = replica; \(sql)")
    }

    var checkpoint: URL {
      get throws {
        let folder = home.checkpoints(record.name)
        let name = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return folder.appending(path: try #require(name.first { $0.hasSuffix(".checkpoint") }))
      }
    }
  }

  /// A small weights file in the real format, and the event that records it.
  private func saveCheckpoint(_ record: ExperimentRecord, _ log: any EventLog, _ home: Home) async throws {
    let folder = home.checkpoints(record.name).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let head = try await log.head()
    let header = CheckpointHeader(
      experiment: record.id.description, policyVersion: 1, optimizerStep: 1, modelDigest: "none",
      tensors: [.init(name: "w", shape: [4])],
      logHead: .init(position: head.position.rawValue, hash: head.hash.hexadecimal))
    let values: [Float] = [1, 2, 3, 4]
    let written = try values.withUnsafeBufferPointer {
      try CheckpointFile.write(header, weights: $0, firstMoment: $0, secondMoment: $0, folder: folder)
    }
    let event = Event.checkpointSaved(
      Checkpoint(
        policyVersion: 1, file: URL(filePath: written.path).lastPathComponent, bytes: written.byteCount,
        weightsDigest: written.digests.weights, optimizerDigest: "none"))
    let version = try #require(try await log.experiment(record.id)).version
    _ = try await log.append(
      Append(key: "saved", experiment: record.id, expectedVersion: version, epoch: nil, events: [NewEvent(event)]))
  }

  @Test("a log that nobody touched is whole, by halves and in full", arguments: [false, true])
  func whole(_ full: Bool) async throws {
    try await withPlayed { played in
      let report = try await played.verify(full: full)
      #expect(report.damage == nil)
      let head = try await played.log.head()
      #expect(report.headHash == head.hash.hexadecimal)
      let counts = Dictionary(uniqueKeysWithValues: report.checks.map { ($0.subject, $0.count) })
      #expect(counts["events"] == Int(head.position.rawValue) && counts["snapshots"] == 1 && counts["checkpoints"] == 1)
      #expect(counts["consumers"] == 1)
      let one = try await LogVerification(log: played.log, home: played.home, isFull: full).verify(played.record.name)
      #expect(one.damage == nil)
    }
  }

  @Test(
    "one flipped byte is found, with table and key",
    arguments: [
      (
        "update log.events set body = replace(body::text, 'deduction', 'deductiom')::json where type = 'ProposalMade'",
        "log.events"
      ),
      (
        "update log.events set body = replace(body::text, 'correct', 'corrext')::json where type = 'AttemptVerified' and body::text like '%correct%'",
        "log.events"
      ),
      (
        "update log.generations set log_probabilities = set_byte(log_probabilities, 1, 1 # get_byte(log_probabilities, 1)) where octet_length(tokens) > 0",
        "log.generations"
      ),
      (
        "update log.appends set hash = set_byte(hash, 31, 1 # get_byte(hash, 31)) where first_position = 2",
        "log.appends"
      ),
      ("update log.experiments set version = version + 1", "log.experiments"),
      ("update log.consumers set position = 1000000", "log.consumers"),
      ("update read.snapshots set bytes = set_byte(bytes, 100, 1 # get_byte(bytes, 100))", "read.snapshots"),
      (
        "update read.snapshots set bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '\"seedingRoundsDone\":', '\"seedingRoundsDone\":1'), 'UTF8'); update read.snapshots set digest = sha256(bytes)",
        "read.snapshots"
      ),
    ])
  func flipped(_ sql: String, _ table: String) async throws {
    try await withPlayed { played in
      try await played.tamper(sql)
      let report = try await played.verify()
      let damage = try #require(report.damage, "found whole after \(sql)")
      #expect(damage.table == table, "\(damage)")
      #expect(damage.position != nil && damage.key?.isEmpty == false, "\(damage)")
    }
  }

  @Test("every flipped byte of a checkpoint is found, and its file is named")
  func checkpoint() async throws {
    try await withPlayed { played in
      let file = try played.checkpoint
      let bytes = try Data(contentsOf: file)
      for index in stride(from: 0, to: bytes.count, by: 7) {
        var bad = bytes
        bad[index] ^= 1
        try bad.write(to: file)
        let damage = try #require(try await played.verify().damage, "byte \(index)")
        #expect(damage.table == file.path, "\(damage)")
      }
    }
  }

  @Test("a checkpoint of another history of the log is found by the chain head in its header")
  func otherHistory() async throws {
    try await withPlayed { played in
      try FileManager.default.removeItem(at: try played.checkpoint)
      let folder = played.home.checkpoints(played.record.name).path
      let recorded = try await played.log.read(
        experiment: played.record.id, after: .start, types: ["CheckpointSaved"], limit: 10)
      guard case .checkpointSaved(let saved)? = try recorded.last?.event() else { return }
      let header = CheckpointHeader(
        experiment: played.record.id.description, policyVersion: 1, optimizerStep: 1, modelDigest: "none",
        tensors: [.init(name: "w", shape: [4])], logHead: .init(position: 2, hash: String(repeating: "0", count: 64)))
      let values: [Float] = [1, 2, 3, 4]
      let written = try values.withUnsafeBufferPointer {
        try CheckpointFile.write(header, weights: $0, firstMoment: $0, secondMoment: $0, folder: folder)
      }
      try FileManager.default.moveItem(atPath: written.path, toPath: folder + "/" + saved.file)
      let damage = try #require(try await played.verify().damage)
      #expect(damage.reason.contains("another hash"))
    }
  }

  @Test("a certificate agrees with the log and with an export, and says what differs after a change")
  func certificate() async throws {
    try await withPlayed { played in
      let export = played.home.state.appending(path: "export.adlog").path
      let certificate = try await CertificateDesk.make(played.record.name, from: played.log)
      let file = played.home.state.appending(path: "certificate.json")
      try certificate.json.write(to: file)
      #expect(try Certificate.read(file.path) == certificate)
      let record = try #require(try await played.log.experiment(played.record.id))
      // The log may grow after the certificate was written.
      _ = try await ControlDesk(log: played.log, surroundings: .test()).request(.pause, of: record.name, reason: "test")
      _ = try await ArchiveExport.write(
        try #require(try await played.log.experiment(record.id)), of: played.log, to: export, software: "test")
      #expect(try CertificateDesk.check(certificate, export: export) == [])
      let differences = try await CertificateDesk.check(certificate, log: played.log)
      #expect(differences == [])
      #expect(certificate.contents.policyVersion == 1 && !certificate.contents.weightsDigest.isEmpty)
      var forged = certificate
      forged.contents.weightsDigest = String(repeating: "0", count: 64)
      forged.headHash = String(repeating: "1", count: 64)
      #expect(try CertificateDesk.check(forged, export: export).count == 2)
      try await played.tamper("update log.events set body = '{}' where position = 1")
      let after = try await CertificateDesk.check(certificate, log: played.log)
      #expect(after.first?.contains("log.events, position 1") == true)
    }
  }
}
