import EventLog
import Foundation
import Testing

@Suite("Archive files")
struct ArchiveTests {
  /// A log with two experiments taking turns: 12 appends of 1 to 3 events, half of the events with generations.
  private func withTwoExperiments(
    _ kind: LogKind, _ body: (any EventLog, ExperimentID, URL) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "archive-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await kind.withLog { log in
      let ids = [ExperimentID.numbered(1), .numbered(2)]
      for (index, id) in ids.enumerated() {
        _ = try await log.createExperiment(
          id, name: "experiment \(index)", state: "s", events: [.named("Created")], key: "create \(index)")
      }
      for round in 0..<10 {
        let id = ids[round % 2]
        let version = try await log.experiment(id)?.version ?? 0
        let events = (0...(round % 3)).map { index in
          index == 1 ? NewEvent.named("Followed", cause: .sibling(0)) : NewEvent.full(10 * round + index)
        }
        _ = try await log.append(
          Append(
            key: "append \(round)", experiment: id, expectedVersion: version, epoch: nil, events: events,
            measure: Data(#"{"seconds":1}"#.utf8)))
      }
      try await body(log, ids[0], folder)
    }
  }

  private func records(_ path: String) throws -> [ArchiveRecord] {
    let reader = try ArchiveReader(path: path)
    var records: [ArchiveRecord] = []
    while let record = try reader.next() { records.append(record) }
    return records
  }

  @Test(
    "an experiment's file holds its appends, events and generations as they are in the log",
    arguments: LogKind.available)
  func roundTrip(_ kind: LogKind) async throws {
    try await withTwoExperiments(kind) { log, id, folder in
      let path = folder.appending(path: "a.log").path
      let record = try #require(try await log.experiment(id))
      let written = try await ArchiveExport.write(record, of: log, to: path, software: "test")
      let found = try records(path)
      let events = try await log.read(experiment: id, after: .start, types: nil, limit: 1000)
      let generations = try await log.generations(at: events.map(\.position))
      #expect(
        found.compactMap { if case .event(let event, _) = $0 { event } else { nil } } == events)
      #expect(
        found.compactMap { if case .event(_, let generation) = $0 { generation } else { nil } }
          == events.compactMap { generations[$0.position] })
      let appends = try await log.appends(after: .start, limit: 1000)
      #expect(
        found.compactMap { record in
          switch record {
          case .append(let append), .link(let append): append
          case .event: nil
          }
        } == appends)
      #expect(written.trailer.events == events.count && written.trailer.links == 6)
      let report = try ArchiveAudit.audit(path: path)
      let head = try await log.head()
      #expect(report.head == head && report.previousHash == HashChain.genesis)
    }
  }

  @Test("a range that cuts appends in two is audited, and its root is that of its events", arguments: LogKind.available)
  func range(_ kind: LogKind) async throws {
    try await withTwoExperiments(kind) { log, _, folder in
      let path = folder.appending(path: "a.log").path
      _ = try await ArchiveExport.write(Position(5)...Position(14), of: log, to: path, software: "test")
      let report = try ArchiveAudit.audit(path: path)
      var tree = MerkleTree()
      let events = try await log.read(experiment: nil, after: Position(4), types: nil, limit: 10)
      let generations = try await log.generations(at: events.map(\.position))
      for event in events { tree.add(EventLeaf.hash(event, generations[event.position])) }
      #expect(report.trailer.root == tree.root.hexadecimal && report.trailer.events == 10)
    }
  }

  @Test("the same log gives the same bytes")
  func deterministic() async throws {
    try await withTwoExperiments(.inMemory) { log, id, folder in
      let record = try #require(try await log.experiment(id))
      let paths = ["a", "b"].map { folder.appending(path: $0).path }
      for path in paths { _ = try await ArchiveExport.write(record, of: log, to: path, software: "test") }
      #expect(try Data(contentsOf: URL(filePath: paths[0])) == Data(contentsOf: URL(filePath: paths[1])))
    }
  }

  @Test("every flipped byte and every cut is found")
  func damage() async throws {
    try await withTwoExperiments(.inMemory) { log, id, folder in
      let path = folder.appending(path: "a.log").path
      let record = try #require(try await log.experiment(id))
      _ = try await ArchiveExport.write(record, of: log, to: path, software: "test")
      let whole = try Data(contentsOf: URL(filePath: path))
      let bad = folder.appending(path: "bad.log")
      for index in whole.indices {
        var bytes = whole
        bytes[index] ^= 1 << UInt8(index % 8)
        try bytes.write(to: bad)
        #expect(throws: ArchiveError.self, "byte \(index) of \(whole.count)") {
          try ArchiveAudit.audit(path: bad.path)
        }
        try whole.prefix(index).write(to: bad)
        #expect(throws: ArchiveError.self, "cut at \(index)") { try ArchiveAudit.audit(path: bad.path) }
      }
      try (whole + [0]).write(to: bad)
      #expect(throws: ArchiveError.self) { try ArchiveAudit.audit(path: bad.path) }
    }
  }

  @Test("a file that was written with one changed record contradicts its chain, and the position is named")
  func rewritten() async throws {
    try await withTwoExperiments(.inMemory) { log, id, folder in
      let path = folder.appending(path: "a.log").path
      let record = try #require(try await log.experiment(id))
      _ = try await ArchiveExport.write(record, of: log, to: path, software: "test")
      let forged = folder.appending(path: "forged.log").path
      let writer = try ArchiveWriter(path: forged, header: try ArchiveReader(path: path).header)
      var changed: Position?
      for record in try records(path) {
        if case .event(let event, let generation?) = record, changed == nil {
          changed = event.position
          let other = GenerationRecord(
            tokens: generation.tokens, logProbabilities: generation.logProbabilities, prompt: generation.prompt,
            completion: generation.completion + " ", sampling: generation.sampling, randomKey: generation.randomKey,
            finish: generation.finish)
          try writer.add(.event(event, other))
        } else {
          try writer.add(record)
        }
      }
      _ = try writer.finish()
      let error = #expect(throws: ArchiveError.self) { try ArchiveAudit.audit(path: forged) }
      guard case .contradiction(_, let position, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(position == changed)
    }
  }

  @Test("a writer that is given up leaves no file")
  func abandoned() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "archive-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let header = ArchiveHeader(
      software: "test", experiment: nil, experiments: [], firstPosition: Position(1), lastPosition: Position(2))
    _ = try ArchiveWriter(path: folder.appending(path: "a").path, header: header)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  @Test("the root of a tree is that of RFC 6962 however many leaves there are", arguments: 0...33)
  func merkle(_ count: Int) {
    let leaves = (0..<count).map { Data(repeating: UInt8($0), count: 32) }
    var tree = MerkleTree()
    for leaf in leaves { tree.add(leaf) }
    #expect(tree.root == root(leaves[...]))
  }

  /// The definition: split at the largest power of two below the count.
  private func root(_ leaves: ArraySlice<Data>) -> Data {
    guard leaves.count > 1, let first = leaves.first else { return leaves.first ?? MerkleTree().root }
    _ = first
    var split = 1
    while split * 2 < leaves.count { split *= 2 }
    var tree = MerkleTree()
    tree.add(root(leaves.prefix(split)))
    tree.add(root(leaves.dropFirst(split)))
    return tree.root
  }
}
