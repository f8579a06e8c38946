import Foundation
import Tensor
import Testing
import Transformer

/// The real models against transformers' numbers for the same files (1e-3 absolute on logits and log-probabilities, 1e-3
/// relative on the loss and on each gradient norm).
///
/// One suite for all, serialized: the larger model with its gradients takes 8 GiB, so only one test may hold it.
@Suite("A real model equals the reference", .serialized)
struct ReferenceModelTests {
  /// A model file and the numbers for it.
  enum Model: String, CaseIterable, CustomTestStringConvertible {
    case smolLM2 = "SmolLM2-135M"
    case qwen = "Qwen2.5-Coder-0.5B"

    var testDescription: String { rawValue }
    var file: ReferenceFile { self == .smolLM2 ? ReferenceFiles.smolLM2 : ReferenceFiles.qwen }
    var reference: ReferenceFile {
      ReferenceFiles.reference(self == .smolLM2 ? "smollm2-135m.json" : "qwen2.5-coder-0.5b.json")
    }

    /// Those whose files are here; under `CI` all, so that a missing one fails. A machine of less than 10 GiB cannot hold the
    /// larger one.
    static let available = allCases.filter { model in
      model.file.isUsable && (model == .smolLM2 || ProcessInfo.processInfo.physicalMemory > 10 << 30)
    }
  }

  /// A model in memory, and the parts that a test makes from it.
  private struct Loaded {
    let decoder: Decoder
    let reference: ReferenceOutputs

    init(_ model: Model) throws {
      let stored = try StoredModel(path: model.file.path)
      decoder = Decoder(
        configuration: stored.configuration, parameters: try Parameters(stored), pool: ThreadPool(threads: 2))
      reference = try model.reference.decode(ReferenceOutputs.self)
    }

    var V: Int { decoder.configuration.vocabulary }
    func makeSession() -> InferenceSession {
      InferenceSession(
        decoder: decoder, cache: KVCache(configuration: decoder.configuration, positionsMax: 1024), outputsMax: 3)
    }
    func makeTrainer() -> Trainer { Trainer(decoder: decoder, rowsMax: 256) }
  }

  @Test(
    "every position's logits and log-probabilities match, and cached decoding gives the bits of the training pass",
    arguments: Model.available)
  func logits(model: Model) throws {
    let loaded = try Loaded(model)
    let (reference, session) = (loaded.reference, loaded.makeSession())
    let trained = try loaded.makeTrainer().outcomes(
      reference.prompts.map { TrainingFamily(prompt: [$0.ids[0]], completions: [Array($0.ids.dropFirst())]) },
      inverseTemperature: 1)
    let sequences = reference.prompts.map { _ in session.cache.makeSequence() }
    for position in 0..<(reference.prompts.map(\.ids.count).max() ?? 0) {
      // The three prompts advance together, one token each.
      let active = reference.prompts.indices.filter { position < reference.prompts[$0].ids.count }
      let rows = try session.run(
        active.map { DecodeSpan(sequence: sequences[$0], tokens: [reference.prompts[$0].ids[position]]) })
      for (row, index) in active.enumerated() {
        compareLogits(reference.prompts[index], position, rows[row], V: loaded.V)
      }
      rows.temperedLogSoftmax(inverseTemperature: 1, pool: loaded.decoder.pool)
      for (row, index) in active.enumerated() where position + 1 < reference.prompts[index].ids.count {
        let prompt = reference.prompts[index]
        let sampled = rows[row][Int(prompt.ids[position + 1])]
        #expect(abs(Double(sampled) - prompt.prompt_logprobs[position]) < 1e-3)
        #expect(sampled.bitPattern == trained[index][0][position].logProbability.bitPattern)
      }
    }
  }

  private func compareLogits(
    _ prompt: ReferenceOutputs.Prompt, _ position: Int, _ row: UnsafeMutablePointer<Float>, V: Int
  ) {
    let expected = prompt.logits_stats[position]
    let largest = UnsafeBufferPointer(start: row, count: V).max() ?? 0
    #expect(abs(Double(largest) - expected.max) < 1e-3, "\(prompt.name)[\(position)]")
    #expect(abs(row[expected.argmax] - largest) < 1e-3, "\(prompt.name)[\(position)]")
    let sum = (0..<V).reduce(0.0) { $0 + Double(row[$1]) }
    #expect(abs(sum - expected.sum) < 1e-4 * expected.std * Double(V), "\(prompt.name)[\(position)]")
    guard position == prompt.ids.count - 1 else { return }
    for top in prompt.final_top20 { #expect(abs(Double(row[top.id]) - top.logit) < 1e-3, "\(prompt.name): \(top.id)") }
  }

  @Test("greedy continuations equal the reference up to a near-tie", arguments: Model.available)
  func greedy(model: Model) throws {
    let loaded = try Loaded(model)
    let (session, V) = (loaded.makeSession(), loaded.V)
    for prompt in loaded.reference.prompts {
      let sequence = session.cache.makeSequence()
      var tokens = prompt.ids
      for (index, expected) in prompt.greedy_ids.enumerated() {
        let row = try session.run([DecodeSpan(sequence: sequence, tokens: tokens)])[0]
        let best = (0..<V).reduce(0) { row[$1] > row[$0] ? $1 : $0 }
        guard best == Int(expected) else {
          #expect(prompt.greedy_margins[index] < 0.02, "\(prompt.name): token \(index) is \(best), not \(expected)")
          break
        }
        temperedLogSoftmaxRow(row, inverseTemperature: 1, V: V)
        #expect(abs(Double(row[best]) - prompt.greedy_logprobs[index]) < 1e-3)
        tokens = [expected]
      }
    }
  }

  @Test("the loss, the norm of every gradient and single gradient entries match", arguments: Model.available)
  func gradients(model: Model) throws {
    let loaded = try Loaded(model)
    let (decoder, trainer) = (loaded.decoder, loaded.makeTrainer())
    let prompt = try #require(loaded.reference.prompts.first { $0.backward != nil })
    let expected = try #require(prompt.backward)
    let count = Float(prompt.ids.count - 1)
    var loss = 0.0
    try trainer.accumulateGradients(
      [TrainingFamily(prompt: [prompt.ids[0]], completions: [Array(prompt.ids.dropFirst())])], inverseTemperature: 1
    ) { _, outcomes in
      loss = outcomes.reduce(0) { $0 - Double($1.logProbability) } / Double(count)
      return outcomes.map { _ in TokenLoss(logProbability: -1 / count) }
    }
    #expect(abs(loss - expected.loss) < 1e-3 * expected.loss)
    var total = 0.0
    for view in trainer.gradients.layout.views {
      let squares = sumOfSquares(trainer.gradients[view], count: view.count, pool: decoder.pool)
      total += squares
      let norm = try #require(expected.grad_norms[view.name])
      #expect(abs(squares.squareRoot() - norm) < 1e-3 * norm, "\(view.name): \(squares.squareRoot()), not \(norm)")
    }
    #expect(abs(total.squareRoot() - expected.total_grad_norm) < 1e-3 * expected.total_grad_norm)
    for (probe, values) in expected.grad_probes { try compare(probe, values, trainer.gradients) }
  }

  /// `probe` reads "name[row 198]", "name[0:8]", "name[row 0, cols 0:8]" or "name[rows 0:8, col 0]".
  private func compare(_ probe: String, _ values: [Double], _ gradients: Parameters) throws {
    let parts = probe.dropLast().split(separator: "[")
    let view = try #require(gradients.layout.views.first { $0.name == parts[0] })
    let columns = view.shape.last ?? 0
    let (start, step): (Int, Int) =
      switch parts[1] {
      case "rows 0:8, col 0": (0, columns)
      case "0:8", "row 0, cols 0:8": (0, 1)
      default: (try #require(Int(parts[1].dropFirst(4))) * columns, 1)
      }
    let scale = values.map(abs).max() ?? 0
    for (index, value) in values.enumerated() {
      let ours = Double(gradients[view][start + index * step])
      #expect(abs(ours - value) < 1e-3 * scale, "\(probe)[\(index)]: \(ours), not \(value)")
    }
  }
}
