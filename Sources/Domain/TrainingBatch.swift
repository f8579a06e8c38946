import Crypto
import Foundation

/// What the learner trains on, built from the log and nothing else: the same batch live, at replay, or offline.
package struct TrainingBatch: Sendable {
  /// In batch order: proposals by slot, solve attempts by slot, then reused probes by slot.
  package var samples: [TrainingSample]
  package var groups: [RewardGroup]

  /// The recorded part of a sample.
  package struct Recorded: Sendable {
    package var prompt: String
    package var tokens: [Int32]
    package var logProbabilities: [Float]
    package var temperature: Double

    package init(prompt: String, tokens: [Int32], logProbabilities: [Float], temperature: Double) {
      self.prompt = prompt
      self.tokens = tokens
      self.logProbabilities = logProbabilities
      self.temperature = temperature
    }
  }

  /// - Parameters:
  ///   - ledger: a fully verified iteration.
  ///   - recorded: the generation at a position of the log.
  package init(
    _ ledger: IterationLedger, settings: ExperimentSettings, recorded: (Int64) throws -> Recorded
  ) rethrows {
    let scored = ledger.scoredSamples(settings)
    let generations = try scored.map { try recorded($0.position) }
    let (advantages, groups) = advantages(
      scored, tokenCounts: generations.map(\.tokens.count), settings: settings.advantages)
    self.groups = groups
    samples = zip(scored, zip(generations, advantages)).map { sample, rest in
      TrainingSample(
        id: sample.id, prompt: rest.0.prompt, tokens: rest.0.tokens, logProbabilities: rest.0.logProbabilities,
        temperature: rest.0.temperature, advantage: rest.1)
    }
  }

  /// SHA-256 over every sample in order: id, prompt, tokens, log-probabilities, temperature and advantage, each with its
  /// length, numbers as little-endian bits.
  package var digest: String {
    var hash = SHA256()
    for sample in samples {
      for text in [sample.id, sample.prompt] {
        hash.update(UInt64(text.utf8.count).littleEndian)
        hash.update(data: Data(text.utf8))
      }
      hash.update(UInt64(sample.tokens.count).littleEndian)
      for token in sample.tokens { hash.update(token.littleEndian) }
      for value in sample.logProbabilities { hash.update(value.bitPattern.littleEndian) }
      hash.update(sample.temperature.bitPattern.littleEndian)
      hash.update(sample.advantage.bitPattern.littleEndian)
    }
    return hash.finalize().hexadecimal
  }
}

extension SHA256 {
  fileprivate mutating func update(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value) { update(bufferPointer: $0) }
  }
}

extension Sequence<UInt8> {
  /// Lower-case hexadecimal.
  package var hexadecimal: String {
    var text = ""
    for byte in self {
      text.append(String(byte >> 4, radix: 16))
      text.append(String(byte & 15, radix: 16))
    }
    return text
  }
}

/// SHA-256 of some bytes as lower-case hexadecimal.
package func sha256(_ bytes: some DataProtocol) -> String { SHA256.hash(data: bytes).hexadecimal }
