import Foundation
import Testing

private let python = ProcessInfo.processInfo.environment["AUTODIDACT_PYTHON"]
private let needsPython: Comment = "AUTODIDACT_PYTHON is not set: ops/test sets it, by ops/python-tools"

/// What people use from outside: the commands `sql` and `export --table`, and the example in Python.
@Suite("SQL from the command line and from Python", .needsPostgres)
struct ToolTests {
  @Test("a query's rows come as a table, as CSV and as JSON, with the experiment set")
  func formats() async throws {
    try await PlayedLog.with { log in
      let query = "select iteration, kind from solve_rate where experiment = :'experiment' order by 1, 2 limit 1"
      for (format, wanted) in [
        ("csv", "iteration,kind\n1,abduction\n"), ("json", #"{"iteration":1,"kind":"abduction"}"# + "\n"),
      ] {
        let outcome = try await log.autodidact(["sql", "it's another", "--query", query, "--format", format])
        #expect(outcome.output == wanted && outcome.status == 0, "\(outcome)")
      }
      let table = try await log.autodidact([
        "sql", "first", "--query", "select current_setting('autodidact.experiment')",
      ])
      #expect(table.output.contains("first") && table.output.contains("(1 row)"), "\(table)")
    }
  }

  @Test("a query cannot write, and a mistake is told with its line and exit code 1")
  func refused() async throws {
    try await PlayedLog.with { log in
      let written = try await log.autodidact(["sql", "first", "--query", "create table public.mine ()"])
      #expect(written.status == 1 && written.errors.contains("read-only transaction"), "\(written)")
      let wrong = try await log.autodidact(["sql", "--query", "select 1;\nselect nothing"])
      #expect(wrong.status == 1 && wrong.errors.contains("--query, line 2"), "\(wrong)")
      let unknown = try await log.autodidact(["sql", "nobody", "--query", "select 1"])
      #expect(unknown.status != 0 && unknown.errors.contains("nobody"), "\(unknown)")
    }
  }

  @Test("a table is exported in the order of the log, and every view can be")
  func export() async throws {
    try await PlayedLog.with { log in
      let rows = try await log.autodidact(["export", "first", "--table", "attempts", "--format", "csv"])
      let wanted = try await log.texts("select attempt from read.attempts where experiment = 'first' order by position")
      let lines = rows.output.split(separator: "\n").dropFirst()
      #expect(lines.map { String($0.split(separator: ",")[1]) } == wanted, "\(rows.errors)")
      let views = try await log.texts(
        "select schemaname || '.' || viewname from pg_views where schemaname in ('read', 'analytics') order by 1")
      for view in views {
        let rows = try await log.autodidact(["export", "first", "--table", view, "--format", "jsonl"])
        let count = try await log.texts("select count(*)::text from \(view) where experiment = 'first'")
        let objects = rows.output.split(separator: "\n").compactMap {
          try? JSONSerialization.jsonObject(with: Data($0.utf8))
        }
        #expect(rows.status == 0 && ["\(objects.count)"] == count, "\(view): \(rows.errors)")
      }
      let unknown = try await log.autodidact(["export", "first", "--table", "nothing", "--format", "csv"])
      #expect(unknown.status == 2 && unknown.errors.contains("read.attempts"), "\(unknown)")
    }
  }

  @Test("a table written as Parquet is what DuckDB reads", .enabled(if: python != nil, needsPython))
  func parquet() async throws {
    let python = try #require(python)
    try await PlayedLog.with { log in
      try await withFolder { folder in
        for view in ["analytics.lessons", "read.generations", "read.problems", "read.settings"] {
          let file = folder.appending(path: view + ".parquet").path
          let written = try await log.autodidact(["export", "control", "--table", view, "--format", "parquet", file])
          #expect(written.status == 0, "\(view): \(written)")
          let script = """
            import duckdb, sys
            print(duckdb.execute("select count(*) || ' ' || min(experiment) from read_parquet(?)", [sys.argv[1]]).fetchone()[0])
            """
          let read = try await run(python, ["-c", script, file])
          let wanted = try await log.texts(
            "select count(*) || ' ' || min(experiment) from \(view) where experiment = 'control'")
          #expect([read.output] == wanted.map { $0 + "\n" }, "\(view): \(read)")
        }
        // Numbers, digits and all.
        let file = folder.appending(path: "analytics.lessons.parquet").path
        let script = """
          import duckdb, sys
          rows = duckdb.execute("select sample, advantage from read_parquet(?)", [sys.argv[1]]).fetchall()
          print("\\n".join(f"{sample} {advantage!r}" for sample, advantage in rows))
          """
        let read = try await run(python, ["-c", script, file])
        struct Row: Decodable {
          var sample: String
          var advantage: Double
        }
        let rows: [Row] = try await log.rows(
          "select sample, advantage from analytics.lessons where experiment = 'control' order by position")
        let found = read.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(found.map { String($0[0]) } == rows.map(\.sample), "\(read.errors)")
        #expect(found.compactMap { Double($0[1]) } == rows.map(\.advantage))
      }
    }
  }

  @Test("the example draws its five plots", .enabled(if: python != nil, needsPython))
  func example() async throws {
    let python = try #require(python)
    try await PlayedLog.with { log in
      try await withFolder { folder in
        let script = TestServer.migrations.deletingLastPathComponent().appending(
          path: "docs/examples/learning_curves.py"
        ).path
        let drawn = try await run(python, [script, try await log.url(), "first", folder.path])
        #expect(drawn.status == 0, "\(drawn)")
        for name in ["yield", "solving", "rewards", "updates", "time"] {
          let image = FileManager.default.contents(atPath: folder.appending(path: name + ".png").path)
          #expect(image?.starts(with: [0x89, 0x50, 0x4E, 0x47]) == true && (image?.count ?? 0) > 5000, "\(name)")
        }
      }
    }
  }

  private func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tools-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }
}

/// What a program left.
private struct Outcome {
  var output: String
  var errors: String
  var status: Int32
}

extension PlayedLog {
  /// The database's address for other programs.
  fileprivate func url() async throws -> String {
    let url = try #require(TestServer.url)
    let database = try await texts("select current_database()::text")[0]
    return url + (url.contains("?") ? "&" : "?") + "dbname=" + database
  }

  /// Runs the real command line, which lies beside the tests, on this database.
  fileprivate func autodidact(_ arguments: [String]) async throws -> Outcome {
    let executable = try URL(filePath: FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      .deletingLastPathComponent().appending(path: "autodidact").path
    return try await run(executable, arguments + ["--database", try await url()])
  }
}

/// Runs a program to its end. What it prints goes to files, so that no pipe can fill up.
private func run(_ executable: String, _ arguments: [String]) async throws -> Outcome {
  let folder = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID())")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let files = ["output", "errors"].map { folder.appending(path: $0) }
  for file in files { try Data().write(to: file) }
  let process = Process()
  process.executableURL = URL(filePath: executable)
  process.arguments = arguments
  var environment = ProcessInfo.processInfo.environment
  environment["AUTODIDACT_SHARE"] = TestServer.migrations.deletingLastPathComponent().path
  environment["MPLCONFIGDIR"] = folder.path
  process.environment = environment
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = try FileHandle(forWritingTo: files[0])
  process.standardError = try FileHandle(forWritingTo: files[1])
  try process.run()
  process.waitUntilExit()
  let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
  return Outcome(output: texts[0], errors: texts[1], status: process.terminationStatus)
}
