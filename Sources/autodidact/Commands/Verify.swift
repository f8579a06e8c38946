import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Recompute the log's hash chain and compare everything with it.",
    discussion: """
      Positions, versions and links of the whole chain; digests of events and generations; roots of sealed segments; consumers;
      snapshots; checkpoint and archive files. Without --full, what sealed segments vouch for is not read again, and of
      files only the headers. Exit code 1 if something differs, with the first bad position, table and key.

      EXAMPLE
        autodidact verify --full
        autodidact verify first --json | jq .damage
        autodidact verify --certificate first.certificate.json --export first.adlog
      """)
  @Argument(help: "Name of the experiment; all if left out.", completion: .experiments) var name: String?
  @Flag(help: "Every digest, fold and byte.") var full = false
  @Flag(help: "As JSON.") var json = false
  @Option(help: "Check this certificate, against the database or an export.") var certificate: String?
  @Option(help: "With --certificate: check against this exported file; no database is needed.") var export: String?
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    guard export == nil || certificate != nil else { throw ValidationError("--export needs --certificate") }
    guard certificate == nil || name == nil else {
      throw ValidationError("--certificate names its experiment itself; leave the name out")
    }
  }

  func run() async throws {
    if let certificate { return try await check(try Certificate.read(certificate)) }
    let report = try await database.withLog(as: .reader) { log in
      let began = log.surroundings.now()
      var report = try await LogVerification(log: log.log, home: log.home, isFull: full).verify(name)
      report.seconds = log.surroundings.now() - began
      return report
    }
    print(json ? jsonText(report) : text(report))
    if !report.isWhole { throw ExitCode(1) }
  }

  private func check(_ certificate: Certificate) async throws {
    let differences =
      if let export {
        try CertificateDesk.check(certificate, export: export)
      } else {
        try await database.withLog(as: .reader) { try await CertificateDesk.check(certificate, log: $0.log) }
      }
    if json {
      print(jsonText(["experiment": [certificate.name], "differences": differences]))
    } else if differences.isEmpty {
      print("\(certificate.name): \(certificate.contents.events) events are what the certificate says")
    } else {
      print(differences.joined(separator: "\n"))
    }
    if !differences.isEmpty { throw ExitCode(1) }
  }

  private func text(_ report: VerificationReport) -> String {
    var lines = ["log            head \(report.headPosition), hash \(report.headHash)"]
    for check in report.checks {
      let subject = check.subject.padding(toLength: 15, withPad: " ", startingAt: 0)
      lines.append(subject + "\(check.count) whole" + (check.note.map { " (\($0))" } ?? ""))
    }
    lines.append(report.damage.map { "DAMAGED: \($0)" } ?? "nothing differs (\(Format.decimal(report.seconds, 1)) s)")
    return lines.joined(separator: "\n")
  }
}
