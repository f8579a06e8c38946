import ArgumentParser
import Daemon
import Domain
import Environments
import EventLog
import Foundation
import Settings
import Terminal

struct Evaluate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a model's or an experiment's weights on a frozen suite of problems.",
    discussion: """
      Every answer goes into the log, in a stream of its own that no experiment reads. What the log has already is shown, not \
      computed; --again computes it once more, and it must agree to the bit. One that was interrupted goes on where it ended. \
      SUITE is code-reasoning/1, or a path to a .jsonl or .jsonl.gz file of HumanEval's form (docs/evaluation.md).

      EXAMPLE
        autodidact evaluate smollm2-135m-instruct
        autodidact evaluate first --version 5 --compare first --compare-version 0
        autodidact evaluate first --samples 8 --temperature 0.8
        autodidact evaluate qwen2.5-coder-0.5b-instruct --suite ./HumanEval.jsonl.gz --json | jq .greedy.all
      """)
  @OptionGroup var source: WeightsOptions
  @Option(help: "The suite.") var suite = "code-reasoning/1"
  @Option(help: "Only the first problems.") var limit: Int?
  @Option(help: "Besides the greedy answer, this many sampled ones to each problem, for pass@k.") var samples = 0
  @Option(help: "Temperature of the sampled answers.") var temperature = 0.8
  @Option(help: "Seed of the sampled answers.") var seed: UInt64 = 1
  @Option(help: "Most tokens of an answer. Default: 192, of HumanEval's form 384.") var tokens: Int?
  @Option(
    help: ArgumentHelp("Solver prompts. Default: the experiment's own; of a model, completion.yaml.", valueName: "file")
  )
  var prompts: String?
  @Option(help: ArgumentHelp("Other weights, on the same problems: shows what they gain or lose.", valueName: "name"))
  var compare: String?
  @Option(help: "Policy version of those.") var compareVersion: Int?
  @Flag(help: "Compute what the log has once more, and compare.") var again = false
  @Flag(help: "One JSON object.") var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit is \(limit), allowed is 1 or more") }
    if !(0...1000 ~= samples) { throw ValidationError("--samples is \(samples), allowed is 0 to 1000") }
    if !(temperature > 0 && temperature <= 100) {
      throw ValidationError("--temperature is \(temperature), allowed is above 0, at most 100")
    }
    if let tokens, !(1...4096 ~= tokens) { throw ValidationError("--tokens is \(tokens), allowed is 1 to 4096") }
    if let compareVersion, compareVersion < 0 {
      throw ValidationError("--compare-version is \(compareVersion), allowed is 0 or more")
    }
    if compareVersion != nil, compare == nil { throw ValidationError("--compare-version without --compare") }
  }

  func run() async throws {
    do {
      try await evaluate()
    } catch let error as SuiteError {
      throw Failure.usage("\(error)")
    } catch let error as SettingsError {
      throw Failure.usage("\(error)")
    } catch let error as WeightsFinder.UnknownVersion {
      throw Failure.usage("\(error)")
    } catch let error as UnknownExperiment {
      throw Failure.usage("\(error); nor is a model: the catalogue is configs/models.tsv, a path needs a slash")
    }
  }

  private func evaluate() async throws {
    let whole = try SuiteFile(home: try source.database.home()).suite(suite)
    let part = limit.map { whole.prefix($0) } ?? whole
    try await source.database.withLog { log in
      let desk = EvaluationDesk(log, threads: source.threads)
      let given = try prompts.map { try PromptsFile.load(path: $0) }
      let first = try await perform(desk, source.name, source.version, part, try await shared(given, desk, compare))
      var report = EvaluationReport(suite: part, outcomes: first)
      if let compare {
        report.compared = try await perform(
          desk, compare, compareVersion, part, try await shared(given, desk, source.name))
      }
      print(json ? report.json : report.text)
      if report.hasDifference { throw ExitCode(1) }
    }
  }

  /// A model that is compared with an experiment is prompted as that is.
  private func shared(
    _ given: PromptTemplates?, _ desk: EvaluationDesk, _ other: String?
  ) async throws -> PromptTemplates? {
    if let given { return given }
    guard let other else { return nil }
    return try await desk.prompts(ofExperiment: other)
  }

  private func perform(
    _ desk: EvaluationDesk, _ name: String, _ version: Int?, _ suite: Suite, _ prompts: PromptTemplates?
  ) async throws -> [EvaluationDesk.Outcome] {
    let request = EvaluationDesk.Request(
      name: name, version: version, suite: suite, prompts: prompts, samples: samples, temperature: temperature,
      tokensMax: tokens, seed: seed)
    // Standard output is for the result alone.
    let line = ProgressLine(title: version.map { "\(name) version \($0)" } ?? name)
    defer { line.clear() }
    return try await desk.evaluate(request, isAgain: again) {
      line.clear()
      Console.error($0)
    } progress: {
      line.show($0)
    }
  }
}
