import Daemon
import Foundation
import Terminal

/// A view's rows of one experiment as a file for other programs: `export NAME --table VIEW`.
///
/// Rows go from the server to the file as they come; the file appears whole or not at all. Their order is that of the log
/// (column position), then of their columns from left to right.
struct TableExport {
  /// What a table can be written as.
  enum Format: String, CaseIterable { case csv, jsonl, parquet }

  let psql: Psql
  let share: URL

  /// A column with its type as PostgreSQL names it.
  private struct Column {
    var name: String
    var type: String
    /// json has no order.
    var isSortable: Bool { type != "json" && type != "bytea" }
  }

  /// Writes the rows; returns their number, or nil where they went to standard output.
  ///
  /// - Parameters:
  ///   - table: a view of the schemas read and analytics, with or without its schema.
  ///   - path: the file; nil: standard output.
  /// - Throws: `Failure` for an unknown table, a file that exists, or what psql said.
  func write(_ table: String, as format: Format, to path: String?, force: Bool) throws -> Int? {
    let view = try find(table)
    let columns = try psql.rows(
      """
      select attname, format_type(atttypid, atttypmod) from pg_attribute
      where attrelid = '\(view)'::regclass and attnum > 0 and not attisdropped order by attnum;
      """
    ).map { Column(name: $0[0], type: $0[1]) }
    guard let path else {
      try psql.run(copy(view, columns, format), named: view, options: [])
      return nil
    }
    if !force, FileManager.default.fileExists(atPath: path) {
      throw Failure.usage("\(path) exists already; --force replaces it")
    }
    let part = path + ".part"
    let rows = part + ".jsonl"
    defer { for file in [part, rows] { try? FileManager.default.removeItem(atPath: file) } }
    try receive(copy(view, columns, format), of: view, into: format == .parquet ? rows : part)
    if format == .parquet { try convert(rows, columns, to: part) }
    guard rename(part, path) == 0 else { throw Failure.failed("\(path): \(String(cString: strerror(errno)))") }
    let count = try psql.rows("select count(*) from \(view) where experiment = :'experiment';")
    return Int(count.first?.first ?? "")
  }

  /// The view's full name.
  private func find(_ table: String) throws -> String {
    let names = try psql.rows(
      "select schemaname || '.' || viewname from pg_views where schemaname in ('read', 'analytics') order by 1;"
    ).map { $0[0] }
    if let found = names.first(where: { $0 == table || $0 == "read." + table || $0 == "analytics." + table }) {
      return found
    }
    throw Failure.usage("no table '\(table)'; there are \(names.joined(separator: ", "))")
  }

  private func copy(_ view: String, _ columns: [Column], _ format: Format) -> String {
    func quoted(_ column: Column) -> String { "\"\(column.name)\"" }
    let byPosition =
      columns.filter { $0.name == "position" } + columns.filter { $0.isSortable && $0.name != "position" }
    let sorted = byPosition.map(quoted).joined(separator: ", ")
    let rows = "select * from \(view) where experiment = :'experiment' order by \(sorted)"
    guard format != .csv else { return "copy (\(rows)) to stdout with (format csv, header);\n" }
    // JSON has no control characters: with two of them as quote and delimiter CSV leaves each line as it is.
    return
      "copy (select row_to_json(r) from (\(rows)) as r) to stdout with (format csv, quote E'\\x01', delimiter E'\\x02');\n"
  }

  private func receive(_ script: String, of view: String, into file: String) throws {
    guard FileManager.default.createFile(atPath: file, contents: nil),
      let output = FileHandle(forWritingAtPath: file)
    else { throw Failure.failed("\(file) cannot be written") }
    try psql.run(script, named: view, options: [], output: output)
    try output.synchronize()
    try output.close()
  }

  /// Parquet through DuckDB, which `ops/to-parquet` installs where it is missing.
  private func convert(_ rows: String, _ columns: [Column], to part: String) throws {
    let process = Process()
    process.executableURL = share.appending(path: "ops/to-parquet")
    process.arguments = [rows, part] + columns.map { "\($0.name)=\($0.type)" }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.standardError
    do { try process.run() } catch { throw Failure.failed("ops/to-parquet cannot be run: \(error)") }
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw Failure.failed("ops/to-parquet ended with status \(process.terminationStatus)")
    }
  }
}

extension Psql {
  /// The rows of a query that returns few: texts by column.
  func rows(_ sql: String) throws -> [[String]] {
    let file = FileManager.default.temporaryDirectory.appending(path: "autodidact-rows-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: file.path, contents: nil, attributes: [.posixPermissions: 0o600])
    else {
      throw Failure.failed("\(file.path) cannot be written")
    }
    defer { try? FileManager.default.removeItem(at: file) }
    let output = try FileHandle(forWritingTo: file)
    try run(sql, named: "query", options: ["-A", "-t", "-F", "\u{1}"], output: output)
    try output.close()
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
