import ArgumentParser
import Daemon
import Foundation
import Terminal

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check what Autodidact needs, and say how to mend what is missing.",
    discussion: """
      Looks at the kernel and the sandbox's layers, libraries, clock, memory, disk, the state folder, PostgreSQL and its \
      settings, migrations, roles, who holds which experiment, projections, and every byte of the models. Nothing is changed.

      ok: good. warn: it works, but not as well or not for ever. FAIL: it does not work, or an acknowledged event could be \
      lost. Exit code 1 if something fails.

      EXAMPLE
        autodidact doctor
        autodidact doctor --json | jq -r '.findings[] | select(.status != "ok") | .cure'
      """)
  @Flag(help: "One JSON object: how many are ok, warn, fail, and the findings.") var json = false
  @Flag(help: "Leave out what is good.") var quiet = false
  @OptionGroup var database: DatabaseOptions

  /// What `--json` prints.
  private struct Report: Encodable {
    var ok, warn, fail: Int
    var findings: [Examination.Finding]
  }

  func run() async throws {
    let findings = await Examination(
      home: try database.home(), databaseOption: database.database,
      environment: ProcessInfo.processInfo.environment
    ).findings()
    let counts = Dictionary(grouping: findings, by: \.status).mapValues(\.count)
    let (ok, warn, fail) = (counts[.ok] ?? 0, counts[.warn] ?? 0, counts[.fail] ?? 0)
    let shown = findings.filter { !quiet || $0.status != .ok }
    if json {
      print(jsonText(Report(ok: ok, warn: warn, fail: fail, findings: shown)))
    } else {
      for finding in shown {
        let word =
          finding.status == .fail ? "FAIL" : finding.status.rawValue.padding(toLength: 4, withPad: " ", startingAt: 0)
        print("\(word)  \(finding.subject): \(finding.found)")
        if let cure = finding.cure { print("      \(cure)") }
      }
      print("\(ok) ok, \(warn) to look at, \(fail) failed")
    }
    if fail > 0 { throw ExitCode(1) }
  }
}
