import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Projections
import Terminal

struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the experiments.",
    discussion: """
      In order of creation. Several --tag list what has all of them.

      EXAMPLE
        autodidact ls
        autodidact ls --tag baseline --state running --watch
        autodidact ls --json | jq -r .name
      """,
    aliases: ["ls"])
  @Option(parsing: .singleValue, help: "Only what has this tag; may be repeated.") var tag: [String] = []
  @Option(parsing: .singleValue, help: "Only what is in this state; may be repeated.") var state: [String] = []
  @Flag(help: "Show it again whenever the log grows, until Ctrl-C.") var watch = false
  @Flag(help: "As JSON, one object per experiment.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      try await watching(watch, json: json, log.log) {
        let entries = try await self.entries(log)
        if json { return entries.forEach { print(line($0)) } }
        show(entries)
      }
    }
  }

  /// An experiment as it is listed.
  private struct Entry {
    var record: ExperimentRecord
    var annotations: Annotations
    var isHeld: Bool
  }

  private func entries(_ log: OpenLog) async throws -> [Entry] {
    let held = try await log.log.held()
    var entries: [Entry] = []
    for record in try await log.log.playedExperiments() where state.isEmpty || state.contains(record.state) {
      let annotations = try await log.log.annotationsIfThere(of: record)
      guard Set(tag).isSubset(of: annotations.tags) else { continue }
      entries.append(Entry(record: record, annotations: annotations, isHeld: held[record.id] != nil))
    }
    return entries
  }

  private func show(_ entries: [Entry]) {
    guard !entries.isEmpty else {
      let isFiltered = !tag.isEmpty || !state.isEmpty
      return print(
        isFiltered ? "no experiment like that" : "no experiments; autodidact create SETTINGS.yaml --name NAME")
    }
    var rows = [["name", "state", "held", "priority", "events", "created", "tags"]]
    for entry in entries {
      rows.append([
        entry.record.name, entry.record.state, entry.isHeld ? "yes" : "–", "\(entry.annotations.priority)",
        "\(entry.record.version)", date(entry.record.createdAt), entry.annotations.tags.joined(separator: " "),
      ])
    }
    let style = Style.output(database.color)
    let table = TextTable(rows: rows, words: [1, 2, 6]) { row, column, text in
      row == 0 ? style.dim(text) : column == 1 ? style.state(text) : text
    }
    print(table.lines.map { $0.trimmingTrailingSpaces }.joined(separator: "\n"))
  }

  private func line(_ entry: Entry) -> String {
    struct Row: Encodable {
      var id, name, state, createdAt, note: String
      var events, epoch, lastPosition: Int64
      var held: Bool
      var priority: Int
      var tags: [String]
    }
    let record = entry.record
    let row = Row(
      id: record.id.description, name: record.name, state: record.state, createdAt: date(record.createdAt),
      note: entry.annotations.note, events: record.version, epoch: record.epoch,
      lastPosition: record.lastPosition.rawValue, held: entry.isHeld, priority: entry.annotations.priority,
      tags: entry.annotations.tags)
    return String(decoding: EventCoding.json(row), as: UTF8.self)
  }
}

/// Shows something once, or again whenever the log grows: `--watch`. On a terminal each time on a clean screen; JSON is
/// appended.
func watching(
  _ isWatched: Bool, json: Bool, _ log: any EventLog, _ show: () async throws -> Void
) async throws {
  while true {
    let head = try await log.head().position
    if isWatched, !json, isatty(STDOUT_FILENO) == 1 { print("\u{1B}[2J\u{1B}[H", terminator: "") }
    try await show()
    guard isWatched else { return }
    fflush(nil)
    await log.wait(after: head, timeout: .seconds(3600))
  }
}

extension EventLog {
  /// What people said of an experiment; nothing where its events are in an archive file, whose absence is no reason to list
  /// nothing.
  func annotationsIfThere(of record: ExperimentRecord) async throws -> Annotations {
    do { return try await annotations(of: record) } catch EventLogError.detached { return Annotations() }
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(reversed().drop { $0 == " " }.reversed())
  }
}

/// ISO 8601 in UTC, to the second.
func date(_ time: Timestamp) -> String { time.date.formatted(.iso8601) }

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "How an experiment stands: a fold over its events.",
    discussion: """
      EXAMPLE
        autodidact status first
        autodidact status first --watch
        autodidact status first --json | jq .iterations
      """)
  @Argument(help: "Name of the experiment; all if left out.", completion: .experiments) var name: String?
  @Flag(help: "Show it again whenever the log grows, until Ctrl-C.") var watch = false
  @Flag(help: "As JSON, one object per experiment.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      try await watching(watch, json: json, log.log) {
        let reports = try await self.reports(log)
        let style = Style.output(database.color)
        for report in reports { print(json ? report.json : report.text(style)) }
        if reports.isEmpty, !json { print("no experiments; autodidact create SETTINGS.yaml --name NAME") }
      }
    }
  }

  private func reports(_ log: OpenLog) async throws -> [StatusReport] {
    let records =
      if let name { [try await log.log.requireExperiment(name)] } else { try await log.log.playedExperiments() }
    var reports: [StatusReport] = []
    let writers = try await log.log.writers()
    for record in records {
      let stored = try await StoredExperiment.load(record, from: log.log)
      var report = try await StatusReport(record, stored, log: log.log)
      report.heldBy = writers.first { $0.experiment == record.name }.map { $0.place ?? "a process that just began" }
      if json { report.digest = try await ExperimentDigest.of(record.id, in: log.log).hexadecimal }
      reports.append(report)
    }
    return reports
  }
}
