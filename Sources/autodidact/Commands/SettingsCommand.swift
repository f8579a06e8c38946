import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Settings
import Terminal

struct SettingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings",
    abstract: "What the settings mean, which are in force and where they come from, and how two differ.",
    discussion: """
      EXAMPLE
        autodidact settings list
        autodidact settings explain play.batch --experiment first
        autodidact settings diff first configs/azr-paper.yaml
        autodidact settings check mine.yaml
      """,
    subcommands: [ListKeys.self, Explain.self, Difference.self, Check.self])

  struct ListKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List every key with its default and meaning.",
      discussion: "EXAMPLE\n  autodidact settings list\n  autodidact settings list --json | jq -r .key")
    @Flag(help: "One JSON object per key.") var json = false
    @Option(help: "auto colours on a terminal unless NO_COLOR is set; always; never.") var color = ColorChoice.auto

    func run() async throws {
      if json { return SettingKey.all.forEach { print(SettingText.object($0, nil, nil).line) } }
      let style = Style.output(color)
      let rows = SettingKey.all.map { [$0.name, $0.defaultText ?? "required", $0.meaning] }
      let table = TextTable(rows: rows, words: [1, 2]) { $1 == 0 ? style.bold($2) : $2 }
      print(table.lines.joined(separator: "\n"))
    }
  }

  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Explain a key, or every key of a group.",
      discussion: """
        What it means, may be and is by default; of an experiment or a file also its value and where that comes from: a line of \
        the file, --set, the default, or a fork that changed it at a position.

        EXAMPLE
          autodidact settings explain play.batch
          autodidact settings explain curriculum --experiment first
          autodidact settings explain learner.rate --file configs/quickstart.yaml --set learner.rate=1e-5
        """)
    @Argument(help: "A key such as play.batch, or a group such as play.", completion: .settingKeys) var key: String
    @Option(help: "Its value in this experiment.", completion: .experiments) var experiment: String?
    @Option(help: "Its value in this settings file.", completion: .file(extensions: ["yaml", "yml"])) var file: String?
    @Option(
      name: .customLong("set"), parsing: .singleValue,
      help: ArgumentHelp("With --file: override one key; may be repeated.", valueName: "key=value"))
    var overrides: [String] = []
    @Flag(help: "One JSON object per key.") var json = false
    @OptionGroup var database: DatabaseOptions

    func validate() throws {
      if experiment != nil, file != nil { throw ValidationError("give --experiment or --file, not both") }
      if file == nil, !overrides.isEmpty { throw ValidationError("--set needs --file") }
    }

    func run() async throws {
      // Refuses an unknown key with the one that was probably meant.
      let plain = try SettingsDocument.explain(key)
      let keys = SettingKey.named(key).map { [$0] } ?? SettingKey.all.filter { $0.group == key }
      var values: [String: SettingText.Value] = [:]
      if let file { values = try Self.values(of: file, overrides, keys) }
      if let experiment {
        values = try await database.withLog(as: .reader) { log in
          try await Self.values(of: try await log.log.requireExperiment(experiment), in: log.log, keys)
        }
      }
      if json { return keys.forEach { print(SettingText.object($0, values[$0.name], experiment ?? file).line) } }
      guard !values.isEmpty else { return print(plain) }
      print(keys.map { SettingText.text($0, values[$0.name]) }.joined(separator: "\n\n"))
    }

    private static func values(
      of file: String, _ overrides: [String], _ keys: [SettingKey]
    ) throws -> [String: SettingText.Value] {
      let (settings, origins) = try SettingsFile.trace(path: file, overrides: overrides)
      let values = keys.map { key in
        (key.name, SettingText.Value(text: key.show(settings), from: origins[key.name]?.description ?? "the default"))
      }
      return Dictionary(uniqueKeysWithValues: values)
    }

    /// The value in force, and the event that gave it: creation, or the last fork that changed it.
    private static func values(
      of record: ExperimentRecord, in log: any EventLog, _ keys: [SettingKey]
    ) async throws -> [String: SettingText.Value] {
      let events = try await log.read(
        experiment: record.id, after: .start, types: ["ExperimentCreated", "ExperimentForked"], limit: LogLimits.readMax
      )
      var values: [String: SettingText.Value] = [:]
      for recorded in events {
        switch try recorded.event() {
        case .experimentCreated(let created):
          for key in keys {
            let text = key.show(created.settings)
            let from = key.defaultText == text ? "the default, recorded" : "given"
            values[key.name] = SettingText.Value(
              text: text, from: "\(from) at creation of \(created.name), position \(recorded.position)")
          }
        case .experimentForked(let forked):
          for key in keys {
            let text = key.show(forked.settings)
            guard let before = values[key.name]?.text, before != text else { continue }
            values[key.name] = SettingText.Value(
              text: text, from: "changed from \(before) by the fork \(forked.name), position \(recorded.position)")
          }
        default: break
        }
      }
      return values
    }
  }

  struct Difference: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff",
      abstract: "The keys in which two experiments or files differ.",
      discussion: """
        Each is an experiment's name, or a settings file: a path that ends with .yaml or .yml, or holds a slash. Exit code 0 \
        whether they differ or not.

        EXAMPLE
          autodidact settings diff first warmer
          autodidact settings diff first configs/azr-paper.yaml --json
        """)
    @Argument(help: "An experiment or a file.", completion: .experiments) var left: String
    @Argument(help: "Another.", completion: .experiments) var right: String
    @Flag(help: "One JSON object per key that differs.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let (before, after) = (try await settings(left), try await settings(right))
      let differences = SettingsDocument.differences(before, after)
      if json {
        for difference in differences {
          let value: JSONValue = [
            "key": .text(difference.key), "left": .text(difference.left), "right": .text(difference.right),
          ]
          print(value.line)
        }
        return
      }
      guard !differences.isEmpty else { return print("the same settings") }
      let rows = [["key", left, right]] + differences.map { [$0.key, $0.left, $0.right] }
      let style = Style.output(database.color)
      let table = TextTable(rows: rows, words: [1, 2]) { row, _, text in row == 0 ? style.dim(text) : text }
      print(table.lines.joined(separator: "\n"))
    }

    private func settings(_ name: String) async throws -> ExperimentSettings {
      if name.contains("/") || name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
        var settings = try SettingsFile.load(path: name)
        // A model that this installation does not know has no digest to compare.
        settings.model.digest = (try? ModelCatalogue(home: database.home()).entry(settings.model.name).digest) ?? ""
        return settings
      }
      return try await database.withLog(as: .reader) { log in
        let record = try await log.log.requireExperiment(name)
        return try await StoredExperiment.load(record, from: log.log).experiment.settings
      }
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read a settings file as create would, and create nothing.",
      discussion: """
        Every problem is reported, with file, line, column, key and what is allowed. Exit code 2 if there is one.

        EXAMPLE
          autodidact settings check configs/quickstart.yaml --set play.batch=16
        """)
    @Argument(help: "A YAML file of settings.", completion: .file(extensions: ["yaml", "yml"])) var file: String
    @Option(
      name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("Override one key.", valueName: "key=value"))
    var overrides: [String] = []
    @Flag(help: "As one JSON object, problems too.") var json = false

    func run() async throws {
      do {
        let settings = try SettingsFile.load(path: file, overrides: overrides)
        if json { return print(JSONValue.object(["file": .text(file), "problems": .list([])]).line) }
        let changed = SettingKey.all.filter { $0.name != "prompts" && $0.defaultText != $0.show(settings) }
        print("\(file): good; \(changed.count) keys are not at their defaults")
      } catch {
        guard json else { throw error }
        print(JSONValue.object(["file": .text(file), "problems": .list(error.problems.map(Self.object))]).line)
        throw ExitCode(ExitStatus.usage.rawValue)
      }
    }

    private static func object(_ problem: SettingsProblem) -> JSONValue {
      [
        "file": .text(problem.file), "line": JSONValue(problem.line), "column": JSONValue(problem.column),
        "key": JSONValue(problem.key), "message": .text(problem.message), "found": JSONValue(problem.found),
        "allowed": JSONValue(problem.allowed), "suggestion": JSONValue(problem.suggestion),
      ]
    }
  }
}

/// A key as it is explained.
private enum SettingText {
  /// What it is and why.
  struct Value {
    var text: String
    var from: String
  }

  static func text(_ key: SettingKey, _ value: Value?) -> String {
    var lines = [
      key.name, "  \(key.meaning)", "  allowed: \(key.allowed)", "  default: \(key.defaultText ?? "none; required")",
    ]
    if let value { lines += ["  value:   \(value.text)", "  from:    \(value.from)"] }
    return lines.joined(separator: "\n")
  }

  static func object(_ key: SettingKey, _ value: Value?, _ of: String?) -> JSONValue {
    var fields: [String: JSONValue] = [
      "key": .text(key.name), "meaning": .text(key.meaning), "allowed": .text(key.allowed),
      "default": JSONValue(key.defaultText),
    ]
    if let value, let of {
      fields["of"] = .text(of)
      fields["value"] = .text(value.text)
      fields["from"] = .text(value.from)
    }
    return .object(fields)
  }
}

extension CompletionKind {
  /// Keys and groups of settings.
  static let settingKeys = CompletionKind.list(
    SettingKey.groups.filter { !$0.isEmpty } + SettingKey.all.map(\.name))
}
