import ArgumentParser
import Daemon
import Foundation
import Terminal

/// PostgreSQL's own psql on the log's views: it reads and formats better than a client of ours would.
///
/// Sessions are read-only, work as the reader where the login may take that role, find the schemas read and analytics, and
/// know the experiment as the psql variable `:experiment` (with quotes: `:'experiment'`) and as the setting
/// `autodidact.experiment`. Used by `sql` and `export --table`.
struct Psql {
  let executable: String
  let url: String
  let experiment: String?
  let role: String?

  /// - Parameter role: what the session is to work as; nil: the login itself.
  /// - Throws: `Failure` if there is no psql.
  init(url: String, experiment: String?, role: String?, environment: [String: String]) throws {
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init) + ["/usr/lib/postgresql/15/bin"]
    guard let found = folders.map({ "\($0)/psql" }).first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw Failure.failed("psql is not installed; ops/setup installs postgresql-client-15")
    }
    executable = found
    (self.url, self.experiment, self.role) = (url, experiment, role)
  }

  /// What each session begins with, in libpq's PGOPTIONS.
  private var sessionOptions: String {
    var settings = [
      ("search_path", "read,analytics,public"), ("default_transaction_read_only", "on"), ("timezone", "UTC"),
      ("jit", "off"), ("work_mem", "64MB"),
    ]
    if let role { settings.append(("role", role)) }
    if let experiment { settings.append(("autodidact.experiment", experiment)) }
    return settings.map { "-c \($0)=\(Self.escaped($1))" }.joined(separator: " ")
  }

  /// A word of PGOPTIONS: spaces and backslashes need a backslash.
  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: " ", with: "\\ ")
  }

  private var environment: [String: String] {
    var environment = ProcessInfo.processInfo.environment
    environment["PGOPTIONS"] = [environment["PGOPTIONS"], sessionOptions].compactMap { $0 }.joined(separator: " ")
    environment["PGAPPNAME"] = "autodidact sql"
    return environment
  }

  private var variables: [String] { experiment.map { ["-v", "experiment=\($0)"] } ?? [] }

  /// Becomes psql, for a person at a terminal. Returns only if that fails.
  func become() -> Failure {
    for (name, value) in environment { setenv(name, value, 1) }
    let arguments = [executable, "-q"] + variables + [url]
    var pointers = arguments.map { strdup($0) } + [nil]
    execv(executable, &pointers)
    return .failed("\(executable): \(String(cString: strerror(errno)))")
  }

  /// Runs a script and waits for its end. The first error ends it.
  ///
  /// - Parameters:
  ///   - name: of the script in messages.
  ///   - output: where the rows go; nil: standard output.
  /// - Throws: `Failure` with what psql said, if it was not done.
  func run(_ script: String, named name: String, options: [String], output: FileHandle? = nil) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "autodidact-sql-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "query.sql")
    try Data(script.utf8).write(to: file)
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments =
      ["-X", "-q", "-v", "ON_ERROR_STOP=1"] + variables + options + ["-f", file.path, url]
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    let errors = folder.appending(path: "errors")
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    if let output { process.standardOutput = output }
    try process.run()
    process.waitUntilExit()
    let said = String(decoding: (try? Data(contentsOf: errors)) ?? Data(), as: UTF8.self)
      .replacingOccurrences(of: "psql:\(file.path):", with: "\(name), line ")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    // Whoever reads has enough, as in `… | head`: nothing to complain about.
    if process.terminationReason == .uncaughtSignal, process.terminationStatus == SIGPIPE { throw ExitCode(141) }
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw Failure.failed(said.isEmpty ? "psql ended with status \(process.terminationStatus)" : said)
    }
    if !said.isEmpty { Console.error(said) }
  }
}
