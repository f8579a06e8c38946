import ArgumentParser
import Foundation
import Tensor

/// Prints the engine's figures beside their goals, the machine's limits and, where given, its peers.
@main
struct Benchmarks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmarks",
    abstract: "Measures the engine beside the machine's limits and its peers in one run.",
    discussion: """
      Every scenario runs in a process of its own. Figures are medians; goals that are missed are marked ✗ and are no \
      failure: the exit status is 1 only when something could not be measured.

      Scenarios: \(Scenario.allCases.map(\.rawValue).joined(separator: ", ")).
      """)

  @Option(help: "Scenarios to measure, separated by commas; all unless given. The limits are always measured.")
  var only: String?
  @Flag(help: "A third of the runs.") var quick = false
  @Flag(help: "Print JSON instead of the table.") var json = false
  @Option(help: "SmolLM2-135M-Instruct as a GGUF file; where ops/fetch-model leaves it unless given.")
  var model = Self.model("SmolLM2-135M-Instruct.Q4_1.gguf", variable: "AUTODIDACT_MODEL_SMOLLM2")
  @Option(help: "Qwen2.5-Coder-0.5B-Instruct as a GGUF file; likewise. Its rows are left out when it is not there.")
  var qwen = Self.model("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", variable: "AUTODIDACT_MODEL_QWEN")
  @Option(help: "Threads of the engine and of its peers.") var threads = 2
  @Option(help: "llama.cpp's llama-batched-bench, to be measured in the same run.") var llamaBatchedBench: String?
  @Option(help: "SmolLM2 in a format for llama.cpp; may be repeated; the fastest counts. --model unless given.")
  var llamaModel: [String] = []
  @Option(help: "A Python with torch, transformers, numpy and gguf, for a training step in the same run.")
  var torchPython: String?

  @Option(help: .private) var scenario: Scenario?
  @Option(help: .private) var neighbour: Int?

  mutating func validate() throws {
    guard (1...256).contains(threads) else { throw ValidationError("--threads is \(threads), allowed are 1 to 256") }
    _ = try wanted()
  }

  func run() async throws {
    if let neighbour { Neighbour.beBusy(threads: neighbour) }
    if let scenario { return try await scenario.runAsChild(Bench(model: model, threads: threads, quick: quick)) }
    guard FileManager.default.isReadableFile(atPath: model) else {
      throw BenchmarkError("no model at \(model); fetch it with ops/fetch-model smollm2-135m-instruct or give --model")
    }
    var report = Report(machine: "\(processorName()), OpenBLAS core \(blasCoreName())", threads: threads)
    for scenario in try wanted() { measure(scenario, into: &report) }
    report.judge()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(report), as: UTF8.self))
    } else {
      print(report.table)
    }
    if !report.failures.isEmpty { throw ExitCode.failure }
  }

  /// The scenarios asked for, the limits before and after them: machines drift.
  private func wanted() throws -> [Scenario] {
    let named = try only?.split(separator: ",").map { name in
      guard let scenario = Scenario(rawValue: String(name)) else {
        throw ValidationError(
          "--only \(name) is no scenario; there are: \(Scenario.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      return scenario
    }
    return [.limits] + (named ?? Scenario.allCases).filter { $0 != .limits } + [.limits]
  }

  private func measure(_ scenario: Scenario, into report: inout Report) {
    let bench = Bench(model: scenario.needsQwen ? qwen : model, threads: threads, quick: quick)
    guard FileManager.default.isReadableFile(atPath: bench.model) else {
      report.notes.append("\(scenario.rawValue) left out: no model at \(bench.model)")
      return
    }
    progress("\(scenario.rawValue) …")
    let peers = Peers(llamaBatchedBench: llamaBatchedBench, llamaModels: llamaModel, torchPython: torchPython)
    guard let outcome = attempt(scenario.rawValue, &report, { try scenario.runInChild(bench) }) else { return }
    let figures = attempt("peers of \(scenario.rawValue)", &report) { try peers.measure(scenario, bench) }
    report.add(scenario, outcome, peers: figures ?? [])
  }

  /// The result, or a failure in the report.
  private func attempt<Result>(_ name: String, _ report: inout Report, _ body: () throws -> Result) -> Result? {
    do { return try body() } catch {
      report.failures.append("\(name): \(error)")
      return nil
    }
  }

  /// A line for who waits; the table alone goes to the output.
  private func progress(_ line: String) { FileHandle.standardError.write(Data("benchmarks: \(line)\n".utf8)) }

  /// The path in an environment variable, or where `ops/fetch-model` leaves a model of this checkout.
  private static func model(_ name: String, variable: String) -> String {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment[variable], !path.isEmpty { return path }
    let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../..").standardizedFileURL.path
    let home = environment["AUTODIDACT_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? root + "/.autodidact"
    return home + "/models/" + name
  }

  private func processorName() -> String {
    let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = information.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor"
  }
}

extension Scenario: ExpressibleByArgument {}
