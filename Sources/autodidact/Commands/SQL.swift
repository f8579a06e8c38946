import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct SQL: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql",
    abstract: "Ask the log with SQL: psql on its views, or one query.",
    discussion: """
      Without --query and --file psql opens. Tables are found in the schemas read and analytics without their schema's \
      name (docs/sql.md, docs/sql-cookbook.md); the experiment is :'experiment' in psql and \
      current_setting('autodidact.experiment') in SQL. The session only reads.

      EXAMPLE
        autodidact sql first
        autodidact sql first --query "select * from learning_curve where experiment = :'experiment'"
        autodidact sql first --file questions.sql --format csv > answers.csv
        autodidact sql --query 'select * from comparison' --format json | jq .experiment
      """)
  @Argument(help: "Name of the experiment that :experiment stands for.", completion: .experiments) var name: String?
  @Option(help: ArgumentHelp("Run this and print the rows.", valueName: "sql")) var query: String?
  @Option(help: ArgumentHelp("Run this file's queries; - is standard input.", valueName: "file")) var file: String?
  @Option(help: "Of the rows: table, csv, or json, one object a row. Default: table.") var format: Format?
  @Flag(help: "The same as --format json.") var json = false
  @OptionGroup var database: DatabaseOptions

  enum Format: String, ExpressibleByArgument, CaseIterable { case table, csv, json }

  func validate() throws {
    if query != nil, file != nil { throw ValidationError("give --query or --file, not both") }
    if json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) contradict each other")
    }
    if json, query == nil, file == nil { throw ValidationError("--json needs --query or --file") }
    if format != nil, query == nil, file == nil { throw ValidationError("--format needs --query or --file") }
  }

  func run() async throws {
    let psql = try await database.withLog(as: .reader) { log in
      if let name { _ = try await log.log.requireExperiment(name) }
      return try Psql(
        url: log.url, experiment: name, role: log.role, environment: ProcessInfo.processInfo.environment)
    }
    guard let script = try script() else { throw psql.become() }
    let (text, source) = script
    switch json ? .json : format ?? .table {
    case .table: try psql.run(text, named: source, options: [])
    case .csv: try psql.run(text, named: source, options: ["--csv"])
    case .json: try psql.run(Self.objects(text), named: source, options: ["-A", "-t"])
    }
  }

  /// The SQL to run and what to call it; nil to let a person type.
  private func script() throws -> (text: String, name: String)? {
    if let query { return (query, "--query") }
    guard let file else { return nil }
    if file == "-" {
      return (String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self), "standard input")
    }
    guard let data = FileManager.default.contents(atPath: file) else {
      throw Failure.usage("--file \(file) cannot be read")
    }
    return (String(decoding: data, as: UTF8.self), file)
  }

  /// A query whose rows are JSON objects. One query only: it becomes a part of another.
  static func objects(_ query: String) -> String {
    var text = query.trimmingCharacters(in: .whitespacesAndNewlines)
    while text.hasSuffix(";") { text = String(text.dropLast()).trimmingCharacters(in: .whitespacesAndNewlines) }
    return "select row_to_json(r) from (" + text + "\n) as r;"
  }
}
