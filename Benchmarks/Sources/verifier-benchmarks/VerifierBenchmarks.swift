import ArgumentParser
import Foundation
import Verification

/// Prints the verifier's figures beside their goals and beside what they are compared with, measured in one run.
@main
struct VerifierBenchmarks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier-benchmarks",
    abstract: "Measures the verifier beside a fork server in Python and bubblewrap, all in one run.",
    discussion: """
      Rounds alternate between what is compared, so that a drifting machine disturbs all alike. Goals that are missed are \
      marked ✗ and are no failure.
      """)

  @Option(help: "autodidact-verifier; the release build of this checkout unless given.")
  var verifier = URL(fileURLWithPath: #filePath).appendingPathComponent(
    "../../../../.build/release/autodidact-verifier"
  )
  .standardizedFileURL.path
  @Option(help: "Worker processes, here and in the fork server.") var workers = 2
  @Option(help: "Programs in a round.") var programs = 600
  @Option(help: "Rounds; the median is shown.") var rounds = 5
  @Option(help: "The Python of the fork server and of bubblewrap.") var python = "/usr/bin/python3"
  @Flag(help: "Print JSON instead of the table.") var json = false

  func validate() throws {
    guard 1...64 ~= workers else { throw ValidationError("--workers is \(workers), allowed are 1 to 64") }
    guard 20...100_000 ~= programs else { throw ValidationError("--programs is \(programs), allowed are 20 to 100000") }
    guard 1...99 ~= rounds else { throw ValidationError("--rounds is \(rounds), allowed are 1 to 99") }
  }

  func run() async throws {
    let measured = Measurement(
      configuration: VerifierConfiguration(executable: verifier, workersMax: workers, cacheBytesMax: 0),
      programsCount: programs, rounds: rounds, peers: Peers(python: python, workers: workers))
    let report = try await measured.run()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(report), as: UTF8.self))
    } else {
      print(report.table)
    }
  }
}
