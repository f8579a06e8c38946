import ArgumentParser
import Daemon
import Domain
import Engine
import Foundation
import Terminal

struct Generate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a model or an experiment's weights write after a prompt.",
    discussion: """
      The prompt is plain text, as in experiments: control tokens written in it are text. --chat makes it a user's message \
      in the model's chat template. The text goes to standard output as it is written, the speed to standard error.

      EXAMPLE
        autodidact generate smollm2-135m-instruct --chat --prompt "Name three rivers."
        autodidact generate first --version 3 --prompt-file prompt.txt --temperature 0 --tokens 64
        autodidact generate ./model.gguf --prompt "def f(x):" --logits | jq '.logits | length'
      """)
  @OptionGroup var source: WeightsOptions
  @Option(help: "The prompt.") var prompt: String?
  @Option(help: ArgumentHelp("A file with the prompt; - is standard input.", valueName: "file")) var promptFile: String?
  @Flag(help: "The prompt is a message in the model's chat template.") var chat = false
  @Option(help: "At most this many tokens.") var tokens = 256
  @Option(help: "0 takes the likeliest token each time.") var temperature = 1.0
  @Option(name: .customLong("top-p"), help: "Draw among the fewest tokens whose probabilities reach this.") var topP =
    1.0
  @Option(help: "The same seed gives the same text.") var seed: UInt64 = 0
  @Flag(help: "One JSON object at the end instead of the text.") var json = false
  @Flag(
    help: """
      Write nothing; print one JSON object: ids of the prompt, log_probabilities of its tokens after the first, logits \
      of the token that would come next.
      """)
  var logits = false

  func validate() throws {
    if (prompt == nil) == (promptFile == nil) { throw ValidationError("give either --prompt or --prompt-file") }
    if tokens < 1 { throw ValidationError("--tokens is \(tokens), allowed is 1 or more") }
    if !(temperature >= 0 && temperature <= 100) {
      throw ValidationError("--temperature is \(temperature), allowed is 0 to 100")
    }
    if !(topP > 0 && topP <= 1) { throw ValidationError("--top-p is \(topP), allowed is more than 0 and at most 1") }
  }

  func run() async throws {
    let text = try promptText()
    let weights = try await source.find().weights
    let (generator, ids) = try weights.prepare(chat ? .chat(text) : .plain(text), threads: source.threadCount)
    if logits { return try printLogits(generator, ids) }
    let start = ContinuousClock.now
    var first: ContinuousClock.Instant?
    let generation = try generator.generate(
      ids, sampling: Sampling(temperature: temperature, tokensMax: tokens, stops: []), topP: topP,
      // Nothing of this is recorded, so any purpose serves.
      key: RandomKey(seed: seed, purpose: .evaluate, iteration: 0)
    ) { piece in
      first = first ?? .now
      if !json { FileHandle.standardOutput.write(Data(piece.utf8)) }
    }
    let end = ContinuousClock.now
    report(generation, seconds: end - start, writing: end - (first ?? start))
  }

  private func promptText() throws -> String {
    if let prompt { return prompt }
    let file = promptFile ?? "-"
    let data =
      file == "-"
      ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(fileURLWithPath: file))
    guard let text = String(validating: data, as: UTF8.self) else { throw Failure.usage("\(file) is not UTF-8") }
    return text
  }

  private func report(_ generation: Generation, seconds: Duration, writing: Duration) {
    // The first token comes with the prompt; the others are what writing takes.
    let count = generation.tokens.count
    let rate = writing > .zero && count > 1 ? Double(count - 1) / writing.seconds : 0
    if json {
      let result = Result(
        promptTokens: generation.promptTokenCount, tokens: generation.tokens,
        logProbabilities: generation.logProbabilities, text: generation.text, finish: generation.finish,
        seconds: seconds.seconds, tokensPerSecond: rate)
      print(String(decoding: EventCoding.json(result), as: UTF8.self))
    } else {
      print()
    }
    let ending = generation.finish == .end ? "end of text" : "limit of tokens"
    Console.error(
      "\(generation.promptTokenCount) + \(count) tokens in \(seconds.seconds.formatted(.number.precision(.fractionLength(1)))) s, "
        + "\(rate.formatted(.number.precision(.fractionLength(1)))) tokens/s, \(ending)")
  }

  private func printLogits(_ generator: TextGenerator, _ ids: [Int32]) throws {
    let (logProbabilities, logits) = try generator.examine(ids)
    let result = Examined(ids: ids, logProbabilities: logProbabilities, logits: logits)
    print(String(decoding: EventCoding.json(result), as: UTF8.self))
  }

  private struct Result: Encodable {
    var promptTokens: Int
    var tokens: [Int32]
    var logProbabilities: [Float]
    var text: String
    var finish: Finish
    var seconds, tokensPerSecond: Double
  }

  private struct Examined: Encodable {
    var ids: [Int32]
    var logProbabilities, logits: [Float]
  }
}
