import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct Processes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ps",
    abstract: "The experiments that are being played, and which process holds each.",
    discussion: """
      A process holds an experiment as long as its session with the database lives. One that waits for its turn in a daemon is \
      not held: autodidact ls --state running.

      EXAMPLE
        autodidact ps
        autodidact ps --json | jq -r '"\\(.host) \\(.process)"'
      """)
  @Flag(help: "Show it again whenever the log grows, until Ctrl-C.") var watch = false
  @Flag(help: "One JSON object per experiment.") var json = false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await database.withLog(as: .reader) { log in
      try await watching(watch, json: json, log.log) { show(try await log.log.writers()) }
    }
  }

  private func show(_ writers: [Writer]) {
    if json { return writers.forEach { print(line($0)) } }
    guard !writers.isEmpty else { return print("no process holds an experiment") }
    var rows = [["experiment", "state", "host", "process", "epoch", "since", "software"]]
    rows += writers.map { writer in
      [
        writer.experiment, writer.state, writer.started?.host ?? "–", writer.started.map { "\($0.process)" } ?? "–",
        "\(writer.epoch)", writer.since.map(date) ?? "–", writer.started?.software ?? "–",
      ]
    }
    let style = Style.output(database.color)
    let table = TextTable(rows: rows, words: [1, 2, 6]) { row, column, text in
      row == 0 ? style.dim(text) : column == 1 ? style.state(text) : text
    }
    print(table.lines.joined(separator: "\n"))
  }

  private func line(_ writer: Writer) -> String {
    let value: JSONValue = [
      "experiment": .text(writer.experiment), "state": .text(writer.state), "epoch": .integer(writer.epoch),
      "host": JSONValue(writer.started?.host), "process": JSONValue(writer.started.map { Int64($0.process) }),
      "software": JSONValue(writer.started?.software), "since": JSONValue(writer.since.map(date)),
    ]
    return value.line
  }
}
