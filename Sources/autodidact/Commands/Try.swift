import ArgumentParser
import Daemon
import Domain
import Foundation
import Terminal

struct Try: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run one program through the real verifier and say what becomes of it.",
    discussion: """
      Shows the verdict, the canonical value, time and memory, and what stopped the program if it was stopped: the way to \
      see why a proposal was refused. No database is needed. Exit code 0 if every call gave a value and the answer, if one \
      is given, is right; 1 otherwise.

      EXAMPLE
        autodidact try program.py --input '[3, 1, 2]'
        autodidact try program.py --input "2, 'a'" --input "3, 'b'" --answer "'aaa'" --json
        echo 'def f(): return open("/etc/passwd")' | autodidact try - --input '' --no-screening
      """)

  @Argument(help: "A file with Python source, or - for standard input.") var program: String
  @Option(
    name: .shortAndLong, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("An argument list of literals; may be given several times.", valueName: "1, 'a'"))
  var input: [String] = []
  @Option(help: ArgumentHelp("A literal to compare each value with.", valueName: "literal")) var answer: String?
  @Option(help: "The function to call.") var entry = "f"
  @Option(help: "Processor time of one call, in seconds.") var seconds: Double?
  @Option(help: "Memory of one call, in MiB.") var memoryMib: Int?
  @Option(help: "Longest canonical value, in bytes.") var valueBytesMax: Int?
  @Option(help: "typed, or python for ==.") var equality: VerifierSettings.Equality?
  @Option(help: ArgumentHelp("A layer of the sandbox this host may be without; may be repeated.", valueName: "layer"))
  var acceptMissingLayer: [VerifierSettings.Layer] = []
  @Flag(inversion: .prefixedNo, help: "Refuse banned imports and names before running.") var screening = true
  @Flag(help: "JSON: one object for each call.") var json = false

  func validate() throws {
    if let seconds, !(seconds > 0 && seconds <= 600) {
      throw ValidationError("--seconds is \(seconds), allowed above 0, at most 600")
    }
    if let memoryMib, !(32...65536 ~= memoryMib) {
      throw ValidationError("--memory-mib is \(memoryMib), allowed 32 to 65536")
    }
    if let valueBytesMax, !(16...1_048_576 ~= valueBytesMax) {
      throw ValidationError("--value-bytes-max is \(valueBytesMax), allowed 16 to 1048576")
    }
  }

  func run() async throws {
    var settings = VerifierSettings()
    settings.seconds = seconds ?? settings.seconds
    settings.memoryMib = memoryMib ?? settings.memoryMib
    settings.valueBytesMax = valueBytesMax ?? settings.valueBytesMax
    settings.equality = equality ?? settings.equality
    settings.acceptedMissingLayers = acceptMissingLayer
    let trial = ProgramTrial(
      program: try source(), inputs: input.isEmpty ? [""] : input, answer: answer, entry: entry, settings: settings,
      isScreened: screening)
    let calls = try await trial.run()
    for call in calls { print(json ? try Self.json(call) : text(call)) }
    if calls.contains(where: { $0.value == nil || $0.isCorrect == false }) { throw ExitCode(1) }
  }

  private func source() throws -> String {
    let data: Data
    if program == "-" {
      data = try FileHandle.standardInput.read(upToCount: Self.bytesMax + 1) ?? Data()
    } else {
      guard let handle = FileHandle(forReadingAtPath: program) else { throw Failure.usage("cannot read \(program)") }
      defer { try? handle.close() }
      data = try handle.read(upToCount: Self.bytesMax + 1) ?? Data()
    }
    guard data.count <= Self.bytesMax else { throw Failure.usage("\(program) has more than \(Self.bytesMax) bytes") }
    guard let text = String(data: data, encoding: .utf8) else { throw Failure.usage("\(program) is not UTF-8") }
    return text
  }

  private static let bytesMax = 1 << 20

  private static func json(_ call: ProgramTrial.Call) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(call), as: UTF8.self)
  }

  private func text(_ call: ProgramTrial.Call) -> String {
    var lines = ["\(entry)(\(call.canonicalInput ?? call.input))"]
    if let value = call.value {
      lines.append("  value       \(value)")
    } else {
      lines.append("  refused     \(call.outcome)" + (call.detail.map { ": \($0)" } ?? ""))
    }
    if let stoppedBy = call.stoppedBy { lines.append("  stopped by  \(stoppedBy)") }
    if let answer = call.answer {
      lines.append("  answer      \(answer)  \(call.isCorrect == true ? "correct" : "not correct")")
    }
    let memory = Double(call.memoryPeakBytes) / 1_048_576
    lines.append(
      "  used        \(Format.decimal(call.wallSeconds * 1000, 1)) ms, processor \(Format.decimal(call.cpuSeconds * 1000, 1)) ms, "
        + "\(Format.decimal(memory, 1)) MiB with the interpreter")
    return lines.joined(separator: "\n")
  }
}

extension VerifierSettings.Equality: ExpressibleByArgument {}
extension VerifierSettings.Layer: ExpressibleByArgument {}
