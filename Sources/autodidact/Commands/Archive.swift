import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct Archive: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take full segments of the log out of the database, and back.",
    discussion: """
      Events and generations are kept in segments of so many positions. A full one is sealed (its Merkle root is recorded),
      exported to a file, and detached (its rows are removed from the database); restore brings it back, checked against
      its root. Detaching is refused while an experiment with events in it is neither finished nor stopped.

      EXAMPLE
        autodidact archive seal
        autodidact archive export 1 --to /archive
        autodidact archive detach 1 --dry-run
        autodidact archive detach 1
        autodidact archive restore 1
      """,
    subcommands: [Show.self, Seal.self, Export.self, Detach.self, Restore.self, Size.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the segments.", discussion: "EXAMPLE\n  autodidact archive list")
    @Flag(help: "One JSON object per line.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let segments = try await database.withLog(as: .reader) { try await $0.log.segments() }
      if json { return segments.forEach { print(jsonText(SegmentLine($0))) } }
      var rows = [["segment", "state", "first", "last", "root", "file"]]
      rows += segments.map { segment in
        [
          "\(segment.number)", segment.state.rawValue, "\(segment.first)", "\(segment.last)",
          segment.root.map { "\($0.hexadecimal.prefix(16))…" } ?? "–", segment.file ?? "–",
        ]
      }
      print(TextTable(rows: rows).lines.joined(separator: "\n"))
    }
  }

  struct Seal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Seal every segment that is full.", discussion: "EXAMPLE\n  autodidact archive seal")
    @Flag(help: "One JSON object per segment sealed.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let sealed = try await database.withArchivist { try await $0.seal() }
      if json { return sealed.forEach { print(jsonText(SegmentLine($0))) } }
      if sealed.isEmpty { print("no segment is full that is not sealed already") }
      for segment in sealed { print("sealed \(segment.number): root \(segment.root?.hexadecimal ?? "")") }
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Export a sealed segment to a file.", discussion: "EXAMPLE\n  autodidact archive export 1 --to /archive"
    )
    @Argument(help: "Number of the segment.") var segment: Int
    @Option(help: "Folder to write to.") var to: String
    @Flag(help: "The segment as one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let exported = try await database.withArchivist { try await $0.export(segment, to: to) }
      if json { return print(jsonText(SegmentLine(exported))) }
      print("exported \(segment) to \(exported.file ?? "") (\(exported.fileBytes ?? 0) bytes)")
    }
  }

  struct Detach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove an exported segment's rows from the database.",
      discussion: "The file is read and checked first.\n\nEXAMPLE\n  autodidact archive detach 1")
    @Argument(help: "Number of the segment.") var segment: Int
    @Flag(help: "Check everything and change nothing.") var dryRun = false
    @Flag(help: "The segment as one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let detached = try await database.withArchivist { try await $0.detach(segment, dryRun: dryRun) }
      if json { return print(jsonText(SegmentLine(detached))) }
      print(
        dryRun
          ? "segment \(segment) could be detached: \(detached.file ?? "") is whole"
          : "detached \(segment); its events are in \(detached.file ?? "")")
    }
  }

  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Bring a detached segment back from its file.", discussion: "EXAMPLE\n  autodidact archive restore 1")
    @Argument(help: "Number of the segment.") var segment: Int
    @Option(help: "Where the file is, if it was moved.") var file: String?
    @Flag(help: "The segment as one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let restored = try await database.withArchivist { try await $0.restore(segment, from: file) }
      if json { return print(jsonText(SegmentLine(restored))) }
      print("restored \(segment): positions \(restored.first) to \(restored.last)")
    }
  }

  struct Size: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set how many positions the segments made from now on have.",
      discussion: "EXAMPLE\n  autodidact archive size 1000000")
    @Argument(help: "Positions, 2 to 1000000000.") var positions: Int64
    @Flag(help: "As one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func validate() throws {
      guard (2...1_000_000_000).contains(positions) else {
        throw ValidationError("a segment has 2 to 1000000000 positions, not \(positions)")
      }
    }

    func run() async throws {
      try await database.withArchivist { try await $0.setSize(positions) }
      if json { return print(JSONValue.object(["positions": .integer(positions)]).line) }
      print("segments made from now on have \(positions) positions")
    }
  }
}

/// A segment as one JSON object.
private struct SegmentLine: Encodable {
  var number: Int
  var state, root, file: String?
  var first, last: Int64

  init(_ segment: SegmentRecord) {
    number = segment.number
    state = segment.state.rawValue
    root = segment.root?.hexadecimal
    file = segment.file
    first = segment.first.rawValue
    last = segment.last.rawValue
  }
}

extension DatabaseOptions {
  /// Runs `body` with what moves segments. A refusal is a usage error.
  fileprivate func withArchivist<Result>(_ body: (SegmentArchivist) async throws -> Result) async throws -> Result {
    try await withLog { log in
      let archivist = SegmentArchivist(url: log.url, role: log.role, software: log.surroundings.software)
      do { return try await body(archivist) } catch let refusal as SegmentArchivist.Refusal {
        throw Failure.usage(refusal.description)
      }
    }
  }
}
