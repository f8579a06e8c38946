import Foundation
import Logging
import Synchronization

/// Where a daemon's log lines go: one stream, one format, and a level that may change while it runs (SIGHUP).
package final class DaemonLog: Sendable {
  package enum Format: String, CaseIterable, Sendable { case text, json }

  private struct State {
    var level: Logger.Level
  }

  private let format: Format
  private let state: Mutex<State>
  private let now: @Sendable () -> Date
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - now: stamps lines.
  ///   - write: takes one line with its newline; called from any thread, one line at a time.
  package init(
    _ format: Format, level: Logger.Level, now: @escaping @Sendable () -> Date,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.format = format
    self.now = now
    self.write = write
    state = Mutex(State(level: level))
  }

  package var level: Logger.Level {
    get { state.withLock { $0.level } }
    set { state.withLock { $0.level = newValue } }
  }

  /// What `LoggingSystem.bootstrap` takes.
  package func handler(_ label: String) -> any LogHandler { Handler(log: self, label: label) }

  fileprivate func take(_ line: Line) {
    let text = (format == .json ? line.json : line.text) + "\n"
    // Held while it writes: lines of two threads do not mix.
    state.withLock { _ in write(text) }
  }

  fileprivate func line(_ event: LogEvent, label: String, metadata: [String: String]) -> Line {
    Line(
      time: Self.stamp(now()), level: event.level.rawValue, label: label, message: "\(event.message)",
      error: event.error.map { "\($0)" }, metadata: metadata)
  }

  private static func stamp(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

/// One line before it is written.
private struct Line {
  var time, level, label, message: String
  var error: String?
  var metadata: [String: String]

  /// `2026-11-23T18:00:00.000Z info autodidactd: step experiment=first step=propose`.
  var text: String {
    var parts = ["\(time) \(level) \(label): \(Self.flat(message))"]
    parts += metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.word($0.value))" }
    if let error { parts.append("error=\(Self.word(error))") }
    return parts.joined(separator: " ")
  }

  /// One object: `time`, `level`, `logger`, `message`, then the metadata under their own names. A metadata key that is one of
  /// the four is written with `_` before it. Values that are whole or decimal numbers are numbers.
  var json: String {
    var fields: [String: Value] = [
      "time": .text(time), "level": .text(level), "logger": .text(label), "message": .text(message),
    ]
    if let error { fields["error"] = .text(error) }
    for (key, value) in metadata { fields[fields[key] == nil ? key : "_" + key] = Value(value) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = (try? encoder.encode(fields)) ?? Data("{}".utf8)
    return String(decoding: data, as: UTF8.self)
  }

  private enum Value: Encodable {
    case text(String), integer(Int64), number(Double)

    /// Only what is written back the same is a number, so that ids and digests stay texts.
    init(_ text: String) {
      if let integer = Int64(text), "\(integer)" == text {
        self = .integer(integer)
      } else if let number = Double(text), number.isFinite, "\(number)" == text {
        self = .number(number)
      } else {
        self = .text(text)
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let value): try container.encode(value)
      case .integer(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      }
    }
  }

  private static func flat(_ text: String) -> String {
    text.replacing("\n", with: "\\n")
  }

  private static func word(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.allSatisfy { !$0.isWhitespace && $0 != "\"" && $0 != "=" }
    return isPlain ? text : "\"" + flat(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")) + "\""
  }
}

/// swift-log's side. A logger's own level, where one is set, holds beside the shared one.
private struct Handler: LogHandler {
  let log: DaemonLog
  let label: String
  var metadata: Logger.Metadata = [:]
  private var ownLevel: Logger.Level?

  init(log: DaemonLog, label: String) {
    self.log = log
    self.label = label
  }

  var logLevel: Logger.Level {
    get { ownLevel ?? log.level }
    set { ownLevel = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    log.take(log.line(event, label: label, metadata: all.mapValues { "\($0)" }))
  }
}
