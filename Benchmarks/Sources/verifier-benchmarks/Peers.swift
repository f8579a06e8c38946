import Foundation

/// What the verifier is compared with, on the same programs in the same run.
struct Peers {
  struct Figure: Codable {
    var programsPerSecond: Double
    var p50Ms: Double
    var p99Ms: Double
  }

  var python: String
  var workers: Int

  /// `Benchmarks/Peers/fork_server.py`: a fork and rlimits for each program.
  func forkServer(_ programs: [Programs.Program]) throws -> Figure {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Peers/fork_server.py").standardizedFileURL.path
    let data = try output(
      of: python, ["-I", script, "--workers", "\(workers)"], input: try JSONEncoder().encode(programs))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Figure.self, from: data)
  }

  /// Bubblewrap with a fresh interpreter for each program, one after another; nil where it is not installed.
  func bubblewrap(_ programs: [Programs.Program]) throws -> Double? {
    let bwrap = "/usr/bin/bwrap"
    guard FileManager.default.isExecutableFile(atPath: bwrap) else { return nil }
    let clock = ContinuousClock()
    let time = try clock.measure {
      for program in programs {
        _ = try output(
          of: bwrap,
          [
            "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib",
            "--symlink", "usr/lib64", "/lib64", python, "-I", "-S", "-c",
            "\(program.source)\nprint(repr(f(\(program.input))))",
          ], input: Data())
      }
    }
    return Double(programs.count) / (time / .seconds(1))
  }

  private func output(of program: String, _ arguments: [String], input: Data) throws -> Data {
    let process = Process()
    let (stdin, stdout) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    (process.standardInput, process.standardOutput) = (stdin, stdout)
    do { try process.run() } catch { throw BenchmarkError("cannot run \(program): \(error.localizedDescription)") }
    try stdin.fileHandleForWriting.write(contentsOf: input)
    try stdin.fileHandleForWriting.close()
    let data = try stdout.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw BenchmarkError("\(program) ended with status \(process.terminationStatus)")
    }
    return data
  }
}
