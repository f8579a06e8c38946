import Domain
import EventLog
import Foundation
import PostgresLog
import Testing

/// The commands that ask the log or write to it, through the built program and a real PostgreSQL.
@Suite("Commands on a database", .needsPostgres)
struct DatabaseTests {
  private func events(_ here: Installation) async throws -> Int64 { try await here.log.head().position.rawValue }

  @Test("an unknown experiment ends with 4 and names the one that was meant, as text and as JSON")
  func notFound() async throws {
    try await Installation.with { here in
      let text = try here.run("status", "frist")
      #expect(text.status == 4 && text.errors.contains("did you mean 'first'?"), "\(text)")
      let json = try here.run("tag", "frist", "+a", "--json")
      #expect(json.status == 4 && json.errors.contains(#""kind":"not_found""#), "\(json)")
      #expect(try here.run("consumer", "pause", "nobody").status == 4)
      #expect(try here.run("show", "problem", "first/1.deduction.0").status == 4)
    }
  }

  @Test("tags, note and priority are said, shown by ls and status, and ls filters by tag and state")
  func annotations() async throws {
    try await Installation.with { here in
      #expect(
        try here.run("tag", "first", "+baseline", "seed:7", "+gone", "--json").objects.first?["position"] as? Int64 == 4
      )
      #expect(try here.run("tag", "first", "-gone").output == "first: baseline seed:7\n")
      #expect(try here.run("tag", "second", "+baseline").status == 0)
      #expect(try here.run("note", "first", "two\nlines").output == "first: two\nlines\n")
      #expect(try here.run("priority", "first", "-3").output == "first: priority -3\n")
      let before = try await events(here)
      #expect(try here.run("tag", "first").output == "first: baseline seed:7\n")
      #expect(try here.run("note", "first").output == "first: two\nlines\n")
      #expect(try here.run("priority", "first", "-3", "--json").objects.first?["position"] is NSNull)
      #expect(try await events(here) == before)
      let listed = try here.run("ls", "--tag", "baseline", "--tag", "seed:7", "--json").objects
      #expect(listed.count == 1 && listed[0]["name"] as? String == "first" && listed[0]["priority"] as? Int == -3)
      #expect(listed[0]["tags"] as? [String] == ["baseline", "seed:7"] && listed[0]["note"] as? String == "two\nlines")
      #expect(try here.run("ls", "--state", "paused").output == "no experiment like that\n")
      let status = try here.run("status", "first").output
      #expect(status.contains("priority   -3") && status.contains("tags       baseline seed:7"), "\(status)")
      #expect(status.contains("note       two\n             lines"), "\(status)")
      let refused = try here.run("tag", "first", "+has space")
      #expect(refused.status == 2 && refused.errors.contains("'has space' is not a tag"), "\(refused)")
      #expect(try here.run("priority", "first", "1001").status == 2)
      #expect(try here.run("priority", "first", "high").status == 2)
    }
  }

  @Test("a dry run of stop and of a rebuild says what would be, and records nothing")
  func dryRuns() async throws {
    try await Installation.with { here in
      let before = try await events(here)
      let stop = try here.run("stop", "first", "--dry-run")
      #expect(stop.status == 0 && stop.output.contains("would be ended for good"), "\(stop)")
      #expect(try here.run("stop", "first", "--dry-run", "--json").objects.first?["would_stop"] as? Bool == true)
      #expect(try here.run("projection", "rebuild", "all", "--dry-run").status == 0)
      #expect(try here.run("projection", "rebuild", "nothing", "--dry-run").status == 4)
      #expect(try await events(here) == before)
      #expect(try here.run("stop", "first", "--json").objects.first?["position"] as? Int64 == before + 1)
      let again = try here.run("stop", "first", "--dry-run")
      #expect(again.output.contains("already"), "\(again)")
    }
  }

  @Test("ps names the process that holds an experiment, and ls marks it")
  func processes() async throws {
    try await Installation.with { here in
      #expect(try here.run("ps").output == "no process holds an experiment\n")
      let record = try #require(try await here.log.experiment(named: "second"))
      let epoch = try await here.log.raiseEpoch(of: record.id, takeOver: false)
      let body = ExperimentStarted(
        host: "far", process: 4711, software: "test 1", numericsProfile: "none", epoch: Int(epoch))
      _ = try await here.log.append(
        Append(
          key: "started", experiment: record.id, expectedVersion: record.version, epoch: epoch,
          events: [NewEvent(type: "ExperimentStarted", body: Event.experimentStarted(body).body)]))
      let line = try #require(try here.run("ps", "--json").objects.first)
      #expect(line["experiment"] as? String == "second" && line["host"] as? String == "far")
      #expect(line["process"] as? Int == 4711 && line["epoch"] as? Int == 1)
      let held = try here.run("ls", "--json").objects.filter { $0["held"] as? Bool == true }
      #expect(held.count == 1 && held[0]["name"] as? String == "second")
      #expect(try here.run("status", "second").output.contains("held by    far:4711"))
      #expect(try here.run("top", "--once").output.contains("far:4711"))
      await here.log.releaseEpoch(epoch, of: record.id)
      #expect(try here.run("ps", "--json").output.isEmpty)
    }
  }

  @Test("a setting of an experiment comes from its creation, or from the fork that changed it")
  func settings() async throws {
    try await Installation.with { here in
      func from(_ key: String, _ name: String) throws -> String? {
        try here.run("settings", "explain", key, "--experiment", name, "--json").objects.first?["from"] as? String
      }
      #expect(try from("seed", "second") == "the default, recorded at creation of second, position 2")
      #expect(try from("play.batch", "third") == "given at creation of second, position 2")
      #expect(try from("seed", "third")?.hasSuffix("by the fork third, position 3") == true)
      let differences = try here.run("settings", "diff", "first", "third", "--json").objects
      #expect(differences.compactMap { $0["key"] as? String } == ["seed", "play.batch"])
      #expect(differences[0]["right"] as? String == "77" && differences[1]["right"] as? String == "5")
      #expect(try here.run("settings", "diff", "first", "first").output == "the same settings\n")
      let file = Program.share.appending(path: "configs/quickstart.yaml").path
      #expect(try here.run("settings", "diff", "first", file).output.contains("play.batch"))
    }
  }

  @Test("colour is asked for: never into a file, unless always")
  func colors() async throws {
    try await Installation.with { here in
      for arguments in [["ls"], ["status", "first"], ["top", "--once"]] {
        let plain = try Program.run(arguments, environment: ["AUTODIDACT_DATABASE_URL": here.url])
        #expect(!plain.output.contains("\u{1B}") && plain.status == 0, "\(plain)")
        let colored = try Program.run(
          arguments + ["--color", "always"], environment: ["AUTODIDACT_DATABASE_URL": here.url])
        #expect(colored.output.contains("\u{1B}["), "\(colored)")
        #expect(colored.output.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain.output)
      }
    }
  }

  @Test("names of experiments are completed from the database")
  func completion() async throws {
    try await Installation.with { here in
      let script = FileManager.default.temporaryDirectory.appending(path: "bash-\(UUID())")
      defer { try? FileManager.default.removeItem(at: script) }
      let program = try Program.path("autodidact")
      let lines = """
        source <(\(program) completions bash)
        PATH=\(URL(filePath: program).deletingLastPathComponent().path):$PATH
        COMP_WORDS=(autodidact status f); COMP_CWORD=2; COMP_LINE='autodidact status f'; COMP_POINT=19; COMP_TYPE=9
        _autodidact autodidact f status
        printf '%s\\n' "${COMPREPLY[@]}"
        """
      try Data(lines.utf8).write(to: script)
      let outcome = try Program.run(
        [script.path], environment: ["AUTODIDACT_DATABASE_URL": here.url], executable: "/usr/bin/bash")
      #expect(
        outcome.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == ["first"], "\(outcome)"
      )
    }
  }

  @Test("names of experiments are completed in a zsh that somebody types into")
  func completionInZsh() async throws {
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/zsh") else { return }
    try await Installation.with { here in
      let script = FileManager.default.temporaryDirectory.appending(path: "zsh-\(UUID())")
      defer { try? FileManager.default.removeItem(at: script) }
      let program = try Program.path("autodidact")
      // Reading waits for the pattern; a shell that never shows it is ended.
      let lines = """
        zmodload zsh/zpty
        path=(\(URL(filePath: program).deletingLastPathComponent().path) $path)
        zpty shell "TERM=dumb zsh -f -i"
        zpty -w shell 'autoload -U compinit; compinit -D; source <(autodidact completions zsh); print rea""dy'
        zpty -r shell shown '*ready*'
        zpty -w -n shell $'autodidact status fir\\t'
        zpty -r shell shown '*status first*' && print completed
        """
      try Data(lines.utf8).write(to: script)
      let outcome = try Program.run(
        ["60", "zsh", "-f", script.path], environment: ["AUTODIDACT_DATABASE_URL": here.url],
        executable: "/usr/bin/timeout")
      #expect(outcome.output == "completed\n" && outcome.status == 0, "\(outcome)")
    }
  }

  @Test("what commands answer with --json is one object with the keys of docs/cli.md")
  func answers() async throws {
    try await Installation.with { here in
      func keys(_ arguments: String...) throws -> [String] {
        let outcome = try Program.run(arguments + ["--json"], environment: ["AUTODIDACT_DATABASE_URL": here.url])
        return try #require(outcome.objects.first, "\(arguments): \(outcome)").keys.sorted()
      }
      #expect(try keys("migrate") == ["applied"])
      #expect(try keys("pause", "first") == ["experiment", "position", "request", "state"])
      #expect(
        try keys("fork", "first", "--at", "@1", "--name", "again")
          == ["changes", "experiment", "id", "parent", "parent_position", "parent_version"])
      #expect(try keys("settings", "list") == ["allowed", "default", "key", "meaning"])
      #expect(try keys("top") == ["chosen", "experiments", "position"])
      #expect(try keys("archive", "size", "1000") == ["positions"])
      let rows = try here.run("sql", "first", "--query", "select 1 as one", "--json").objects
      #expect(rows.first?["one"] as? Int == 1)
    }
  }
}
