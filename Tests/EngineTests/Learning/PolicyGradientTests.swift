import Domain
import Engine
import Foundation
import Tensor
import Testing
import Transformer

@Suite("The policy-gradient step")
struct PolicyGradientTests {
  private static let advantages = [1.5, -0.75, 0, 1, -1, 0.25, 0, -2, 0.5, 1]

  /// Compares the gradient with the slope of the loss along a random direction of each tensor.
  private func expectSlopes(_ learning: TinyLearning, _ samples: [TrainingSample], _ settings: LearnerSettings) throws {
    try learning.perform(samples, settings)
    let decoder = learning.model.decoder
    let gradients = learning.model.trainer.gradients
    let direction = Parameters(layout: decoder.parameters.layout)
    direction.fillRandom(seed: 5)
    for view in decoder.parameters.layout.views {
      let original = Array(decoder.parameters.elements(view))
      let expected = (0..<view.count).reduce(0.0) {
        $0 + Double(gradients[view][$1]) * Double(direction[view][$1])
      }
      let length = (0..<view.count).reduce(0.0) { $0 + Double(gradients[view][$1]) * Double(gradients[view][$1]) }
        .squareRoot()
      let h: Float = 2e-3
      func moved(_ distance: Float) throws -> Double {
        for index in 0..<view.count {
          decoder.parameters[view][index] = original[index] + distance * direction[view][index]
        }
        decoder.weightsChanged()
        return try learning.loss(samples, settings)
      }
      let slope = (try moved(h) - moved(-h)) / Double(2 * h)
      _ = try moved(0)
      #expect(length > 0)
      #expect(abs(slope - expected) < 1e-2 * max(abs(expected), length), "\(view.name): \(slope), not \(expected)")
    }
  }

  @Test("its gradient is the slope of the loss, on-policy")
  func slopesOnPolicy() throws {
    let learning = try TinyLearning()
    try expectSlopes(learning, learning.samples(Self.advantages), TinyLearning.still)
  }

  @Test("its gradient is the slope of the loss, off-policy, with clipped ratios and entropy")
  func slopesOffPolicy() throws {
    let learning = try TinyLearning()
    var settings = TinyLearning.still
    settings.entropyCoefficient = 0.3
    // Ratios of 0.61, 0.9, 1.1 and 1.65: inside and outside the clip, none at its edge.
    let samples = try learning.samples(Self.advantages).shifted { [0.5, 0.1, -0.1, -0.5][$0 % 4] }
    try expectSlopes(learning, samples, settings)
  }

  @Test("with no advantage at all the gradient is that of the entropy")
  func entropyOnly() throws {
    let learning = try TinyLearning()
    var settings = TinyLearning.still
    settings.entropyCoefficient = 0.5
    try expectSlopes(learning, learning.samples([0, 0, 0, 0]), settings)
  }

  @Test("fresh samples are on-policy to the bit: every ratio is exactly 1")
  func onPolicy() throws {
    let learning = try TinyLearning(threads: 2)
    let outcome = try learning.perform(learning.samples(Self.advantages))
    #expect(outcome.logProbabilityMismatches == 0)
    #expect(outcome.ratioMean == 1)
    #expect(outcome.ratioDistanceMax == 0)
    #expect(outcome.clippedShare == 0)
  }

  @Test("changed log-probabilities are counted, and the largest is told as a distance of the ratio from 1")
  func mismatches() throws {
    let learning = try TinyLearning()
    var samples = try learning.samples([1, -1])
    samples[1].logProbabilities[0] = samples[1].logProbabilities[0].nextDown
    #expect(try learning.perform(samples).logProbabilityMismatches == 1)
    let fresh = samples[0].logProbabilities
    samples[0].logProbabilities[0] = fresh[0] - 0.25
    samples[1].logProbabilities[1] -= 0.125
    let outcome = try learning.perform(samples)
    #expect(outcome.logProbabilityMismatches == 3)
    let largest = exp(Double(fresh[0]) - Double(fresh[0] - 0.25)) - 1
    #expect(outcome.ratioDistanceMax == largest)
    // Both are in the event, where a query finds them.
    let event = WeightsUpdated(
      fromVersion: 0, toVersion: 1, batchDigest: "", consumed: [], groups: [], outcome: outcome)
    let body = String(decoding: Event.weightsUpdated(event).body, as: UTF8.self)
    #expect(body.contains("\"log_probability_mismatches\":3"))
    #expect(body.contains("\"ratio_distance_max\":\(largest)"))
  }

  @Test("the loss is the mean over all tokens of the batch, those without advantage among them")
  func denominator() throws {
    let learning = try TinyLearning()
    let samples = try learning.samples([1, 0, -2, 0])
    let outcome = try learning.perform(samples)
    let counts = samples.map { Double($0.tokens.count) }
    // On-policy the surrogate of a token is its advantage.
    #expect(abs(outcome.loss - -(counts[0] - 2 * counts[2]) / counts.reduce(0, +)) < 1e-12)
    #expect(abs(try outcome.loss - learning.loss(samples, TinyLearning.still)) < 1e-12)
    #expect(outcome.sequences == 2)
    #expect(outcome.tokens == samples[0].tokens.count + samples[2].tokens.count)
  }

  @Test("a sample without advantage is skipped but lengthens the mean; with an entropy term it is trained")
  func skipped() throws {
    let learning = try TinyLearning()
    let samples = try learning.samples([1, 0])
    try learning.perform([samples[0]])
    let alone = learning.gradient
    try learning.perform(samples)
    let share = Float(samples[0].tokens.count) / Float(samples[0].tokens.count + samples[1].tokens.count)
    expectEqual(learning.gradient, alone.map { $0 * share })
    var settings = TinyLearning.still
    settings.entropyCoefficient = 0.1
    #expect(try learning.perform(samples, settings).sequences == 2)
  }

  @Test(
    "a ratio beyond the clip has no gradient where going on would raise the surrogate, and has one where not",
    arguments: [(1.0, true, true), (1, false, false), (-1, true, false), (-1, false, true)])
  func clip(advantage: Double, isRatioHigh: Bool, isClipped: Bool) throws {
    let learning = try TinyLearning()
    let samples = try learning.samples([advantage]).shifted { _ in isRatioHigh ? -0.5 : 0.5 }
    let outcome = try learning.perform(samples)
    #expect(outcome.clippedShare == (isClipped ? 1 : 0))
    #expect((outcome.gradientNorm == 0) == isClipped)
    #expect(isRatioHigh ? outcome.ratioMean > 1.6 : outcome.ratioMean < 0.7)
  }

  @Test("samples that share a prompt have the gradient that they have apart")
  func sharedPrompts() throws {
    let learning = try TinyLearning()
    var samples = try learning.samples(Self.advantages)
    for index in samples.indices { samples[index].prompt = "def f(x):" }
    // Off-policy now, because the prompts were changed; near enough not to be clipped is not needed for this.
    try learning.perform(samples)
    let shared = learning.gradient
    let tokens = samples.reduce(0) { $0 + $1.tokens.count }
    var apart = [Double](repeating: 0, count: shared.count)
    for sample in samples {
      try learning.perform([sample])
      let share = Double(sample.tokens.count) / Double(tokens)
      for (index, value) in learning.gradient.enumerated() { apart[index] += Double(value) * share }
    }
    expectEqual(shared, apart.map { Float($0) })
  }

  @Test("the order of families and their number in memory change the gradient by rounding only")
  func order() throws {
    let learning = try TinyLearning()
    let samples = try learning.samples(Self.advantages)
    try learning.perform(samples)
    let forward = learning.gradient
    try learning.perform(samples.reversed())
    expectEqual(forward, learning.gradient)
  }

  @Test("an update has the same bits twice and on any number of threads")
  func deterministic() throws {
    let outcomes = try [1, 2, 1].map { threads in
      let learning = try TinyLearning(threads: threads)
      let samples = try learning.samples(Self.advantages)
      _ = try learning.perform(samples, TinyLearning.moving)
      return try learning.perform(samples, TinyLearning.moving)
    }
    #expect(outcomes[0] == outcomes[1] && outcomes[1] == outcomes[2])
  }

  @Test("an update makes what was good likelier and what was bad less likely")
  func learns() throws {
    let learning = try TinyLearning()
    let samples = try learning.samples([1, -1])
    let before = try learning.loss(samples, TinyLearning.still)
    let digest = learning.model.weightsDigest
    let outcome = try learning.perform(samples, TinyLearning.moving)
    #expect(outcome.weightsDigest != digest && outcome.weightsDigest == learning.model.weightsDigest)
    #expect(outcome.optimizerDigest == learning.model.optimizerDigest)
    #expect(try learning.loss(samples, TinyLearning.still) < before)
  }

  @Test("what is not finite is said, and leaves weights and optimizer as they were")
  func notFinite() throws {
    let learning = try TinyLearning()
    var samples = try learning.samples([1, -1])
    _ = try learning.perform(samples, TinyLearning.moving)
    let (weights, optimizer) = (learning.model.weightsDigest, learning.model.optimizerDigest)
    samples[0].advantage = .nan
    #expect(throws: LearnerError.self) { try learning.perform(samples, TinyLearning.moving) }
    samples[0].advantage = -1
    samples[0].logProbabilities[0] = -.infinity
    #expect(throws: LearnerError.self) { try learning.perform(samples, TinyLearning.moving) }
    #expect(learning.model.weightsDigest == weights)
    #expect(learning.model.optimizerDigest == optimizer)
  }

  @Test("the clip above 1 is its own, and a dual clip bounds what a bad sample of a large ratio costs")
  func otherClips() throws {
    let learning = try TinyLearning()
    // ratio 1.5, so log π_recorded is smaller by ln 1.5.
    let shift = -Float(log(1.5))
    func loss(_ advantage: Double, _ change: (inout LearnerSettings) -> Void) throws -> (Double, clipped: Double) {
      var settings = TinyLearning.still
      change(&settings)
      let outcome = try learning.perform(try learning.samples([advantage]).shifted { _ in shift }, settings)
      return (outcome.loss, outcome.clippedShare)
    }
    func near(_ found: (Double, clipped: Double), _ loss: Double, _ clipped: Double) -> Bool {
      abs(found.0 - loss) < 1e-3 && found.clipped == clipped
    }
    #expect(near(try loss(1) { _ in }, -1.2, 1))
    #expect(near(try loss(1) { $0.ratioClipHigh = .number(0.28) }, -1.28, 1))
    #expect(near(try loss(1) { $0.ratioClipHigh = .number(0.6) }, -1.5, 0))
    #expect(near(try loss(-1) { _ in }, 1.5, 0))
    #expect(near(try loss(-1) { $0.dualClip = 1.25 }, 1.25, 1))
    #expect(near(try loss(-1) { $0.dualClip = 3 }, 1.5, 0))
  }

  @Test("a sequence beyond the model's context is refused by name")
  func tooLong() throws {
    let learning = try TinyLearning()
    let long = TrainingSample(
      id: "long", prompt: String(repeating: "x ", count: 600), tokens: [1], logProbabilities: [-1], temperature: 1,
      advantage: 1)
    do {
      try learning.perform([long])
      Issue.record("accepted")
    } catch EngineError.sequenceTooLong(let id, let tokens, let max) {
      #expect(id == "long" && tokens > max && max == learning.model.decoder.configuration.contextLength)
    }
  }

  /// Equal but for rounding, measured at the largest value.
  private func expectEqual(_ left: [Float], _ right: [Float], sourceLocation: SourceLocation = #_sourceLocation) {
    let largest = right.map { abs($0) }.max() ?? 0
    let difference = zip(left, right).map { abs($0 - $1) }.max() ?? 0
    #expect(largest > 0, sourceLocation: sourceLocation)
    #expect(difference < 1e-5 * largest, "\(difference) at \(largest)", sourceLocation: sourceLocation)
  }
}
