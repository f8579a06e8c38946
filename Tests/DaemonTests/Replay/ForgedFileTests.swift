import Daemon
import Domain
import EventLog
import Foundation
import Testing

/// A file may come from anybody. Whatever is wrong with it is refused with the file and the reason, and nothing of it gets
/// into the log.
@Suite("Damaged and forged files")
struct ForgedFileTests {
  /// A world that has played an iteration, and the file of it.
  private func withFile(_ body: (TinyWorld, ExperimentRecord, ExperimentFile) async throws -> Void) async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings { $0.iterations = 1 })
      try await world.run(record)
      _ = try await world.daemon.create("beside", TinyWorld.settings(seed: 2))
      let file = try await ExperimentFile.export(
        "one", of: world.daemon.log, to: world.daemon.folder + "/one.adlog", software: "test", force: false)
      try await body(world, record, file)
    }
  }

  private func emptyLog() -> InMemoryEventLog {
    InMemoryEventLog(clock: ContinuousClock()) { Timestamp(microseconds: 0) }
  }

  /// Imports bytes as a file, which must be refused by name.
  private func expectRefusal(_ bytes: Data, at path: String, _ what: String) async throws {
    try bytes.write(to: URL(filePath: path))
    let log = emptyLog()
    do {
      _ = try await ExperimentImporter(log: log).import(path)
      Issue.record("taken: \(what)")
    } catch let error as ArchiveError {
      #expect("\(error)".hasPrefix(path), "\(what): \(error)")
    }
    #expect(try await log.head().position == .start, "\(what)")
  }

  @Test("a flipped bit anywhere is refused", arguments: [UInt64(11), 12])
  func flipped(seed: UInt64) async throws {
    try await withFile { world, _, file in
      let whole = try Data(contentsOf: URL(filePath: file.path))
      var draws = RandomStream(RandomKey(seed: seed, purpose: .solve, iteration: 0))
      let bits = (0..<150).map { _ in draws.below(whole.count * 8) }
      // The end of the file is the trailer, which proves the rest: all of its bits.
      for bit in bits + (seed == 11 ? Array((whole.count - 60) * 8..<whole.count * 8) : []) {
        var bytes = whole
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        try await expectRefusal(bytes, at: world.daemon.folder + "/bad.adlog", "seed \(seed), bit \(bit)")
      }
    }
  }

  @Test("a file that is cut off anywhere is refused, and so is one that goes on", arguments: [UInt64(13)])
  func truncated(seed: UInt64) async throws {
    try await withFile { world, _, file in
      let whole = try Data(contentsOf: URL(filePath: file.path))
      var draws = RandomStream(RandomKey(seed: seed, purpose: .solve, iteration: 0))
      let lengths = [0, 1, 24, 25, 26, 36, 37, 38, whole.count - 1] + (0..<80).map { _ in draws.below(whole.count) }
      for length in lengths {
        let path = world.daemon.folder + "/short.adlog"
        try await expectRefusal(whole.prefix(length), at: path, "seed \(seed), \(length) of \(whole.count) bytes")
      }
      try await expectRefusal(whole + [0], at: world.daemon.folder + "/long.adlog", "a byte more")
      try await expectRefusal(whole + whole, at: world.daemon.folder + "/twice.adlog", "the file twice")
    }
  }

  /// A file of altered events whose digests, links and root are right: somebody made it.
  private func forge(
    _ world: TinyWorld, _ record: ExperimentRecord, _ alter: (RecordedEvent, inout Recording) throws -> Void
  ) async throws -> String {
    let log = try await altered(record, in: world.daemon.log, alter)
    let path = world.daemon.folder + "/forged.adlog"
    let forged = try #require(try await log.experiment(record.id))
    _ = try await ArchiveExport.write(forged, of: log, to: path, software: "test")
    return path
  }

  /// Something that a stream cannot hold, by the type of the event that says it.
  struct Forgery: Sendable, CustomTestStringConvertible {
    var type: String
    var what: String
    var expected: String
    var alter: @Sendable (Event, inout Recording) -> Void
    var testDescription: String { what }

    init(
      _ type: String, _ what: String, _ expected: String, alter: @escaping @Sendable (Event, inout Recording) -> Void
    ) {
      (self.type, self.what, self.expected, self.alter) = (type, what, expected, alter)
    }
  }

  private static func change(
    _ what: String, _ expected: String, _ change: @escaping @Sendable (inout ExperimentCreated) -> Void
  ) -> Forgery {
    Forgery("ExperimentCreated", what, expected) { event, recording in
      guard case .experimentCreated(var created) = event else { return }
      change(&created)
      recording.body = Event.experimentCreated(created).body
    }
  }

  private static func text(_ type: String, _ from: String, _ to: String, _ expected: String) -> Forgery {
    Forgery(type, "\(type) with \(to) for \(from)", expected) { _, recording in
      let body = String(decoding: recording.body, as: UTF8.self)
      recording.body = Data(body.replacing(from, with: to, maxReplacements: 1).utf8)
    }
  }

  private static let forgeries: [Forgery] = [
    change("a buffer of nothing", "play.buffer_max") { $0.settings.play.bufferMax = 0 },
    change("inputs below zero", "play.inputs") { $0.settings.play.inputs = -1 },
    change("a batch that overflows", "play.batch") { $0.settings.play.batch = .max },
    change("a model outside its folder", "model.name") { $0.settings.model.name = "../../etc/passwd" },
    change("a name that is a path", "cannot begin here") { $0.name = "../../elsewhere" },
    change("a name that the header does not say", "its header calls") { $0.name = "other" },
    text("IterationStarted", #""iteration":0"#, #""iteration":7"#, "iteration 7"),
    text("IterationStarted", #""policy_version":0"#, #""policy_version":9223372036854775807"#, "begins after"),
    text("ProposalMade", #""proposal":"0."#, #""proposal":"3."#, "in iteration 0"),
    text("ProposalVerified", #""proposal":"0."#, #""proposal":"9."#, "never made"),
    text("AttemptMade", #""problem":"1."#, #""problem":"8."#, "unknown problem"),
    text("AttemptVerified", #""attempt":"1."#, #""attempt":"8."#, "never made"),
    text("ProblemAdmitted", #""problem":"0."#, #""problem":"8."#, "never accepted"),
    text("WeightsUpdated", #""to_version":1"#, #""to_version":3"#, "to 3 after version 0"),
    text("CheckpointSaved", #""policy_version":1"#, #""policy_version":-1"#, "version -1"),
    Forgery("ProposalVerified", "neither accepted nor refused", "neither") { event, recording in
      guard case .proposalVerified(var verified) = event else { return }
      (verified.problem, verified.refusal) = (nil, nil)
      recording.body = Event.proposalVerified(verified).body
    },
    Forgery("ProposalMade", "a proposal without tokens", "without tokens") { $1.generation = nil },
    Forgery("ProposalMade", "a body that is not the event's", "ProposalMade") { $1.body = Data("{}".utf8) },
  ]

  @Test(
    "a stream that contradicts itself is refused with the place, however well its digests fit", arguments: forgeries)
  func forged(_ forgery: Forgery) async throws {
    try await withFile { world, record, _ in
      var isAltered = false
      let path = try await forge(world, record) { recorded, recording in
        guard !isAltered, recorded.type == forgery.type else { return }
        let before = recording.body
        forgery.alter(try recorded.event(), &recording)
        isAltered = recording.body != before || recording.generation == nil
      }
      #expect(isAltered)
      let log = emptyLog()
      do {
        _ = try await ExperimentImporter(log: log).import(path)
        Issue.record("taken")
      } catch let error as ExperimentFile.Refusal {
        #expect("\(error)".hasPrefix(path) && "\(error)".contains(forgery.expected), "\(error)")
      }
      #expect(try await log.head().position == .start)
    }
  }

  @Test("a verdict that is there twice is refused")
  func twice() async throws {
    try await withFile { world, record, _ in
      let verdicts = try await world.daemon.recorded(record).filter { $0.type == "AttemptVerified" }
      let path = try await forge(world, record) { recorded, recording in
        if recorded.position == verdicts[1].position { recording.body = verdicts[0].body }
      }
      await #expect { try await ExperimentImporter(log: emptyLog()).import(path) } throws: {
        "\($0)".contains("verified twice")
      }
    }
  }

  // MARK: Files whose records are made by hand

  private func records(of path: String) throws -> (header: ArchiveHeader, records: [ArchiveRecord]) {
    let reader = try ArchiveReader(path: path)
    var records: [ArchiveRecord] = []
    while let record = try reader.next() { records.append(record) }
    return (reader.header, records)
  }

  private func rewrite(
    _ records: [ArchiveRecord], _ header: ArchiveHeader, in world: TinyWorld, _ change: (ArchiveRecord) -> ArchiveRecord
  ) throws -> String {
    let path = world.daemon.folder + "/rewritten.adlog"
    let writer = try ArchiveWriter(path: path, header: header)
    for record in records { try writer.add(change(record)) }
    _ = try writer.finish()
    return path
  }

  @Test(
    "numbers at the ends of their range are refused, not computed with",
    arguments: [Int64.min, -1, 0, 1 << 40, .max - 1, .max])
  func extremes(_ number: Int64) async throws {
    try await withFile { world, _, file in
      let (header, records) = try records(of: file.path)
      let changes: [(inout AppendFields) -> Void] = [
        { $0.first = number }, { $0.last = number }, { $0.firstVersion = number },
        { ($0.first, $0.last) = (number, number) },
      ]
      for change in changes {
        var isFirst = true
        let path = try rewrite(records, header, in: world) { record in
          guard isFirst, case .append(let append) = record else { return record }
          isFirst = false
          var fields = AppendFields(append)
          change(&fields)
          return .append(fields.rehashed(append))
        }
        let log = emptyLog()
        await #expect(throws: ArchiveError.self, "\(number)") { try await ExperimentImporter(log: log).import(path) }
        #expect(try await log.head().position == .start)
      }
      for (position, version) in [(number, Int64(1)), (1, number)] {
        let path = try rewrite(records, header, in: world) { record in
          guard case .event(let event, let generation) = record, event.position.rawValue == 1 else { return record }
          return .event(event.at(position, version), generation)
        }
        await #expect(throws: ArchiveError.self) { try await ExperimentImporter(log: emptyLog()).import(path) }
      }
    }
  }

  @Test("a header that says another range or other experiments than the records is refused")
  func headers() async throws {
    try await withFile { world, record, file in
      let (header, records) = try records(of: file.path)
      let last = header.lastPosition.rawValue
      let other = [ArchiveHeader.Experiment(id: .numbered(77), name: "one")]
      let headers = [
        (record.id, header.experiments, Position(1), Position(last - 1)),
        (record.id, header.experiments, Position(2), header.lastPosition),
        (record.id, header.experiments, Position(1), Position(last + 5)),
        (.numbered(77), other, Position(1), header.lastPosition),
        (record.id, [], Position(1), header.lastPosition),
        (.numbered(77), header.experiments, Position(1), header.lastPosition),
        (nil, header.experiments, Position(1), header.lastPosition),
      ]
      for (index, (id, experiments, first, last)) in headers.enumerated() {
        let changed = ArchiveHeader(
          software: "test", experiment: id, experiments: experiments, firstPosition: first, lastPosition: last)
        let path = try rewrite(records, changed, in: world) { $0 }
        let log = emptyLog()
        do {
          _ = try await ExperimentImporter(log: log).import(path)
          Issue.record("header \(index) was taken")
        } catch let error as ArchiveError {
          #expect("\(error)".hasPrefix(path))
        } catch let error as ExperimentFile.Refusal { #expect("\(error)".hasPrefix(path)) }
        #expect(try await log.head().position == .start)
      }
    }
  }
}

/// What a forger changes of an append.
private struct AppendFields {
  var first, last, firstVersion: Int64

  init(_ append: AppendRecord) {
    (first, last, firstVersion) = (append.first.rawValue, append.last.rawValue, append.firstVersion)
  }

  func rehashed(_ append: AppendRecord) -> AppendRecord {
    let (first, last) = (Position(first), Position(last))
    let hash = HashChain.hash(
      previous: append.previousHash, digest: append.digest, first: first, last: last, epoch: append.epoch,
      recordedAt: append.recordedAt, key: append.key)
    return AppendRecord(
      key: append.key, experiment: append.experiment, first: first, last: last, firstVersion: firstVersion,
      epoch: append.epoch, recordedAt: append.recordedAt, digest: append.digest, previousHash: append.previousHash,
      hash: hash, measure: append.measure)
  }
}

extension RecordedEvent {
  fileprivate func at(_ position: Int64, _ version: Int64) -> RecordedEvent {
    RecordedEvent(
      position: Position(position), experiment: experiment, version: version, type: type, schemaVersion: schemaVersion,
      iteration: iteration, policyVersion: policyVersion, cause: cause, recordedAt: recordedAt, body: body)
  }
}
