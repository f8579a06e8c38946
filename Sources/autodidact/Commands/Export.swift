import ArgumentParser
import Daemon
import Domain
import Engine
import EventLog
import Foundation
import Terminal

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write an experiment's log to one file, a table of it, or weights for other programs.",
    discussion: """
      --log writes the whole experiment: events, generations, settings, prompts and digests, without weights, which replay \
      trains again. `import` takes the file into another log, `replay --file` needs no database.

      --table writes the experiment's rows of a view (docs/sql.md) as csv, jsonl or parquet; without OUTPUT, csv and jsonl go to \
      standard output. Parquet is written by DuckDB, which is installed into the state folder where it is missing. A fork's rows are \
      those it recorded itself.

      --format without --table writes weights: a GGUF file or a Hugging Face folder. \
      f32, the default, is exact: other programs compute the same logits up to the order of their sums. The weights of an \
      older version come from its checkpoint or, without one, are trained again from the log. The output appears whole \
      or not at all.

      EXAMPLE
        autodidact export first --log first.adlog
        autodidact export first --table attempts --format parquet attempts.parquet
        autodidact export first --format gguf first.gguf
        autodidact export first --version 3 --format safetensors --type bf16 first-3
        autodidact export smollm2-135m-instruct --format safetensors smollm2
      """)
  @OptionGroup var source: WeightsOptions
  @Option(help: ArgumentHelp("Write the experiment's log to this file.", valueName: "file")) var log: String?
  @Option(help: ArgumentHelp("Write the rows of this view of read or analytics.", valueName: "view")) var table: String?
  @Option(
    help: ArgumentHelp(
      "Of weights: gguf (a file) or safetensors (a folder). Of a table: csv, jsonl or parquet.", valueName: "format"))
  var format: Format?
  @Option(help: ArgumentHelp("Of weights: f32 (exact), f16 or bf16. Default: f32.", valueName: "type"))
  var type: PolicyWeights.Precision?
  @Flag(help: "Replace what is there: a file, or a folder that holds only a model.") var force = false
  @Flag(help: "What was written as one JSON object. A table on standard output stays what --format says.") var json =
    false
  @Argument(help: "With --format: the file or folder to write.") var output: String?

  /// What weights or a table are written as.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case gguf, safetensors, csv, jsonl, parquet

    var ofWeights: PolicyWeights.Format? { PolicyWeights.Format(rawValue: rawValue) }
    var ofTable: TableExport.Format? { TableExport.Format(rawValue: rawValue) }
  }

  func validate() throws {
    guard (log == nil) != (format == nil) else {
      throw ValidationError("give either --log FILE, for the experiment, or --format and OUTPUT, for weights")
    }
    if log != nil, output != nil || type != nil || source.version != nil || source.threads != nil {
      throw ValidationError(
        "--log takes no OUTPUT, --type, --version or --threads: it writes the whole log, no weights")
    }
    if table != nil { return try validateTable() }
    if let format, format.ofWeights == nil {
      throw ValidationError(
        "--format \(format.rawValue) is for --table VIEW; weights are written as gguf or safetensors")
    }
    if format != nil, output == nil { throw ValidationError("--format needs OUTPUT, the file or folder to write") }
  }

  private func validateTable() throws {
    guard log == nil, type == nil, source.version == nil, source.threads == nil else {
      throw ValidationError("--table takes no --log, --type, --version or --threads")
    }
    guard let format, format.ofTable != nil else {
      throw ValidationError("--table needs --format csv, jsonl or parquet")
    }
    if format == .parquet, output == nil { throw ValidationError("--format parquet needs OUTPUT, the file to write") }
  }

  func run() async throws {
    if let log { return try await write(log: log) }
    if let table, let format = format?.ofTable { return try await write(table: table, as: format) }
    guard let format = format?.ofWeights, let output else {
      preconditionFailure("neither --log nor --format passed validation")
    }
    // Before weights are read or trained.
    if !force, FileManager.default.fileExists(atPath: output) {
      throw Failure.usage("\(output) exists already; --force replaces it")
    }
    let found = try await source.find()
    try found.weights.write(
      format, as: type ?? .f32, to: output, name: found.name, experiment: found.experiment, replacing: force)
    if json {
      let value: JSONValue = [
        "file": .text(output), "name": .text(found.name), "format": .text(format.rawValue),
        "type": .text((type ?? .f32).rawValue), "digest": .text(found.weights.digest),
      ]
      return print(value.line)
    }
    print(
      "wrote \(found.name) as \(format.rawValue) \((type ?? .f32).rawValue) to \(output); weights sha256 "
        + found.weights.digest)
  }

  private func write(table: String, as format: TableExport.Format) async throws {
    let export = try await source.database.withLog(as: .reader) { log in
      _ = try await log.log.requireExperiment(source.name)
      let psql = try Psql(
        url: log.url, experiment: source.name, role: log.role, environment: ProcessInfo.processInfo.environment)
      return TableExport(psql: psql, share: log.home.share)
    }
    guard let rows = try export.write(table, as: format, to: output, force: force), let output else { return }
    if json {
      let value: JSONValue = [
        "file": .text(output), "name": .text(source.name), "table": .text(table), "format": .text(format.rawValue),
        "rows": JSONValue(rows),
      ]
      return print(value.line)
    }
    print("wrote \(rows) rows of \(table) of \(source.name) as \(format.rawValue) to \(output)")
  }

  private func write(log path: String) async throws {
    try await source.database.withLog(as: .reader) { log in
      do {
        let file = try await ExperimentFile.export(
          source.name, of: log.log, to: path, software: log.surroundings.software, force: force)
        if json { return print(Self.line(file)) }
        print(
          "wrote \(file.trailer.events) events and \(file.trailer.generations) generations of \(source.name) to \(path); "
            + "digest \(file.digest.hexadecimal)")
      } catch let error as ExperimentFile.Refusal { throw Failure.usage("\(error)") }
    }
  }
}

extension Export {
  fileprivate static func line(_ file: ExperimentFile) -> String {
    struct Line: Encodable {
      var file, name, digest, root: String
      var events, generations: Int
    }
    let line = Line(
      file: file.path, name: file.name, digest: file.digest.hexadecimal, root: file.trailer.root,
      events: file.trailer.events, generations: file.trailer.generations)
    return String(decoding: EventCoding.json(line), as: UTF8.self)
  }
}

extension PolicyWeights.Precision: ExpressibleByArgument {}
