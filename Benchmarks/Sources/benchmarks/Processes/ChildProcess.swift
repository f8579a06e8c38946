import Foundation

/// Something a benchmark cannot go on with.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Runs a program to its end and returns what it wrote to its output; its errors go where ours go. Its input stays open as
/// long as this process lives.
func output(of program: String, _ arguments: [String], showsErrors: Bool = true) throws -> Data {
  let process = Process()
  let (input, pipe) = (Pipe(), Pipe())
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.standardInput = input
  process.standardOutput = pipe
  if !showsErrors { process.standardError = FileHandle.nullDevice }
  do { try process.run() } catch { throw BenchmarkError("cannot run \(program): \(error.localizedDescription)") }
  let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  try input.fileHandleForWriting.close()
  guard process.terminationReason == .exit, process.terminationStatus == 0 else {
    throw BenchmarkError(
      "\(program) \(arguments.joined(separator: " ")) ended with status \(process.terminationStatus)")
  }
  return data
}

extension Scenario {
  /// Measures in a process of its own.
  func runInChild(_ bench: Bench) throws -> Outcome {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    let arguments = ["--scenario", rawValue, "--model", bench.model, "--threads", "\(bench.threads)"]
    let data = try output(of: program, arguments + (bench.quick ? ["--quick"] : []))
    return try JSONDecoder().decode(Outcome.self, from: data)
  }

  /// The child's side: measures and prints the outcome as JSON. Ends with its input, so that nothing is left computing when
  /// who started it was killed.
  func runAsChild(_ bench: Bench) async throws {
    Thread {
      _ = try? FileHandle.standardInput.readToEnd()
      exit(3)
    }.start()
    var outcome = try await run(bench)
    outcome.peakBytes = try peakMemory()
    FileHandle.standardOutput.write(try JSONEncoder().encode(outcome))
  }
}

/// The largest resident memory this process has had, in bytes.
private func peakMemory() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
    let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
  else { throw BenchmarkError("/proc/self/status has no VmHWM") }
  return kilobytes << 10
}
