import Tensor
import Testing
import Transformer

@Suite("Training")
struct TrainerTests {
  private let families = TinyModel.families
  private let inverseTemperature = SlopedLoss.inverseTemperature
  private let loss = SlopedLoss.derivatives

  private func gradients(
    threads: Int = 2, rowsMax: Int = 512, logitBytesMax: Int = 1 << 20, _ families: [TrainingFamily],
    loss: (CompletionIndex, [TokenOutcome]) -> [TokenLoss]
  ) throws -> [Float] {
    let trainer = Trainer(
      decoder: TinyModel.decoder(threads: threads), rowsMax: rowsMax, logitBytesMax: logitBytesMax)
    try trainer.accumulateGradients(families, inverseTemperature: inverseTemperature, loss: loss)
    return withExtendedLifetime(trainer) { Array(trainer.gradients.buffer.elements) }
  }

  @Test(
    "the log-probabilities of training are those of sampling, bit for bit, prompts shared or not",
    arguments: [ModelConfiguration.Architecture.llama, .qwen2])
  func onPolicy(architecture: ModelConfiguration.Architecture) throws {
    let trainer = Trainer(decoder: TinyModel.decoder(architecture, threads: 1), rowsMax: 128)
    let shared = try trainer.outcomes(families, inverseTemperature: inverseTemperature)
    let session = TinyModel.session(TinyModel.decoder(architecture))
    for (family, group) in families.enumerated() {
      let parent = session.cache.makeSequence()
      _ = try session.run([DecodeSpan(sequence: parent, tokens: group.prompt, wantsLogits: false)])
      for (completion, tokens) in group.completions.enumerated() {
        let lone = TrainingFamily(prompt: group.prompt, completions: [tokens])
        let unshared = try trainer.outcomes([lone], inverseTemperature: inverseTemperature)[0][0]
        #expect(unshared == shared[family][completion])
        let sequence = session.cache.makeSequence()
        var next = group.prompt
        for (index, token) in tokens.enumerated() {
          let rows = try session.run([DecodeSpan(sequence: sequence, tokens: next)])
          rows.temperedLogSoftmax(inverseTemperature: inverseTemperature, pool: session.decoder.pool)
          let sampled = rows[0][Int(token)]
          #expect(sampled.bitPattern == shared[family][completion][index].logProbability.bitPattern)
          next = [token]
        }
      }
    }
  }

  @Test(
    "the gradient of every tensor is the slope of the loss along a random direction",
    arguments: [ModelConfiguration.Architecture.llama, .qwen2])
  func slopes(architecture: ModelConfiguration.Architecture) throws {
    try expectSlopes(of: TinyModel.decoder(architecture), families, step: 4e-3, tolerance: 5e-3)
  }

  @Test("gradients have the same bits on one thread and on two, and twice in a row")
  func deterministic() throws {
    let one = try gradients(threads: 1, families, loss: loss)
    #expect(try one.bits == gradients(threads: 2, families, loss: loss).bits)
    #expect(try one.bits == gradients(threads: 2, families, loss: loss).bits)
  }

  @Test("sharing prompts and cutting into micro-batches change a gradient by rounding only", arguments: [80, 110, 512])
  func sharing(rowsMax: Int) throws {
    let shared = try gradients(rowsMax: rowsMax, families, loss: loss)
    var places: [CompletionIndex] = []
    var lone: [TrainingFamily] = []
    for (family, group) in families.enumerated() {
      for (completion, tokens) in group.completions.enumerated() {
        places.append(.init(family: family, completion: completion))
        lone.append(TrainingFamily(prompt: group.prompt, completions: [tokens]))
      }
    }
    let unshared = try gradients(lone) { index, outcomes in loss(places[index.family], outcomes) }
    let largest = unshared.map { abs($0) }.max() ?? 0
    let difference = zip(shared, unshared).map { abs($0 - $1) }.max() ?? 0
    #expect(difference < 1e-5 * largest, "\(difference) at \(largest)")
  }

  @Test("the loss is called once per completion in order, also when a family is cut")
  func order() throws {
    var seen: [CompletionIndex] = []
    _ = try gradients(rowsMax: 80, families) { index, outcomes in
      seen.append(index)
      return outcomes.map { _ in TokenLoss(logProbability: 0) }
    }
    let expected = families.enumerated().flatMap { family, group in
      group.completions.indices.map { CompletionIndex(family: family, completion: $0) }
    }
    #expect(seen == expected)
  }

  @Test("what cannot be trained is refused")
  func refusals() {
    let trainer = Trainer(decoder: TinyModel.decoder(), rowsMax: 64)
    func refused(_ prompt: [Int32], _ completions: [[Int32]]) -> TransformerError? {
      do {
        _ = try trainer.outcomes([TrainingFamily(prompt: prompt, completions: completions)], inverseTemperature: 1)
        return nil
      } catch { return error }
    }
    #expect(refused([], [[1]]) == .emptyTokens("a prompt"))
    #expect(refused([1], [[]]) == .emptyTokens("a completion"))
    #expect(refused([1], [[500]]) == .tokenOutOfRange(token: 500, vocabulary: 101))
    let long = TinyModel.tokens(150, seed: 1)
    #expect(refused(long, [long]) == .sequenceTooLong(length: 300, limit: 256))
    #expect(refused(long, [Array(long.prefix(106))]) == nil)
  }

  @Test(
    "a sequence of more rows than are kept at once is trained all the same, also between shorter ones",
    arguments: [5, 40, 70])
  func longSequences(rowsMax: Int) throws {
    let whole = try gradients(rowsMax: 512, families, loss: loss)
    let cut = try gradients(rowsMax: rowsMax, families, loss: loss)
    let largest = whole.map { abs($0) }.max() ?? 0
    let difference = zip(whole, cut).map { abs($0 - $1) }.max() ?? 0
    #expect(largest > 0)
    #expect(difference < 1e-5 * largest, "\(difference) at \(largest)")
  }

  @Test("logits computed in pieces have the same bits, and gradients differ by rounding only", arguments: [1, 7, 89])
  func pieces(rows: Int) throws {
    let outcomes = try [rows, 512].map { rows in
      try Trainer(decoder: TinyModel.decoder(), rowsMax: 512, logitBytesMax: rows * 101 * 4)
        .outcomes(families, inverseTemperature: inverseTemperature)
    }
    #expect(outcomes[0] == outcomes[1])
    let whole = try gradients(rowsMax: 512, families, loss: loss)
    let cut = try gradients(logitBytesMax: rows * 101 * 4, families, loss: loss)
    let largest = whole.map { abs($0) }.max() ?? 0
    let difference = zip(whole, cut).map { abs($0 - $1) }.max() ?? 0
    #expect(difference < 1e-5 * largest, "\(difference) at \(largest)")
  }
}

@Suite("The optimizer's step")
struct OptimizerTests {
  private let settings = Optimizer.Settings(
    learningRate: 3e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, gradientNormMax: 1)

  @Test("forty steps teach a model one completion by heart, and sampling sees the new weights")
  func learns() throws {
    let decoder = TinyModel.decoder()
    let trainer = Trainer(decoder: decoder, rowsMax: 128)
    let optimizer = Optimizer(layout: decoder.parameters.layout)
    let family = TrainingFamily(prompt: TinyModel.tokens(8, seed: 61), completions: [TinyModel.tokens(12, seed: 62)])
    for _ in 0..<40 {
      trainer.zeroGradients()
      try trainer.accumulateGradients([family], inverseTemperature: 1) { _, outcomes in
        outcomes.map { _ in TokenLoss(logProbability: -1 / 12) }
      }
      #expect(optimizer.step(decoder, gradients: trainer.gradients, settings: settings).isFinite)
    }
    let session = TinyModel.session(decoder)
    let sequence = session.cache.makeSequence()
    var next = family.prompt
    for expected in family.completions[0] {
      let row = try session.run([DecodeSpan(sequence: sequence, tokens: next)]).values(0)
      #expect(row.indices.max { row[$0] < row[$1] } == Int(expected))
      next = [expected]
    }
  }

  @Test("the norm returned is that before clipping; a gradient that is not finite changes nothing")
  func clipping() {
    let decoder = TinyModel.decoder()
    let optimizer = Optimizer(layout: decoder.parameters.layout)
    let gradients = Parameters(layout: decoder.parameters.layout)
    gradients.buffer[5] = 30
    gradients.buffer[7] = -40
    #expect(optimizer.step(decoder, gradients: gradients, settings: settings) == 50)
    #expect(abs(optimizer.firstMoment.buffer[5] - 0.06) < 1e-7)
    #expect(abs(optimizer.firstMoment.buffer[7] + 0.08) < 1e-7)
    gradients.buffer[9] = .nan
    let before = Array(decoder.parameters.buffer.elements)
    #expect(optimizer.step(decoder, gradients: gradients, settings: settings).isNaN)
    #expect(optimizer.steps == 1)
    #expect(before.bits == Array(decoder.parameters.buffer.elements).bits)
  }
}
