import Tensor
import Testing
import Transformer

/// LoRA: a frozen base, adapters that alone are trained, and merged weights that both forward passes use.
@Suite("Adapters")
struct AdaptersTests {
  private typealias Architecture = ModelConfiguration.Architecture
  private let families = TinyModel.families
  private let inverseTemperature = SlopedLoss.inverseTemperature
  private let loss = SlopedLoss.derivatives

  /// A decoder of the same random base as `TinyModel.decoder`, and B random too when `moved`, so that A has a gradient.
  private func decoder(
    _ architecture: ModelConfiguration.Architecture = .llama, rank: Int = 4, alpha: Double = 6,
    targets: Set<AdapterTarget> = Set(AdapterTarget.allCases), moved: Bool = true, threads: Int = 2
  ) throws -> Decoder {
    let configuration = TinyModel.configuration(architecture)
    let base = Parameters(layout: ParameterLayout(configuration))
    base.fillRandom(seed: 1)
    let shape = AdapterShape(rank: rank, alpha: alpha, targets: targets)
    let adapters = Adapters(shape, configuration: configuration) { layer, target, element in
      Float((element * 7 + layer * 3 + target.rawValue.utf8.count) % 11) / 5.5 - 1
    }
    let decoder = try Decoder(
      configuration: configuration, base: base, adapters: adapters, pool: ThreadPool(threads: threads))
    if moved {
      adapters.parameters.fillRandom(seed: 3)
      decoder.weightsChanged()
    }
    return decoder
  }

  /// The whole model that a decoder with adapters amounts to.
  private func merged(_ decoder: Decoder) -> Decoder {
    let parameters = Parameters(layout: ParameterLayout(decoder.configuration))
    for (view, whole) in zip(decoder.tensors, parameters.layout.views) {
      #expect(view.name == whole.name)
      decoder.read(view, into: parameters.elements(whole))
    }
    return Decoder(configuration: decoder.configuration, parameters: parameters, pool: ThreadPool(threads: 2))
  }

  private func gradients(_ decoder: Decoder) throws -> Parameters {
    let trainer = Trainer(decoder: decoder, rowsMax: 512)
    try trainer.accumulateGradients(families, inverseTemperature: inverseTemperature, loss: loss)
    return trainer.gradients
  }

  @Test("at the beginning the model is the base model to the bit", arguments: [Architecture.llama, .qwen2])
  func beginning(architecture: ModelConfiguration.Architecture) throws {
    let adapted = Trainer(decoder: try decoder(architecture, moved: false))
    let base = Trainer(decoder: TinyModel.decoder(architecture))
    let outcomes = try adapted.outcomes(families, inverseTemperature: inverseTemperature)
    #expect(try outcomes == base.outcomes(families, inverseTemperature: inverseTemperature))
  }

  @Test("an adapted matrix is W + alpha/rank · B·A, and everything else is the base", arguments: [1, 4, 16])
  func merging(rank: Int) throws {
    let decoder = try decoder(.qwen2, rank: rank, alpha: 6, targets: [.query, .down])
    let base = TinyModel.decoder(.qwen2).parameters
    let adapters = try #require(decoder.adapters).parameters
    for view in decoder.tensors {
      let original = try #require(base.layout.views.first { $0.name == view.name })
      var expected = Array(base.elements(original))
      if let a = adapters.layout.views.first(where: { $0.name == view.name + ".lora_a" }),
        let b = adapters.layout.views.first(where: { $0.name == view.name + ".lora_b" })
      {
        for row in 0..<view.shape[0] {
          for column in 0..<view.shape[1] {
            for r in 0..<rank {
              expected[row * view.shape[1] + column] +=
                6 / Float(rank) * adapters[b][row * rank + r] * adapters[a][r * view.shape[1] + column]
            }
          }
        }
      }
      let found = FloatBuffer(count: view.count)
      decoder.read(view, into: found.elements)
      let difference = (0..<view.count).map { abs(expected[$0] - found[$0]) }.max() ?? 0
      let isAdapted = view.name.contains("attn_q.weight") || view.name.contains("ffn_down")
      #expect(difference <= (isAdapted ? 1e-4 : 0), "\(view.name): \(difference)")
    }
  }

  @Test(
    "the gradients of A and B are those that the gradient of the merged matrix implies",
    arguments: [Architecture.llama, .qwen2])
  func chainRule(architecture: ModelConfiguration.Architecture) throws {
    let decoder = try decoder(architecture)
    let adapters = try #require(decoder.adapters).parameters
    let found = try gradients(decoder)
    let whole = try gradients(merged(decoder))
    let (r, scale) = (4, 1.5)
    for (a, b) in zip(
      found.layout.views.filter { $0.name.hasSuffix("a") }, found.layout.views.filter { $0.name.hasSuffix("b") })
    {
      let matrix = try #require(whole.layout.views.first { $0.name + ".lora_a" == a.name })
      let (N, K) = (matrix.shape[0], matrix.shape[1])
      func dW(_ row: Int, _ column: Int) -> Double { Double(whole[matrix][row * K + column]) }
      var dA = [Double](repeating: 0, count: r * K)
      var dB = [Double](repeating: 0, count: N * r)
      for row in 0..<N {
        for column in 0..<K {
          for i in 0..<r {
            dA[i * K + column] += scale * Double(adapters[b][row * r + i]) * dW(row, column)
            dB[row * r + i] += scale * dW(row, column) * Double(adapters[a][i * K + column])
          }
        }
      }
      for (view, expected) in [(a, dA), (b, dB)] {
        let largest = expected.map(abs).max() ?? 0
        let difference = expected.indices.map { abs(expected[$0] - Double(found[view][$0])) }.max() ?? 0
        #expect(largest > 0 && difference < 1e-4 * largest, "\(view.name): \(difference) at \(largest)")
      }
    }
  }

  @Test(
    "the gradient of every adapter is the slope of the loss along a random direction",
    arguments: [Architecture.llama, .qwen2])
  func slopes(architecture: ModelConfiguration.Architecture) throws {
    try expectSlopes(of: decoder(architecture), families, step: 2e-3, tolerance: 1e-2)
  }

  @Test("the log-probabilities of training are those of sampling, bit for bit, once adapters have moved")
  func onPolicy() throws {
    let trained = try Trainer(decoder: decoder(threads: 1), rowsMax: 128)
      .outcomes(families, inverseTemperature: inverseTemperature)
    let session = TinyModel.session(try decoder(threads: 2))
    for (family, group) in families.enumerated() {
      for (completion, tokens) in group.completions.enumerated() {
        let sequence = session.cache.makeSequence()
        var next = group.prompt
        for (index, token) in tokens.enumerated() {
          let rows = try session.run([DecodeSpan(sequence: sequence, tokens: next)])
          rows.temperedLogSoftmax(inverseTemperature: inverseTemperature, pool: session.decoder.pool)
          let expected = trained[family][completion][index].logProbability
          #expect(rows[0][Int(token)].bitPattern == expected.bitPattern)
          next = [token]
        }
      }
    }
  }

  @Test("only the targets have adapters, gradients and moments")
  func targets() throws {
    let decoder = try decoder(.qwen2, rank: 3, targets: [.value, .gate], moved: false)
    let names = ["attn_v", "ffn_gate"]
    let expected = (0..<2).flatMap { layer in
      names.flatMap { ["blk.\(layer).\($0).weight.lora_a", "blk.\(layer).\($0).weight.lora_b"] }
    }
    let gradients = try gradients(decoder)
    #expect(gradients.layout.views.map(\.name) == expected)
    #expect(gradients.layout.views.prefix(2).map(\.shape) == [[3, 48], [32, 3]])
    #expect(gradients.buffer.count == gradients.layout.count)
    #expect(Optimizer(layout: decoder.trained.layout).firstMoment.buffer.count == gradients.layout.count)
    // B is zero at the beginning, so A has no gradient yet.
    for view in gradients.layout.views {
      let squares = sumOfSquares(gradients[view], count: view.count, pool: decoder.pool)
      #expect((squares > 0) == view.name.hasSuffix("lora_b"), "\(view.name)")
    }
  }

  @Test("gradients have the same bits on one thread and on two")
  func deterministic() throws {
    let bits = try [1, 2, 2].map { threads in
      let gradients = try gradients(decoder(threads: threads))
      return withExtendedLifetime(gradients) { Array(gradients.buffer.elements).bits }
    }
    #expect(bits[0] == bits[1] && bits[1] == bits[2])
  }

  @Test("sixty steps teach a completion by heart with the base unchanged, and the beginning comes back")
  func learns() throws {
    let decoder = try decoder(rank: 8, alpha: 16, moved: false)
    let frozen = Array(decoder.parameters.buffer.elements)
    let beginning = Array(decoder.trained.buffer.elements)
    let trainer = Trainer(decoder: decoder, rowsMax: 128)
    let optimizer = Optimizer(layout: decoder.trained.layout)
    let settings = Optimizer.Settings(
      learningRate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, gradientNormMax: 1)
    let family = TrainingFamily(prompt: TinyModel.tokens(8, seed: 61), completions: [TinyModel.tokens(12, seed: 62)])
    let before = try trainer.outcomes([family], inverseTemperature: 1)
    for _ in 0..<60 {
      trainer.zeroGradients()
      try trainer.accumulateGradients([family], inverseTemperature: 1) { _, outcomes in
        outcomes.map { _ in TokenLoss(logProbability: -1 / 12) }
      }
      #expect(optimizer.step(decoder, gradients: trainer.gradients, settings: settings).isFinite)
    }
    let after = try trainer.outcomes([family], inverseTemperature: 1)[0][0]
    #expect(after.allSatisfy { $0.logProbability > -0.5 }, "\(after.map(\.logProbability))")
    #expect(frozen.bits == Array(decoder.parameters.buffer.elements).bits)
    try #require(decoder.adapters).reset()
    decoder.weightsChanged()
    #expect(beginning.bits == Array(decoder.trained.buffer.elements).bits)
    #expect(try trainer.outcomes([family], inverseTemperature: 1) == before)
  }
}

@Suite("Packed matrices")
struct PackedMatrixTests {
  @Test(
    "a packed matrix gives its rows back to the bit, as a whole and in pieces",
    arguments: [(1, 3), (16, 16), (37, 48), (101, 20)])
  func unpacking(outputs: Int, inputs: Int) {
    let weight = FloatBuffer(count: outputs * inputs)
    for index in 0..<weight.count { weight[index] = Float(index) - 7.5 }
    let buffer = FloatBuffer(count: PackedMatrix.count(outputs: outputs, inputs: inputs))
    let pool = ThreadPool(threads: 2)
    let packed = PackedMatrix(pointer: buffer.pointer, outputs: outputs, inputs: inputs)
    packed.pack(from: weight.pointer, pool: pool)
    for rows in [0..<outputs, 0..<min(outputs, 16), outputs / 16 * 16..<outputs] {
      let out = FloatBuffer(count: rows.count * inputs)
      packed.unpack(rows: rows, into: out.pointer, pool: pool)
      let expected = (0..<rows.count * inputs).map { weight[rows.lowerBound * inputs + $0] }
      #expect(Array(out.elements) == expected, "rows \(rows)")
    }
    withExtendedLifetime((weight, buffer)) {}
  }
}
