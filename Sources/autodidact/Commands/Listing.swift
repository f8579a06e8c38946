import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Projections

struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the experiments.", discussion: "EXAMPLE\n  autodidact list", aliases: ["ls"])
  @Flag(help: "As JSON, one object per experiment.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      let records = try await log.log.playedExperiments()
      if json {
        for record in records { print(try line(record)) }
        return
      }
      guard !records.isEmpty else { return print("no experiments; autodidact create SETTINGS.yaml --name NAME") }
      var rows = [["name", "state", "events", "epoch", "created"]]
      for record in records {
        rows.append([record.name, record.state, "\(record.version)", "\(record.epoch)", date(record.createdAt)])
      }
      print(TextTable(rows: rows).lines.joined(separator: "\n"))
    }
  }

  private func line(_ record: ExperimentRecord) throws -> String {
    struct Row: Encodable {
      var id, name, state, createdAt: String
      var events, epoch, lastPosition: Int64
    }
    let row = Row(
      id: record.id.description, name: record.name, state: record.state, createdAt: date(record.createdAt),
      events: record.version, epoch: record.epoch, lastPosition: record.lastPosition.rawValue)
    return String(decoding: EventCoding.json(row), as: UTF8.self)
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
  @Argument(help: "Name of the experiment; all if left out.") var name: String?
  @Flag(help: "Show it again whenever the log grows, until Ctrl-C.") var watch = false
  @Flag(help: "As JSON, one object per experiment.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      while true {
        let head = try await log.log.head().position
        let reports = try await self.reports(log)
        if watch, !json { print("\u{1B}[2J\u{1B}[H", terminator: "") }
        for report in reports { print(json ? report.json : report.text) }
        if reports.isEmpty, !json { print("no experiments; autodidact create SETTINGS.yaml --name NAME") }
        guard watch else { return }
        await log.log.wait(after: head, timeout: .seconds(3600))
      }
    }
  }

  private func reports(_ log: OpenLog) async throws -> [StatusReport] {
    let records =
      if let name { [try await log.log.requireExperiment(name)] } else { try await log.log.playedExperiments() }
    var reports: [StatusReport] = []
    for record in records {
      let stored = try await StoredExperiment.load(record, from: log.log)
      var report = try await StatusReport(record, stored, log: log.log)
      if json { report.digest = try await ExperimentDigest.of(record.id, in: log.log).hexadecimal }
      reports.append(report)
    }
    return reports
  }
}
