import Domain
import Foundation
import Tensor
import Transformer

/// Writes one text after a prompt, token by token, for somebody who watches, and tells what the model thinks of a prompt.
///
/// The same forward pass and the same draw as `BatchSampler`: a key gives the same tokens here and there. One owner; blocks
/// its thread.
package final class TextGenerator {
  private let decoder: Decoder
  private let tokenizer: Tokenizer

  /// Throws when the tokenizer is of another model.
  package init(decoder: Decoder, tokenizer: Tokenizer) throws(SamplingError) {
    guard tokenizer.vocabularySize == decoder.configuration.vocabulary else {
      throw .vocabularyMismatch(tokenizer: tokenizer.vocabularySize, model: decoder.configuration.vocabulary)
    }
    (self.decoder, self.tokenizer) = (decoder, tokenizer)
  }

  /// Samples until a stop, an end token, the length asked for or the end of the context.
  ///
  /// - Parameters:
  ///   - topP: keeps the fewest tokens whose probabilities reach it; 1 keeps all. The log-probabilities reported are
  ///     those of what is kept.
  ///   - piece: called with text as it becomes complete; end tokens are no text.
  /// - Throws: `SamplingError`, `TransformerError`, `CancellationError` at the next token.
  package func generate(
    _ prompt: [Int32], sampling: Sampling, topP: Double, key: RandomKey, piece: (String) -> Void
  ) throws -> Generation {
    let context = decoder.configuration.contextLength
    guard !prompt.isEmpty else { throw SamplingError.emptyPrompt(request: 0) }
    guard prompt.count < context else {
      throw SamplingError.promptTooLong(request: 0, tokens: prompt.count, contextLength: context)
    }
    let tokensMax = min(sampling.tokensMax, context - prompt.count)
    let session = session(positions: prompt.count + tokensMax)
    let sequence = session.cache.makeSequence()
    var sample = RunningSample(
      request: 0, group: 0, of: GenerationRequest(prompt: "", sampling: sampling, key: key), tokensMax: tokensMax,
      pages: 0, sequence: sequence, input: prompt[prompt.count - 1])
    var text = TextDecoder(tokenizer)
    var input = prompt
    while true {
      try Task.checkCancellation()
      let row = try session.run([DecodeSpan(sequence: sequence, tokens: input)])[0]
      let drawn = draw(row, sample, topP: topP)
      guard drawn.logProbability.isFinite else {
        throw SamplingError.notFinite(request: 0, token: sample.tokens.count)
      }
      let finish = sample.append(drawn, tokenizer: tokenizer)
      if finish != .end { piece(text.append(drawn.token)) }
      guard let finish else {
        input = [drawn.token]
        continue
      }
      piece(text.finish())
      return sample.generation(promptTokenCount: prompt.count, finish: finish)
    }
  }

  /// What the model thinks of a prompt: log p of each token after the first given those before it, and the logits (V)
  /// after the last.
  package func examine(_ prompt: [Int32]) throws -> (logProbabilities: [Float], logits: [Float]) {
    guard !prompt.isEmpty else { throw SamplingError.emptyPrompt(request: 0) }
    let session = session(positions: prompt.count)
    let sequence = session.cache.makeSequence()
    let V = decoder.configuration.vocabulary
    var logProbabilities: [Float] = []
    for (index, token) in prompt.enumerated() {
      let row = try session.run([DecodeSpan(sequence: sequence, tokens: [token])])[0]
      let logits = UnsafeBufferPointer(start: row, count: V)
      guard logits.allSatisfy(\.isFinite) else { throw SamplingError.notFinite(request: 0, token: index) }
      guard index + 1 < prompt.count else { return (logProbabilities, Array(logits)) }
      temperedLogSoftmaxRow(row, inverseTemperature: 1, V: V)
      logProbabilities.append(row[Int(prompt[index + 1])])
    }
    preconditionFailure("a prompt has a last token")
  }

  private func session(positions: Int) -> InferenceSession {
    InferenceSession(
      decoder: decoder, cache: KVCache(configuration: decoder.configuration, positionsMax: positions), rowsMax: 256,
      outputsMax: 1)
  }

  private func draw(_ row: Out, _ sample: RunningSample, topP: Double) -> DrawnToken {
    let V = decoder.configuration.vocabulary
    let (temperature, inverse) = (sample.sampling.temperature, sample.sampling.inverseTemperature)
    if topP < 1, temperature > 0 { keepNucleus(logits: row, V: V, inverseTemperature: inverse, topP: topP) }
    let scratch = FloatBuffer(count: V)
    return drawToken(
      logits: row, scratch: scratch.pointer, V: V, temperature: temperature, inverseTemperature: inverse,
      uniform: sample.uniform)
  }
}

/// Leaves the fewest tokens whose probabilities reach `topP`, of equals the first ones, and takes every chance from the
/// others (Holtzman et al. 2020).
func keepNucleus(logits: Out, V: Int, inverseTemperature: Float, topP: Double) {
  let row = FloatBuffer(count: V)
  row.pointer.update(from: logits, count: V)
  temperedLogSoftmaxRow(row.pointer, inverseTemperature: inverseTemperature, V: V)
  // All tokens below this bound together are less than what may be left out, so none of them is needed.
  let bound = Float(log((1 - topP) / Double(V)))
  var candidates = (0..<V).filter { row.pointer[$0] >= bound }
  candidates.sort { (row.pointer[$1], $0) < (row.pointer[$0], $1) }
  var kept = Set<Int>()
  var sum = 0.0
  for token in candidates where sum < topP {
    sum += exp(Double(row.pointer[token]))
    kept.insert(token)
  }
  // Far below any logit, so that its probability is exactly 0.
  for token in 0..<V where !kept.contains(token) { logits[token] = -1e30 }
}

extension TextGenerator {
  /// A generator of the weights of a policy version.
  ///
  /// - Throws: `ModelFileError` for an unfit tokenizer.
  package convenience init(_ weights: PolicyWeights, threads: Int) throws {
    let decoder = Decoder(
      configuration: weights.base.configuration, parameters: weights.parameters, pool: ThreadPool(threads: threads))
    try self.init(decoder: decoder, tokenizer: Tokenizer(weights.base.tokenizerDefinition()))
  }

  /// The ids of a prompt as experiments encode it: all of it is text, control tokens written in it too.
  package func encode(_ prompt: String) -> [Int32] { tokenizer.encodePrompt(prompt) }

  /// The ids of a conversation of one message, up to where the model begins to answer. Only the template's own markers are
  /// control tokens.
  package func encode(message: String, template: ChatTemplate) -> [Int32] {
    template.encode([ChatTemplate.Message(role: "user", content: message)], addGenerationPrompt: true, with: tokenizer)
  }
}
