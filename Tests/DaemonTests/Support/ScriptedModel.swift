import Domain
import EventLog
import Foundation

/// Stands in front of every call of a scripted part with the number of the call, from 1: throws to make the part fail,
/// suspends to hold it.
typealias CallHook = @Sendable (_ call: Int) async throws -> Void

/// Weights that are a digest: each update folds the batch into it. Reads and writes real files, so that restoring after a
/// crash goes the way it goes with real weights.
actor ScriptedLearner: Learner {
  private(set) var policyVersion: PolicyVersion = 0
  private(set) var weights = ScriptedLearner.base
  private let folder: String
  private let hook: CallHook
  private var calls = 0
  /// Updates performed, live or again.
  private(set) var updates = 0
  /// Files loaded.
  private(set) var loads = 0

  static let base = sha256(Data("base model".utf8))

  init(folder: String, hook: @escaping CallHook = { _ in }) {
    self.folder = folder
    self.hook = hook
  }

  func update(
    _ samples: [TrainingSample], settings: LearnerSettings, progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> UpdateOutcome {
    calls += 1
    try await hook(calls)
    updates += 1
    let trained = samples.filter { $0.advantage != 0 }
    let mismatches = trained.reduce(0) { count, sample in
      let again = ScriptedModel.logProbabilities(of: sample.tokens, weights: weights)
      return count + zip(again, sample.logProbabilities).filter { $0.bitPattern != $1.bitPattern }.count
    }
    var text = "\(weights) \(settings.rate)"
    for sample in samples {
      text += " \(sample.id) \(sample.tokens) \(sample.advantage.bitPattern) \(sample.prompt.utf8.count)"
    }
    weights = sha256(Data(text.utf8))
    policyVersion += 1
    return UpdateOutcome(
      loss: -0.5, entropy: 1, gradientNorm: 2, sequences: trained.count,
      tokens: trained.reduce(0) { $0 + $1.tokens.count }, ratioMean: 1, ratioDistanceMax: 0, clippedShare: 0,
      logProbabilityMismatches: mismatches, weightsDigest: weights, optimizerDigest: sha256(Data(weights.utf8)))
  }

  func save(experiment: ExperimentID, head: LogAnchor) async throws -> Checkpoint {
    calls += 1
    try await hook(calls)
    let content = Data("\(experiment) \(policyVersion) \(weights) \(head.position) \(head.hash)".utf8)
    let file = sha256(content).prefix(16) + ".checkpoint"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try content.write(to: URL(fileURLWithPath: folder + "/" + file), options: .atomic)
    return Checkpoint(
      policyVersion: policyVersion, file: String(file), bytes: content.count, weightsDigest: weights,
      optimizerDigest: sha256(Data(weights.utf8)))
  }

  func load(_ checkpoint: Checkpoint, experiment: ExperimentID) async throws {
    let content = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + checkpoint.file))
    let words = String(decoding: content, as: UTF8.self).split(separator: " ").map(String.init)
    guard words.count == 5, words[0] == experiment.description, words[2] == checkpoint.weightsDigest,
      sha256(content).hasPrefix(checkpoint.file.prefix(16))
    else { throw DamagedFile(file: checkpoint.file) }
    weights = words[2]
    policyVersion = checkpoint.policyVersion
    loads += 1
  }

  func reset() async throws {
    weights = Self.base
    policyVersion = 0
  }

  struct DamagedFile: Error { var file: String }
}

/// Writes completions as a pure function of the request and the weights: programs that add a number, inputs, answers that
/// are right, wrong or without form. No dependence on the order or the number of the requests.
struct ScriptedPolicy: Policy {
  private let learner: ScriptedLearner
  private let calls: CallCounter

  init(learner: ScriptedLearner, hook: @escaping CallHook = { _ in }) {
    self.learner = learner
    calls = CallCounter(hook: hook)
  }

  func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    let weights = await learner.weights
    try await calls.next()
    let generations = requests.map { request in
      ScriptedModel.generation(request, weights: request.weights == .base ? ScriptedLearner.base : weights)
    }
    progress(StepProgress(done: requests.count, total: requests.count, tokens: 0))
    return generations
  }
}

/// Counts the calls of a part and runs its hook.
actor CallCounter {
  private var calls = 0
  private let hook: CallHook

  init(hook: @escaping CallHook) { self.hook = hook }

  func next() async throws {
    calls += 1
    try await hook(calls)
  }
}

/// What the scripted policy says. Tokens are bytes.
enum ScriptedModel {
  static func generation(_ request: GenerationRequest, weights: String) -> Generation {
    let text = String(completion(request, weights: weights).prefix(request.sampling.tokensMax))
    let tokens = text.utf8.map { Int32($0) }
    return Generation(
      promptTokenCount: request.prompt.utf8.count, tokens: tokens,
      logProbabilities: logProbabilities(of: tokens, weights: weights), text: text, finish: .end)
  }

  /// A number below zero for each token that depends on the weights.
  static func logProbabilities(of tokens: [Int32], weights: String) -> [Float] {
    let salt = Float(weights.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xFFFF)
    return tokens.map { -0.01 * Float($0) - salt / 65_536 }
  }

  private static func completion(_ request: GenerationRequest, weights: String) -> String {
    var key = request.key
    // Other weights, other draws.
    key.seed ^= UInt64(weights.prefix(16), radix: 16) ?? 0
    var draws = RandomStream(key)
    let kind = request.key.kind ?? .deduction
    if request.key.purpose == .proposal { return proposal(kind, &draws) }
    return answer(kind, request.prompt, &draws)
  }

  private static func proposal(_ kind: Kind, _ draws: inout RandomStream) -> String {
    let number = draws.below(400)
    let body = draws.below(6) == 0 ? "1 // 0" : "x + \(number)"
    let close = draws.below(6) == 0 ? "" : "```\n"
    guard kind == .induction else {
      return "```python\ndef f(x):\n    return \(body)\n```\n```input\n\(draws.below(50))\n\(close)"
    }
    let inputs = (0..<4).map { _ in "```input\n\(draws.below(900))\n```\n" }.joined()
    return "```message\nadds something\n```\n" + inputs.dropLast(close.isEmpty ? 4 : 0)
  }

  /// Right in a little more than half of the cases; the prompt holds what is needed.
  private static func answer(_ kind: Kind, _ prompt: String, _ draws: inout RandomStream) -> String {
    let luck = draws.below(8)
    if luck == 0 { return "I do not know." }
    let isRight = luck < 5
    let shown = Shown(prompt)
    switch kind {
    case .deduction: return "```output\n\(isRight ? shown.apply(shown.input) : "-1")\n```\n"
    case .abduction: return "```input\n\(isRight ? shown.undo(shown.output) : "-1")\n```\n"
    case .induction: return "```python\ndef f(x):\n    return \(isRight ? shown.induced : "x + 1")\n```\n"
    }
  }

  /// The parts of a solver's prompt, as the templates of `scriptedSettings` write them.
  private struct Shown {
    let lines: [String]

    init(_ prompt: String) { lines = prompt.split(separator: "\n").map(String.init) }

    var input: String { value("IN ") }
    var output: String { value("OUT ") }

    private func value(_ mark: String) -> String {
      lines.first { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) } ?? ""
    }

    private var added: Int { Int(value("    return x + ")) ?? 0 }

    func apply(_ text: String) -> String { Int(text).map { String($0 + added) } ?? text }
    func undo(_ text: String) -> String { Int(text).map { String($0 - added) } ?? text }
    var induced: String {
      guard let input = Int(input), let output = Int(output), input != output else { return "x" }
      return "x + \(output - input)"
    }
  }
}
