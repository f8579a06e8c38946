import ArgumentParser
import Daemon
import EventLog
import Foundation
import Projections
import Terminal

struct ProjectionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "projection",
    abstract: "The tables that are folded from the log: how far they are, rebuild, switch, verify.",
    discussion: """
      A projection is a fold over an experiment's events whose rows are kept in tables (docs/sql.md, "Projections"). A process \
      that plays keeps them up to the log; one that fails stops alone.

      EXAMPLE
        autodidact projection list
        autodidact projection verify attempts --experiment first
        autodidact projection rebuild all
      """,
    subcommands: [Show.self, Rebuild.self, Switch.self, Check.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "How far each projection is in each experiment.",
      discussion: "EXAMPLE\n  autodidact projection list --experiment first")
    @Option(help: "Only this experiment.", completion: .experiments) var experiment: String?
    @Flag(help: "Leave the digests out, for which every row is read.") var fast = false
    @Flag(help: "One JSON object per line.") var json = false
    @Flag(help: "Show it again whenever the log grows, until Ctrl-C.") var watch = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await database.withLog(as: .reader) { log in
        try await watching(watch, json: json, log.log) {
          show(try await ProjectionDesk(log.log, ProjectionCatalogue.all).list(experiment: experiment, digests: !fast))
        }
      }
    }

    private func show(_ lines: [ProjectionDesk.Line]) {
      if json { return lines.forEach { print(jsonText($0)) } }
      var rows = [["projection", "version", "experiment", "state", "position", "lag", "seconds", "digest", "failure"]]
      rows += lines.map { line in
        [
          line.projection + (line.current ? "" : " (not current)"), "\(line.version)", line.experiment, line.state,
          "\(line.position)", "\(line.lag)", Format.decimal(line.lagSeconds, 1),
          line.digest.map { String($0.prefix(12)) } ?? "–", line.failure ?? "–",
        ]
      }
      print(TextTable(rows: rows).lines.joined(separator: "\n"))
    }
  }

  struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fold a projection again from the first event.",
      discussion: """
        A version that has tables is emptied and filled in place; queries see it grow. A new version gets tables beside the \
        current one's, which are not touched until projection switch. Exit code 1 if one could not be rebuilt.

        EXAMPLE
          autodidact projection rebuild attempts --experiment first --dry-run
          autodidact projection rebuild attempts --experiment first
        """)
    @Argument(help: "Name of the projection, or all.") var name: String
    @Option(help: "Version of its code; the newest if left out.") var version: Int?
    @Option(help: "Only this experiment.", completion: .experiments) var experiment: String?
    @Option(help: "Experiments at a time.") var parallel = 2
    @Flag(help: "Say what would be folded again, and change nothing.") var dryRun = false
    @Flag(help: "As JSON.") var json = false
    @OptionGroup var database: DatabaseOptions

    func validate() throws {
      guard (1...16).contains(parallel) else {
        throw ValidationError("--parallel is \(parallel), allowed is 1 to 16")
      }
    }

    func run() async throws {
      if dryRun { return try await showPlan() }
      let (rebuilt, seconds) = try await database.withLog { log in
        let began = log.surroundings.now()
        let desk = try ProjectionDesk(log.log, ProjectionCatalogue.all)
        let rebuilt = try await refusing {
          try await desk.rebuild(name, version: version, experiment: experiment, parallel: parallel)
        }
        return (rebuilt, log.surroundings.now() - began)
      }
      if json {
        print(
          jsonText(["events": Double(rebuilt.events), "experiments": Double(rebuilt.experiments), "seconds": seconds]))
      } else {
        print(
          "\(name): \(rebuilt.events) events of \(rebuilt.experiments) experiments in \(Format.decimal(seconds, 1)) s")
      }
      for failure in rebuilt.failures { Console.error("failed: \(failure)") }
      if !rebuilt.failures.isEmpty { throw ExitCode(1) }
    }

    /// What each stored fold has now, which a rebuild would begin again.
    private func showPlan() async throws {
      let lines = try await database.withLog(as: .reader) { log in
        let desk = try ProjectionDesk(log.log, ProjectionCatalogue.all)
        return try await desk.list(experiment: experiment, digests: false)
      }
      let known = Set(ProjectionCatalogue.all.map(\.identity.name)).sorted()
      guard name == "all" || known.contains(name) else {
        throw Failure.notFound("no projection \(name); there are: \(known.joined(separator: ", "))")
      }
      let chosen = lines.filter {
        (name == "all" || $0.projection == name) && version.map { [number = $0.version] in $0 == number } ?? $0.current
      }
      if json {
        for line in chosen {
          let value: JSONValue = [
            "dry_run": .bool(true), "projection": .text(line.projection), "version": JSONValue(line.version),
            "experiment": .text(line.experiment), "position": .integer(line.position),
          ]
          print(value.line)
        }
        return
      }
      for line in chosen {
        print("would fold \(line.projection) \(line.version) of \(line.experiment) again, which is at \(line.position)")
      }
      print("\(chosen.count) folds")
    }
  }

  struct Switch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a version the one that queries see.",
      discussion: """
        Builds what the version lacks first. From one moment to the next projection.NAME shows its rows.

        EXAMPLE
          autodidact projection switch attempts --version 2
        """)
    @Argument(help: "Name of the projection.") var name: String
    @Option(help: "Version of its code; the newest if left out.") var version: Int?
    @Flag(help: "As one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let identity = try await database.withLog { log in
        let desk = try ProjectionDesk(log.log, ProjectionCatalogue.all)
        return try await refusing { try await desk.makeCurrent(name, version: version) }
      }
      if json {
        return print(
          JSONValue.object(["projection": .text(identity.name), "version": JSONValue(identity.version)]).line)
      }
      print("projection.\(identity.name) shows \(identity)")
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Fold from the first event and compare every stored row.",
      discussion: """
        Trusts no saved state. Exit code 1 if a row differs, with the table, the key and the first position.

        EXAMPLE
          autodidact projection verify attempts --experiment first
        """)
    @Argument(help: "Name of the projection; all if left out.") var name: String?
    @Option(help: "Version of its code; the newest if left out.") var version: Int?
    @Option(help: "Only this experiment.", completion: .experiments) var experiment: String?
    @Flag(help: "One JSON object per line.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let verified = try await database.withLog(as: .reader) { log in
        let desk = try ProjectionDesk(log.log, ProjectionCatalogue.all)
        return try await refusing { try await desk.verify(name, version: version, experiment: experiment) }
      }
      for line in verified { print(json ? jsonText(CheckLine(line)) : Self.text(line)) }
      if verified.contains(where: { $0.check?.isGood == false }) { throw ExitCode(1) }
    }

    private static func text(_ line: ProjectionDesk.Verified) -> String {
      let subject = "\(line.identity) of \(line.experiment)"
      guard let check = line.check else { return "\(subject): not compared: \(line.left ?? "")" }
      if let first = check.first {
        return "\(subject): DIFFERS in \(check.differences) rows, first \(first)"
      }
      return "\(subject): \(check.rows) rows up to position \(check.position), digest \(check.storedDigest)"
    }
  }
}

/// A request that makes no sense ends with exit code 2.
private func refusing<Result>(_ body: () async throws -> Result) async throws -> Result {
  do { return try await body() } catch let refusal as ProjectionDesk.Refusal {
    throw Failure.usage("\(refusal)")
  }
}

/// A comparison as one JSON object.
private struct CheckLine: Encodable {
  var projection, experiment: String
  var version: Int
  var position: Int64?
  var rows, differences: Int?
  var digest, folded, table, key, reason, left: String?
  var first: Int64?

  init(_ line: ProjectionDesk.Verified) {
    projection = line.identity.name
    version = line.identity.version
    experiment = line.experiment
    position = line.check?.position.rawValue
    rows = line.check?.rows
    differences = line.check?.differences
    digest = line.check?.storedDigest
    folded = line.check?.foldedDigest
    table = line.check?.first?.table
    key = line.check?.first?.key
    reason = line.check?.first?.reason
    first = line.check?.first?.position.rawValue
    left = line.left
  }
}
