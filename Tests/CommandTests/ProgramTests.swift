import Domain
import EventLog
import Foundation
import Testing

/// The manners of the command line, through the built program.
@Suite("The command line")
struct ProgramTests {
  /// A command of the program's own description.
  private struct Command: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable { var name: String }
      var names: [Name]?
    }
    var commandName: String
    var discussion: String?
    var arguments: [Argument]?
    var subcommands: [Command]?

    /// Itself and all below it, with the words that lead there; not the generated `help`.
    func all(_ path: [String] = []) -> [(path: String, command: Command)] {
      let path = path + [commandName]
      let below = (subcommands ?? []).filter { $0.commandName != "help" }
      return [(path.joined(separator: " "), self)] + below.flatMap { $0.all(path) }
    }
  }

  private func commands() throws -> [(path: String, command: Command)] {
    struct Dump: Decodable { var command: Command }
    let dumped = try Program.run(["man", "--json"])
    return try JSONDecoder().decode(Dump.self, from: Data(dumped.output.utf8)).command.all()
  }

  @Test("every command's help has an example")
  func examples() throws {
    let all = try commands()
    #expect(all.count > 50)
    for (path, command) in all {
      #expect(command.discussion?.contains("EXAMPLE\n  autodidact") == true, "\(path)")
    }
  }

  @Test("every command that does something takes --json")
  func json() throws {
    for (path, command) in try commands() where (command.subcommands ?? []).filter({ $0.commandName != "help" }).isEmpty
    {
      // A script for a shell is what it is, and a server prints its address.
      guard !["autodidact completions", "autodidact dashboard"].contains(path) else { continue }
      let names = (command.arguments ?? []).flatMap { $0.names ?? [] }.map(\.name)
      #expect(names.contains("json"), "\(path)")
    }
  }

  @Test(
    "a misspelt command names the one that was meant",
    arguments: [
      (["statsu"], "did you mean 'status'?"), (["projection", "rebuidl"], "did you mean 'rebuild'?"),
      (["settings", "explian", "seed"], "'explian' is no command of autodidact settings; did you mean 'explain'?"),
      (["xyzzy"], "'xyzzy' is no command of autodidact (autodidact --help lists them)"),
    ])
  func commandNames(arguments: [String], wanted: String) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 2 && outcome.errors.contains(wanted), "\(outcome)")
  }

  @Test("usage errors end with 2, as text with the usage and as JSON with --json")
  func usage() throws {
    let text = try Program.run(["list", "--nonsense"])
    #expect(text.status == 2 && text.errors.contains("Usage: autodidact list"), "\(text)")
    for arguments in [
      ["list", "--nonsense", "--json"], ["lsit", "--json"], ["settings", "explain", "play.bach", "--json"],
    ] {
      let outcome = try Program.run(arguments)
      let object = try JSONSerialization.jsonObject(with: Data(outcome.errors.utf8)) as? [String: [String: Any]]
      let error = try #require(object?["error"], "\(outcome)")
      #expect(error["exit_code"] as? Int == 2 && error["kind"] as? String == "usage")
      #expect((error["message"] as? String)?.isEmpty == false && outcome.status == 2 && outcome.output.isEmpty)
    }
  }

  @Test("a misspelt key names the one that was meant; a key is explained with what is allowed")
  func keys() throws {
    let wrong = try Program.run(["settings", "explain", "play.bach"])
    #expect(wrong.status == 2 && wrong.errors.contains("did you mean 'play.batch'?"), "\(wrong)")
    let right = try Program.run(["settings", "explain", "play.batch"])
    #expect(right.status == 0 && right.output.contains("allowed: a whole number from 1 to 4096"), "\(right)")
    let group = try Program.run(["settings", "explain", "checkpoints", "--json"])
    #expect(group.objects.compactMap { $0["key"] as? String } == ["checkpoints.every", "checkpoints.keep"], "\(group)")
  }

  @Test("where a value comes from: a line of the file, --set, or the default")
  func origins() throws {
    let file = Program.share.appending(path: "configs/quickstart.yaml")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(lines.firstIndex { $0.hasPrefix("  batch:") }) + 1
    func from(_ key: String, _ more: [String] = []) throws -> [String: Any] {
      let outcome = try Program.run(["settings", "explain", key, "--file", file.path, "--json"] + more)
      return try #require(outcome.objects.first, "\(outcome)")
    }
    #expect(try from("play.batch")["from"] as? String == "\(file.path), line \(line)")
    let overridden = try from("play.batch", ["--set", "seed=1", "--set", "play.batch=3"])
    #expect(overridden["from"] as? String == "--set, number 2" && overridden["value"] as? String == "3")
    let usual = try from("health.window")
    #expect(usual["from"] as? String == "the default" && usual["value"] as? String == usual["default"] as? String)
  }

  @Test("settings check reads a file as create does, and lists its problems")
  func check() throws {
    let file = Program.share.appending(path: "configs/quickstart.yaml").path
    let good = try Program.run(["settings", "check", file])
    #expect(good.status == 0 && good.output.contains("good"), "\(good)")
    let bad = try Program.run(["settings", "check", file, "--set", "play.batch=0", "--set", "sede=1", "--json"])
    let problems = try #require(bad.objects.first?["problems"] as? [[String: Any]], "\(bad)")
    #expect(problems.compactMap { $0["key"] as? String } == ["play.batch", "sede"] && bad.status == 2)
    #expect(problems[1]["suggestion"] as? String == "seed")
  }

  @Test(
    "a collector of traces that cannot be used is said before anything is opened",
    arguments: [("autodidact", ["run", "first"]), ("autodidactd", [])])
  func collector(name: String, arguments: [String]) throws {
    let outcome = try Program.run(
      arguments,
      environment: [
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector", "AUTODIDACT_DATABASE_URL": "postgres://127.0.0.1:1/",
      ],
      executable: Program.path(name))
    #expect(
      outcome.status == 2 && outcome.errors.contains("OTEL_EXPORTER_OTLP_ENDPOINT is 'https://collector'"), "\(outcome)"
    )
  }

  @Test("completion scripts are scripts their shells can read", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let script = try Program.run(["completions", shell])
    #expect(script.status == 0 && script.output.contains("settings") && script.output.contains("priority"))
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/\(shell)") else { return }
    let file = FileManager.default.temporaryDirectory.appending(path: "completion-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(script.output.utf8).write(to: file)
    let read = try Program.run(["-n", file.path], executable: "/usr/bin/\(shell)")
    #expect(read.status == 0, "\(read)")
  }

  @Test("the manual page has a section for every command, and man finds nothing wrong with it")
  func manual() throws {
    let page = try Program.run(["man"])
    #expect(page.status == 0)
    for (path, _) in try commands().dropFirst() {
      let words = path.split(separator: " ").dropFirst().joined(separator: " ").replacing("-", with: "\\-")
      #expect(page.output.contains(".SS \"\(words)\"\n"), "\(path)")
    }
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/groff") else { return }
    let file = FileManager.default.temporaryDirectory.appending(path: "autodidact-\(UUID()).1")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(page.output.utf8).write(to: file)
    let set = try Program.run(["-man", "-Tutf8", "-ww", "-k", file.path], executable: "/usr/bin/groff")
    #expect(set.status == 0 && set.errors.isEmpty, "\(set.errors)")
    #expect(set.output.contains("autodidact"))
  }
}
