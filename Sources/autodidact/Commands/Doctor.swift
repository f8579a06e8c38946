import ArgumentParser
import Daemon
import Foundation

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check what Autodidact needs, and say how to mend what is missing.",
    discussion: "Exit code 1 if something is missing.\n\nEXAMPLE\n  autodidact doctor")
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let findings = await Examination(
      home: try database.home(), databaseOption: database.database,
      environment: ProcessInfo.processInfo.environment
    ).findings()
    for finding in findings {
      print("\(finding.isGood ? "ok  " : "BAD ") \(finding.subject): \(finding.text)")
      if let cure = finding.cure { print("       \(cure)") }
    }
    if findings.contains(where: { !$0.isGood }) { throw ExitCode(1) }
  }
}
